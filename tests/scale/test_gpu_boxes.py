"""The queues of GPU boxes, and the errors of their generations."""

from __future__ import annotations

import pytest

from support.api import image_bytes
from support.hosts import Cluster, FrontEnd, GpuBox

pytestmark = pytest.mark.scale
PHOTO = image_bytes()


def test_a_gpu_box_gets_the_generations_of_its_queue(cluster: Cluster) -> None:
    gpu_boxes = [
        GpuBox(cluster, queue, 0, GENERATION_QUEUE=queue, GENERATION_TIMEOUT_S="9")
        for queue in ("plain", "textured")
    ]
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="9")
    try:
        for gpu_box in gpu_boxes:
            gpu_box.wait()
        session_id = front_end.session()
        for texture, gpu_box in (("false", gpu_boxes[0]), ("true", gpu_boxes[1])) * 2:
            answer = front_end.post(session_id, PHOTO, texture=texture)
            assert (answer.status_code, answer.json()["engine"]) == (200, gpu_box.engine)
    finally:
        front_end.close()
        for gpu_box in gpu_boxes:
            gpu_box.close()


def test_errors_are_the_same_as_without_workers(cluster: Cluster) -> None:
    gpu_box = GpuBox(cluster, "slow", 20, GENERATION_TIMEOUT_S="2")
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="2")
    try:
        gpu_box.wait()
        session_id = front_end.session()
        late = front_end.post(session_id, PHOTO)
        assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
        assert late.elapsed.total_seconds() < 4.5
        gpu_box.space.kill()
        gpu_box.space.wait()
        unreachable = front_end.post(session_id, PHOTO)
        assert unreachable.status_code == 503
        assert unreachable.json()["code"] == "generator_unavailable"
        assert "Retry-After" in unreachable.headers
        gpu_box.kill_worker()
        without_worker = front_end.post(session_id, PHOTO)
        assert without_worker.status_code == 504
        assert without_worker.json()["code"] == "generation_timeout"
        assert without_worker.json()["filename"] == "chair-3.png"
        assert front_end.models(session_id) == []
    finally:
        front_end.close()
        gpu_box.close()
