from __future__ import annotations

import os
from typing import Iterator

import pytest

from support.brokers import missing
from support.hosts import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """RabbitMQ, Redis and a shared folder."""
    if missing() and os.environ.get("CI") != "true":
        pytest.skip(f"not on this machine: {', '.join(missing())}")
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    yield cluster
    cluster.close()
