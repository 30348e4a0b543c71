from __future__ import annotations

from typing import Any

import pytest

from support.api import MakeClient, new_session
from support.generations import Api


@pytest.fixture
def api(make_client: MakeClient, held_space: Any) -> Api:
    """A session of an app whose generator holds each job until the test releases it."""
    client = make_client(held_space.url)
    return Api(client.application, new_session(client), held_space)
