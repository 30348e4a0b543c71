"""Front ends and GPU boxes that share one task queue."""

from __future__ import annotations

import time
from typing import Iterator, List

import pytest
import requests

from support.api import picture, wait_until
from support.hosts import Box, Cluster, FrontEnd, Load, start_boxes

pytestmark = pytest.mark.scale
PHOTO = picture()


@pytest.fixture(scope="module")
def boxes(cluster: Cluster) -> Iterator[List[Box]]:
    boxes = start_boxes(cluster, 1, "first", "second")
    yield boxes
    for box in boxes:
        box.close()


@pytest.fixture(scope="module")
def front_ends(cluster: Cluster) -> Iterator[List[FrontEnd]]:
    front_ends = [FrontEnd(cluster) for _ in range(2)]
    yield front_ends
    for front_end in front_ends:
        front_end.close()


def test_two_boxes_make_twice_as_many_models_as_one(
    boxes: List[Box], front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()
    rates = {}
    boxes[1].kill_worker()
    for working, count in ((boxes[:1], 10), (boxes, 40)):
        for box in working:
            box.start()
            box.wait()
        # What a worker's first task takes longer is no rate.
        Load(front_ends, session_id, PHOTO, 2 * len(working)).answers()
        load = Load(front_ends, session_id, PHOTO, count)
        answers = load.answers()
        rates[len(working)] = count / (time.monotonic() - load.started)
        assert [answer.status_code for answer in answers] == [200] * count
        engines = [answer.json()["engine"] for answer in answers]
        assert {box.engine for box in working} == set(engines)
        assert min(engines.count(box.engine) for box in working) >= count / len(working) * 0.8
    print(f"models a second: {rates[1]:.2f} with one box, {rates[2]:.2f} with two")
    assert rates[2] >= 1.8 * rates[1]
    models = front_ends[1].models(session_id)
    assert len(models) == len(set(models)) == 2 + 10 + 4 + 40


def test_a_worker_s_answer_is_the_server_s_own(
    boxes: List[Box], front_ends: List[FrontEnd]
) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    made = front_end.post(session_id, PHOTO).json()
    assert (made["model"], made["seed"]) == ("chair.glb", 7)
    assert made["engine"] in {box.engine for box in boxes}
    assert requests.get(made["model_url"]).content[:4] == b"glTF"
    wrong = front_end.post(session_id, PHOTO, steps="0")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_option")


def test_progress_comes_from_the_worker(boxes: List[Box], front_ends: List[FrontEnd]) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    others = front_end.streams(session_id, PHOTO, 6)
    events = list(front_end.streams(session_id, PHOTO, 1)[0])
    assert [list(other)[-1][0] for other in others] == ["complete"] * 6
    kinds = [kind for kind, _ in events]
    assert kinds[0] == "queued" and kinds[-1] == "complete" and "progress" in kinds
    positions = [data["position"] for kind, data in events if kind == "queued"]
    assert positions == sorted(positions, reverse=True) and positions[0] > 1
    assert {"fraction": 0.5, "stage": "shape"} in [data for _, data in events]


def test_health_tells_of_workers_and_queue(boxes: List[Box], front_ends: List[FrontEnd]) -> None:
    front_end = front_ends[0]
    engines = ", ".join(sorted(box.engine for box in boxes))
    # Each of a front end's processes looks for itself.
    assert wait_until(lambda: all(front_end.health()["engine"] == engines for _ in range(8)))
    health = front_end.health()
    assert (health["workers"], health["generator"]) == (2, "ready")
    # Enough that a look at the queue every five seconds falls into the time.
    load = Load(front_ends, front_end.session(), PHOTO, 26)
    was_told = wait_until(lambda: int(str(front_end.health()["queued"])) > 4)
    # Whatever it told, the next test finds the queue empty.
    assert set(load.statuses()) == {200}
    assert was_told
    assert wait_until(lambda: all(front_end.health()["queued"] == 0 for _ in range(8)))


def test_more_than_the_limits_is_refused_at_once(cluster: Cluster, boxes: List[Box]) -> None:
    from redis import Redis

    from dreamlab.cluster.limits import LEASE_S, LEASES

    places = Redis.from_url(cluster.redis.url)
    # Those of a front end that was killed are held until their lease ends.
    assert wait_until(lambda: places.zcount(LEASES, time.time(), "inf") == 0, LEASE_S + 5)
    limited = [
        FrontEnd(cluster, 1, MAX_QUEUE="6", MAX_GENERATIONS_PER_SESSION="4") for _ in range(2)
    ]
    try:
        sessions = [limited[0].session() for _ in range(2)]

        def refused(load: Load) -> int:
            late = [answer for answer in load.answers() if answer.status_code != 200]
            assert {(answer.status_code, answer.json()["code"]) for answer in late} <= {
                (503, "generator_busy")
            }
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in late)
            assert all(answer.elapsed.total_seconds() < 1 for answer in late)
            return len(late)

        # One session's share, over both front ends.
        assert refused(Load(limited, sessions[0], PHOTO, 8)) == 4
        # And what is left of the whole for another session.
        both = [Load(limited, session_id, PHOTO, 4) for session_id in sessions]
        assert sum(refused(load) for load in both) == 2
        # Every place was given back.
        assert refused(Load(limited, sessions[1], PHOTO, 4)) == 0
    finally:
        for front_end in limited:
            front_end.close()
