"""What a GPU box is for, and what becomes of its errors."""

from __future__ import annotations

import pytest

from support.api import picture
from support.hosts import Box, Cluster, FrontEnd

pytestmark = pytest.mark.scale
PHOTO = picture()


def test_a_box_gets_what_it_is_good_for(cluster: Cluster) -> None:
    boxes = [
        Box(cluster, queue, 0, GENERATION_QUEUE=queue, GENERATION_TIMEOUT_S="9")
        for queue in ("plain", "textured")
    ]
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="9")
    try:
        for box in boxes:
            box.wait()
        session_id = front_end.session()
        for texture, box in (("false", boxes[0]), ("true", boxes[1])) * 2:
            made = front_end.post(session_id, PHOTO, texture=texture)
            assert (made.status_code, made.json()["engine"]) == (200, box.engine)
    finally:
        front_end.close()
        for box in boxes:
            box.close()


def test_errors_are_the_same_as_without_workers(cluster: Cluster) -> None:
    box = Box(cluster, "slow", 20, GENERATION_TIMEOUT_S="2")
    front_end = FrontEnd(cluster, 1, GENERATION_TIMEOUT_S="2")
    try:
        box.wait()
        session_id = front_end.session()
        late = front_end.post(session_id, PHOTO)
        assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
        assert late.elapsed.total_seconds() < 4.5
        box.space.kill()
        box.space.wait()
        away = front_end.post(session_id, PHOTO)
        assert (away.status_code, away.json()["code"]) == (503, "generator_unavailable")
        assert "Retry-After" in away.headers
        box.kill_worker()
        nobody = front_end.post(session_id, PHOTO)
        assert (nobody.status_code, nobody.json()["code"]) == (504, "generation_timeout")
        assert nobody.json()["filename"] == "chair-3.png"
        assert front_end.models(session_id) == []
    finally:
        front_end.close()
        box.close()
