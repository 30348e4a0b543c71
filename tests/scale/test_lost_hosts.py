"""Processes and hosts that die while models are made: nothing is lost, nothing is made twice."""

from __future__ import annotations

import time
from typing import Iterator, List

import pytest
from requests.exceptions import ChunkedEncodingError

from dreamlab.settings import PLAIN, load
from hunyuan_service import Options
from support.api import picture, wait_until
from support.hosts import Box, Cluster, FrontEnd, Load, start_boxes

pytestmark = pytest.mark.scale
PHOTO = picture()
SECONDS = 1.5


@pytest.fixture(scope="module")
def both(cluster: Cluster) -> Iterator[List[Box]]:
    boxes = start_boxes(cluster, SECONDS, "first", "second")
    yield boxes
    for box in boxes:
        box.close()


@pytest.fixture
def boxes(both: List[Box]) -> List[Box]:
    for box in both:
        box.start()
    for box in both:
        box.wait()
    return both


@pytest.fixture(scope="module")
def front_end(cluster: Cluster) -> Iterator[FrontEnd]:
    front_end = FrontEnd(cluster, 1)
    yield front_end
    front_end.close()


@pytest.mark.parametrize("lost", ("worker", "host"))
def test_what_a_lost_host_was_at_is_made_by_another(
    boxes: List[Box], front_end: FrontEnd, lost: str
) -> None:
    session_id = front_end.session()
    running = Load([front_end], session_id, PHOTO, 6)
    assert wait_until(boxes[0].is_working)
    time.sleep(SECONDS / 2)
    boxes[0].kill_worker() if lost == "worker" else boxes[0].close()
    answers = running.answers()
    assert [answer.status_code for answer in answers] == [200] * 6
    models = sorted(answer.json()["model"] for answer in answers)
    assert len(set(models)) == 6
    # A killed worker's child may still be at it: what it makes is no second model.
    time.sleep(SECONDS * 2)
    assert sorted(front_end.models(session_id)) == models
    again = front_end.post(session_id, PHOTO)
    assert (again.status_code, again.json()["engine"]) == (200, boxes[1].engine)


def test_a_task_that_is_delivered_twice_makes_one_model(
    cluster: Cluster, boxes: List[Box], front_end: FrontEnd
) -> None:
    from dreamlab.cluster.messages import TASK, GenerationTask, make_celery

    session_id = front_end.session()
    assert front_end.post(session_id, PHOTO).status_code == 200
    celery = make_celery(load(cluster.settings), [PLAIN])
    task = GenerationTask(session_id, {"front": "chair.png"}, "table.glb", vars(Options()))
    with celery.connection_for_write() as connection:
        twice = [
            celery.send_task(
                TASK, [task._asdict()], task_id="one and the same", queue=PLAIN,
                connection=connection,
            )
            for _ in range(2)
        ]  # fmt: skip
    assert wait_until(
        lambda: sum(line.count("succeeded") for box in boxes for line in box.log) == 3, 40
    )
    assert twice[0].id == twice[1].id
    assert front_end.models(session_id) == ["chair.glb", "table.glb"]


@pytest.mark.parametrize("broker", ("rabbitmq", "redis"))
def test_a_broker_that_is_killed_loses_no_model(
    cluster: Cluster, boxes: List[Box], front_end: FrontEnd, broker: str
) -> None:
    session_id = front_end.session()
    running = front_end.streams(session_id, PHOTO, 6)
    assert wait_until(lambda: all(box.is_working() for box in boxes))
    server = getattr(cluster, broker)
    server.kill()
    meanwhile = front_end.post(session_id, PHOTO)
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (503, "generator_unavailable")
    assert "Retry-After" in meanwhile.headers
    assert meanwhile.elapsed.total_seconds() < 12
    server.start()
    ends = [list(events)[-1] for events in running]
    assert {data["status"] for kind, data in ends if kind == "error"} <= {503}
    made = {data["model"] for kind, data in ends if kind == "complete"}
    print(f"{broker} killed: {len(made)} models, {len(ends) - len(made)} times 503")
    assert made <= set(front_end.models(session_id))
    # Those that were answered with a 503 are made all the same, once.
    assert wait_until(lambda: len(front_end.models(session_id)) == 6, 40)
    assert wait_until(lambda: front_end.post(session_id, PHOTO).status_code == 200)
    assert len(front_end.models(session_id)) <= 6 + len(ends)


def test_a_front_end_that_is_killed_leaves_its_model_to_the_other(
    cluster: Cluster, boxes: List[Box], front_end: FrontEnd
) -> None:
    other = FrontEnd(cluster, 1)
    try:
        session_id = other.session()
        running = other.streams(session_id, PHOTO, 4)
        assert wait_until(boxes[0].is_working)
        other.close()
        for events in running:
            with pytest.raises(ChunkedEncodingError):
                list(events)
        assert len(front_end.models(session_id)) < 4
        assert wait_until(lambda: len(front_end.models(session_id)) == 4, 40)
        again = front_end.post(session_id, PHOTO)
        assert again.json()["model"] == "chair-5.glb"
    finally:
        other.close()
