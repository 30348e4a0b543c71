"""A generation belongs to all front ends: followed, retried and cancelled at any of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator, List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine, start_gpu_machines
from support.http_api import read_events

PHOTO = image_bytes()
SECONDS = 2


@pytest.fixture(scope="module")
def gpu_machine(cluster: Cluster) -> Iterator[GpuMachine]:
    (gpu_machine,) = start_gpu_machines(cluster, SECONDS, "third")
    yield gpu_machine
    gpu_machine.close()


@pytest.fixture(scope="module")
def front_ends(cluster: Cluster) -> Iterator[List[FrontEnd]]:
    front_ends = [FrontEnd(cluster, 1) for _ in range(2)]
    yield front_ends
    for front_end in front_ends:
        front_end.close()


def post(front_end: FrontEnd, session_id: str, **headers: str) -> requests.Response:
    return requests.post(
        front_end.upload_url(session_id),
        files={"image": ("chair.png", PHOTO)},
        headers=headers,
        timeout=60,
    )


def start(front_end: FrontEnd, session_id: str) -> str:
    answer = post(front_end, session_id, Prefer="respond-async")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["generation_id"])


def url(front_end: FrontEnd, session_id: str, generation_id: str) -> str:
    return f"{front_end.url}/api/sessions/{session_id}/generations/{generation_id}"


def state(front_end: FrontEnd, session_id: str, generation_id: str) -> Any:
    return requests.get(url(front_end, session_id, generation_id), timeout=10).json()


def test_it_is_followed_at_another_front_end(
    gpu_machine: GpuMachine, front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()
    generation_id = start(front_ends[0], session_id)
    answer = requests.get(
        url(front_ends[1], session_id, generation_id),
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=30,
    )
    events = list(read_events(answer))
    assert events[0] == ("accepted", {"generation_id": generation_id})
    assert ("progress", {"fraction": 0.5, "stage": "shape"}) in events
    assert (events[-1][0], events[-1][1]["model"]) == ("complete", "chair.glb")
    states = [state(front_end, session_id, generation_id) for front_end in front_ends]
    for each in states:
        # Its URL is that of the front end that was asked.
        assert each["result"].pop("model_url").endswith("/models/chair.glb")
    assert states[0] == states[1] and states[0]["status"] == "succeeded"


def test_thirty_two_requests_with_one_key_are_one_generation(
    gpu_machine: GpuMachine, front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()

    def send(number: int) -> requests.Response:
        return post(front_ends[number % 2], session_id, **{"Idempotency-Key": "a chair"})

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(send, range(32)))
    assert {answer.status_code for answer in answers} == {200}
    bodies = [answer.json() for answer in answers]
    for body in bodies:
        body.pop("model_url")
    assert all(body == bodies[0] for body in bodies)
    # chair-2 where both front ends kept the photo before one of them could accept the generation.
    assert front_ends[1].models(session_id) == [bodies[0]["model"]]
    uploads = f"{front_ends[1].url}/api/sessions/{session_id}/uploads"
    assert len(requests.get(uploads, timeout=10).json()["uploads"]) == 1


@pytest.mark.parametrize("canceller", (0, 1), ids=("its own", "another"))
def test_it_is_cancelled_at_any_front_end(
    gpu_machine: GpuMachine, front_ends: List[FrontEnd], canceller: int
) -> None:
    session_id = front_ends[0].session()
    running = start(front_ends[0], session_id)
    assert wait_until(lambda: state(front_ends[0], session_id, running)["status"] == "running")
    waiting = start(front_ends[0], session_id)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, front_ends[0], session_id)
        time.sleep(0.5)
        began = time.monotonic()
        for generation_id in (running, waiting):
            deleted = requests.delete(url(front_ends[canceller], session_id, generation_id))
            assert (deleted.status_code, deleted.json()["status"]) == (202, "cancelled")
        # The next one does not wait for the two.
        assert answer.result().status_code == 200
        assert time.monotonic() - began < 2 * SECONDS + 3
    assert front_ends[1].models(session_id) == [answer.result().json()["model"]]
    for generation_id in (running, waiting):
        for front_end in front_ends:
            assert state(front_end, session_id, generation_id)["status"] == "cancelled"
    assert wait_until(lambda: all(each.health()["generating"] == 0 for each in front_ends), 5)
    time.sleep(SECONDS)
    assert len(front_ends[1].models(session_id)) == 1


def test_those_of_a_killed_front_end_end_at_another(
    cluster: Cluster, gpu_machine: GpuMachine, front_ends: List[FrontEnd]
) -> None:
    other = FrontEnd(cluster, 1)
    session_id = other.session()
    ids = [start(other, session_id) for _ in range(3)]
    other.close()
    for generation_id in ids:
        assert wait_until(
            lambda each=generation_id: state(front_ends[0], session_id, each)["ended"], 30
        )
    found = [state(front_ends[1], session_id, each) for each in ids]
    assert [each["status"] for each in found] == ["succeeded"] * 3
    models = [each["result"]["model"] for each in found]
    assert sorted(front_ends[0].models(session_id)) == sorted(models)
    assert len(set(models)) == 3


def test_every_generation_ends_whatever_is_killed(
    cluster: Cluster, gpu_machine: GpuMachine, front_ends: List[FrontEnd]
) -> None:
    """A front end, a worker and Redis are killed, one after the other."""
    other = FrontEnd(cluster, 1)
    session_id = other.session()
    ids = [start(front_end, session_id) for front_end in (other, front_ends[0]) * 3]
    assert wait_until(lambda: state(front_ends[1], session_id, ids[0])["status"] == "running")
    other.close()
    gpu_machine.close_worker()
    gpu_machine.start()
    gpu_machine.wait()
    cluster.redis.kill()
    cluster.redis.start()
    for generation_id in ids:
        assert wait_until(
            lambda each=generation_id: state(front_ends[1], session_id, each)["ended"], 90
        )
    found = [state(front_ends[1], session_id, each) for each in ids]
    assert [each["status"] for each in found] == ["succeeded"] * 6
    models = [each["result"]["model"] for each in found]
    assert len(set(models)) == 6
    assert sorted(front_ends[0].models(session_id)) == sorted(models)
