"""The queues of GPU machines, and the errors of their generations. Their broker is Redis too."""

from __future__ import annotations

from typing import Dict, Iterator, List

import pytest

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine

PHOTO = image_bytes()
QUEUES = ("plain", "textured")


@pytest.fixture(scope="module")
def settings(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """A queue and sessions that the other GPU machines and front ends do not share."""
    url = cluster.redis.url[:-1] + "1"
    return {
        "CELERY_BROKER_URL": url,
        "CELERY_RESULT_BACKEND": url,
        "SESSIONS_DIR": str(tmp_path_factory.mktemp("alone")),
        "GENERATION_TIMEOUT_S": "3",
    }


@pytest.fixture(scope="module")
def gpu_machines(cluster: Cluster, settings: Dict[str, str]) -> Iterator[List[GpuMachine]]:
    """One for each queue."""
    found = [GpuMachine(cluster, each, GENERATION_QUEUE=each, **settings) for each in QUEUES]
    for gpu_machine in found:
        gpu_machine.wait()
    yield found
    for gpu_machine in found:
        gpu_machine.close()


@pytest.fixture(scope="module")
def front_end(cluster: Cluster, settings: Dict[str, str]) -> Iterator[FrontEnd]:
    front_end = FrontEnd(cluster, 1, **settings)
    yield front_end
    front_end.close()


def test_a_gpu_machine_gets_the_generations_of_its_queue(
    gpu_machines: List[GpuMachine], front_end: FrontEnd
) -> None:
    session_id = front_end.session()
    for texture, gpu_machine in (("false", gpu_machines[0]), ("true", gpu_machines[1])) * 2:
        answer = front_end.post(session_id, PHOTO, texture=texture)
        assert (answer.status_code, answer.json()["engine"]) == (200, gpu_machine.engine)


def test_errors_are_the_same_as_without_workers(
    gpu_machines: List[GpuMachine], front_end: FrontEnd
) -> None:
    plain, textured = gpu_machines
    session_id = front_end.session()
    late = front_end.post(session_id, PHOTO, caption="20")
    assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
    assert late.elapsed.total_seconds() < 20
    plain.space.kill()
    plain.space.wait()
    unreachable = front_end.post(session_id, PHOTO)
    assert unreachable.status_code == 503
    assert unreachable.json()["code"] == "generator_unavailable"
    assert "Retry-After" in unreachable.headers
    plain.close_worker()
    textured.close_worker()
    without_worker = front_end.post(session_id, PHOTO)
    assert without_worker.status_code == 504
    assert without_worker.json()["code"] == "generation_timeout"
    assert wait_until(lambda: front_end.health()["reason"] == "No worker answers.")
    assert without_worker.json()["filename"] == "chair-3.png"
    assert front_end.models(session_id) == []
