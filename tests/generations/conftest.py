from __future__ import annotations

from typing import Iterator

import pytest
from flask.testing import FlaskClient

from support.api import MakeClient, new_session
from support.fake_service import FakeService
from support.generations import Api


@pytest.fixture
def api(client: FlaskClient, session_id: str, service: FakeService) -> Iterator[Api]:
    """A session of an app whose generator holds each job until the test releases it."""
    service.release.clear()
    yield Api(client.application, session_id, service)
    service.release.set()


@pytest.fixture
def api_with_one_place(make_client: MakeClient, service: FakeService) -> Iterator[Api]:
    """The same of an app with room for one generation."""
    service.release.clear()
    client = make_client(max_generations=1)
    yield Api(client.application, new_session(client), service)
    service.release.set()
