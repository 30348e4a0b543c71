"""Front ends and GPU machines that share one task queue."""

from __future__ import annotations

import time
from typing import List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine, Load, start_front_ends
from support.http_api import read_events

PHOTO = image_bytes()


def test_two_gpu_machines_generate_more_models_than_one_could(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()
    # The first task of a worker takes longer.
    Load(front_ends, session_id, PHOTO, 2).answers()
    load = Load(front_ends, session_id, PHOTO, 12)
    answers = load.answers()
    per_s = len(answers) / (time.monotonic() - load.started)
    assert [answer.status_code for answer in answers] == [200] * 12
    engines = [answer.json()["engine"] for answer in answers]
    assert all(engines.count(each.engine) >= 4 for each in gpu_machines)
    # Each job takes a second, and a GPU machine does one after the other.
    assert per_s > 1.4
    models = front_ends[1].models(session_id)
    assert len(models) == len(set(models)) == 14


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
    others = front_end.streams(front_end.session(), PHOTO, 4)
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
    assert [list(other)[-1][0] for other in others] == ["complete"] * 4
    uploads = requests.get(f"{front_end.url}/api/sessions/{session_id}/uploads").json()["uploads"]
    is_left = "all" in route
    assert [upload["filename"] for upload in uploads] == ["chair.png"] * is_left


def test_progress_comes_from_the_worker(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    front_end = front_ends[0]
    session_id = front_end.session()
    others = front_end.streams(session_id, PHOTO, 4, caption="4")
    events = list(front_end.streams(session_id, PHOTO, 1)[0])
    assert [list(other)[-1][0] for other in others] == ["complete"] * 4
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
    session_id = front_end.session()
    started = [front_end.post_async(session_id, PHOTO, caption="30") for _ in range(6)]
    assert wait_until(lambda: front_end.health()["queued"] == 4)
    for each in started:
        assert requests.delete(front_end.url + each.headers["Location"]).status_code == 202
    assert wait_until(lambda: all(front_end.health()["queued"] == 0 for _ in range(8)))


def test_generations_over_the_limits_are_refused_at_once(
    cluster: Cluster, gpu_machines: List[GpuMachine]
) -> None:
    from redis import Redis

    from dreamlab.cluster.limits import LEASES

    # The leases of a front end that an earlier test has killed are held until they expire.
    Redis.from_url(cluster.redis.url).delete(LEASES)
    limits = {"MAX_QUEUE": "6", "MAX_GENERATIONS_PER_SESSION": "4"}
    limited = start_front_ends(cluster, 2, processes=1, **limits)
    try:
        sessions = [limited[0].session() for _ in range(2)]

        def refused(load: Load) -> int:
            answers = load.answers()
            refusals = [answer for answer in answers if answer.status_code != 200]
            assert {(answer.status_code, answer.json()["code"]) for answer in refusals} <= {
                (503, "generator_busy")
            }
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in refusals)
            waits_s = [answer.elapsed.total_seconds() for answer in refusals]
            # None has waited for a generation.
            assert max(waits_s, default=0) < min(
                answer.elapsed.total_seconds() for answer in answers if answer.status_code == 200
            )
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
