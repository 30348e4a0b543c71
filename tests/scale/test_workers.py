"""Front ends and GPU machines that share one task queue."""

from __future__ import annotations

import time
from typing import Iterator, List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine, Load, start_gpu_machines
from support.http_api import read_events

PHOTO = image_bytes()


@pytest.fixture(scope="module")
def gpu_machines(cluster: Cluster) -> Iterator[List[GpuMachine]]:
    gpu_machines = start_gpu_machines(cluster, 1, "first", "second")
    yield gpu_machines
    for gpu_machine in gpu_machines:
        gpu_machine.close()


@pytest.fixture(scope="module")
def front_ends(cluster: Cluster) -> Iterator[List[FrontEnd]]:
    front_ends = [FrontEnd(cluster) for _ in range(2)]
    yield front_ends
    for front_end in front_ends:
        front_end.close()


def test_two_gpu_machines_generate_twice_as_many_models_as_one(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()
    rates = {}
    gpu_machines[1].kill_worker()
    for working, count in ((gpu_machines[:1], 10), (gpu_machines, 40)):
        for gpu_machine in working:
            gpu_machine.start()
            gpu_machine.wait()
        # The first task of a worker takes longer.
        Load(front_ends, session_id, PHOTO, 2 * len(working)).answers()
        load = Load(front_ends, session_id, PHOTO, count)
        answers = load.answers()
        rates[len(working)] = count / (time.monotonic() - load.started)
        assert [answer.status_code for answer in answers] == [200] * count
        engines = [answer.json()["engine"] for answer in answers]
        assert {gpu_machine.engine for gpu_machine in working} == set(engines)
        counts = [engines.count(gpu_machine.engine) for gpu_machine in working]
        assert min(counts) >= count / len(working) * 0.8
    print(f"models a second: {rates[1]:.2f} with one GPU machine, {rates[2]:.2f} with two")
    assert rates[2] >= 1.8 * rates[1]
    models = front_ends[1].models(session_id)
    assert len(models) == len(set(models)) == 2 + 10 + 4 + 40


def test_the_answer_is_the_same_as_without_workers(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    answer = front_end.post(session_id, PHOTO).json()
    assert (answer["model"], answer["seed"]) == ("chair.glb", 7)
    assert answer["engine"] in {gpu_machine.engine for gpu_machine in gpu_machines}
    assert requests.get(answer["model_url"]).content[:4] == b"glTF"
    wrong = front_end.post(session_id, PHOTO, steps="0")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_option")


@pytest.mark.parametrize("route", ("delete_all_models/{}", "sessions/{}/uploads/chair.png"))
def test_a_kept_upload_is_used_again_even_if_it_is_deleted_while_its_task_waits(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd], route: str
) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    assert front_end.post(session_id, PHOTO).json()["filename"] == "chair.png"
    others = front_end.streams(front_end.session(), PHOTO, 6)
    again = requests.post(
        front_end.upload_url(session_id),
        data={"upload": "chair.png"},
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=60,
    )
    events = read_events(again)
    assert [next(events)[0] for _ in range(2)] == ["accepted", "queued"]
    assert requests.delete(f"{front_ends[1].url}/api/{route.format(session_id)}").status_code == 204
    name, answer = list(events)[-1]
    assert (name, answer.get("filename")) == ("complete", "chair.png"), answer
    assert [list(other)[-1][0] for other in others] == ["complete"] * 6
    uploads = requests.get(f"{front_end.url}/api/sessions/{session_id}/uploads").json()["uploads"]
    is_left = "all" in route
    assert [upload["filename"] for upload in uploads] == ["chair.png"] * is_left


def test_progress_comes_from_the_worker(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    others = front_end.streams(session_id, PHOTO, 6)
    events = list(front_end.streams(session_id, PHOTO, 1)[0])
    assert [list(other)[-1][0] for other in others] == ["complete"] * 6
    kinds = [kind for kind, _ in events]
    assert kinds[:2] == ["accepted", "queued"]
    assert kinds[-1] == "complete" and "progress" in kinds
    positions = [data["position"] for kind, data in events if kind == "queued"]
    assert positions == sorted(positions, reverse=True) and positions[0] > 1
    assert {"fraction": 0.5, "stage": "shape"} in [data for _, data in events]


def test_health_shows_workers_and_queue(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    front_end = front_ends[0]
    engines = ", ".join(sorted(gpu_machine.engine for gpu_machine in gpu_machines))
    # Each process of a front end asks the workers itself.
    assert wait_until(lambda: all(front_end.health()["engine"] == engines for _ in range(8)))
    health = front_end.health()
    assert (health["workers"], health["generator"], health["reason"]) == (2, "ready", None)
    # The load lasts longer than five seconds, the interval at which the queue is read.
    load = Load(front_ends, front_end.session(), PHOTO, 26)
    was_shown = wait_until(lambda: front_end.health()["queued"] > 4)
    # Also when this fails, the next test finds the queue empty.
    assert set(load.statuses()) == {200}
    assert was_shown
    assert wait_until(lambda: all(front_end.health()["queued"] == 0 for _ in range(8)))


def test_generations_over_the_limits_are_refused_at_once(
    cluster: Cluster, gpu_machines: List[GpuMachine]
) -> None:
    from redis import Redis

    from dreamlab.cluster.limits import LEASE_S, LEASES

    redis = Redis.from_url(cluster.redis.url)
    # The leases of a killed front end are held until they expire.
    assert wait_until(lambda: redis.zcount(LEASES, time.time(), "inf") == 0, LEASE_S + 5)
    limited = [
        FrontEnd(cluster, 1, MAX_QUEUE="6", MAX_GENERATIONS_PER_SESSION="4") for _ in range(2)
    ]
    try:
        sessions = [limited[0].session() for _ in range(2)]

        def refused(load: Load) -> int:
            refusals = [answer for answer in load.answers() if answer.status_code != 200]
            assert {(answer.status_code, answer.json()["code"]) for answer in refusals} <= {
                (503, "generator_busy")
            }
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in refusals)
            assert all(answer.elapsed.total_seconds() < 1 for answer in refusals)
            return len(refusals)

        # The limit of one session holds over both front ends.
        assert refused(Load(limited, sessions[0], PHOTO, 8)) == 4
        # The other session gets the rest of the common limit.
        both = [Load(limited, session_id, PHOTO, 4) for session_id in sessions]
        assert sum(refused(load) for load in both) == 2
        # All leases were released.
        assert refused(Load(limited, sessions[1], PHOTO, 4)) == 0
    finally:
        for front_end in limited:
            front_end.close()
