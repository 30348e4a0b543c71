from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import pytest

from support.brokers import missing
from support.hosts import Cluster, FrontEnd, GpuMachine, start_front_ends
from support.needs import need

# How long a job of a GPU machine takes, unless its caption says something else.
SECONDS = 1


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """RabbitMQ, Redis and a shared folder."""
    need(not missing(), ", ".join(missing()))
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def shared_gpu_machines(cluster: Cluster) -> Iterator[List[GpuMachine]]:
    gpu_machines = [
        GpuMachine(cluster, name, SECONDS, LOG_FORMAT="json") for name in ("first", "second")
    ]
    yield gpu_machines
    for gpu_machine in gpu_machines:
        gpu_machine.close()


@pytest.fixture
def gpu_machines(shared_gpu_machines: List[GpuMachine]) -> List[GpuMachine]:
    """Two GPU machines. What an earlier test has killed is started again."""
    for gpu_machine in shared_gpu_machines:
        gpu_machine.start()
    for gpu_machine in shared_gpu_machines:
        gpu_machine.wait()
    return shared_gpu_machines


@pytest.fixture(scope="session")
def front_end_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front-ends") / "log"


@pytest.fixture(scope="session")
def shared_front_ends(cluster: Cluster, front_end_log: Path) -> Iterator[List[FrontEnd]]:
    front_ends = start_front_ends(
        cluster,
        2,
        log=front_end_log,
        TRUSTED_PROXIES="1",
        METRICS="true",
        LOG_FORMAT="json",
        TMPDIR=str(front_end_log.parent),
    )
    yield front_ends
    for front_end in front_ends:
        front_end.close()


@pytest.fixture
def front_ends(shared_front_ends: List[FrontEnd]) -> List[FrontEnd]:
    """Two front ends. What an earlier test has killed is started again."""
    for front_end in shared_front_ends:
        front_end.start()
    return shared_front_ends


@pytest.fixture
def front_end(front_ends: List[FrontEnd]) -> FrontEnd:
    return front_ends[0]
