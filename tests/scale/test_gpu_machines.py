"""The queues of GPU machines, and the errors of their generations."""

from __future__ import annotations

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine

PHOTO = image_bytes()


def test_a_gpu_machine_gets_the_generations_of_its_queue(cluster: Cluster) -> None:
    gpu_machines = [
        GpuMachine(cluster, queue, 0, GENERATION_QUEUE=queue, GENERATION_TIMEOUT_S="9")
        for queue in ("plain", "textured")
    ]
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="9")
    try:
        for gpu_machine in gpu_machines:
            gpu_machine.wait()
        session_id = front_end.session()
        for texture, gpu_machine in (("false", gpu_machines[0]), ("true", gpu_machines[1])) * 2:
            answer = front_end.post(session_id, PHOTO, texture=texture)
            assert (answer.status_code, answer.json()["engine"]) == (200, gpu_machine.engine)
    finally:
        front_end.close()
        for gpu_machine in gpu_machines:
            gpu_machine.close()


def test_errors_are_the_same_as_without_workers(cluster: Cluster) -> None:
    gpu_machine = GpuMachine(cluster, "slow", 20, GENERATION_TIMEOUT_S="2")
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="2")
    try:
        gpu_machine.wait()
        session_id = front_end.session()
        late = front_end.post(session_id, PHOTO)
        assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
        assert late.elapsed.total_seconds() < 4.5
        gpu_machine.space.kill()
        gpu_machine.space.wait()
        unreachable = front_end.post(session_id, PHOTO)
        assert unreachable.status_code == 503
        assert unreachable.json()["code"] == "generator_unavailable"
        assert "Retry-After" in unreachable.headers
        gpu_machine.kill_worker()
        without_worker = front_end.post(session_id, PHOTO)
        assert without_worker.status_code == 504
        assert without_worker.json()["code"] == "generation_timeout"
        assert wait_until(lambda: front_end.health()["reason"] == "No worker answers.")
        assert without_worker.json()["filename"] == "chair-3.png"
        assert front_end.models(session_id) == []
    finally:
        front_end.close()
        gpu_machine.close()
