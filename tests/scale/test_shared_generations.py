"""A generation belongs to all front ends: followed, retried and cancelled at any of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import requests

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine
from support.http_api import read_events
from support.scrapes import scrape, total

PHOTO = image_bytes()
IN_FLIGHT = "dreamlab_generations_in_flight"
# How long those run that are cancelled.
SECONDS = 5


def post(
    front_end: FrontEnd, session_id: str, seconds: float = 1, **headers: str
) -> requests.Response:
    """POST a photo whose generation takes so long."""
    return requests.post(
        front_end.upload_url(session_id),
        files={"image": ("chair.png", PHOTO)},
        data={"caption": str(seconds)},
        headers=headers,
        timeout=60,
    )


def start(front_end: FrontEnd, session_id: str, seconds: float = 1) -> str:
    answer = post(front_end, session_id, seconds, Prefer="respond-async")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["generation_id"])


def url(front_end: FrontEnd, session_id: str, generation_id: str) -> str:
    return f"{front_end.url}/api/sessions/{session_id}/generations/{generation_id}"


def state(front_end: FrontEnd, session_id: str, generation_id: str) -> Any:
    return requests.get(url(front_end, session_id, generation_id), timeout=10).json()


def test_it_is_followed_at_another_front_end(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
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
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
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


def test_it_is_cancelled_at_any_front_end(
    gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    session_id = front_ends[0].session()
    running = [start(front_ends[0], session_id, SECONDS) for _ in gpu_machines]
    for generation_id in running:
        assert wait_until(
            lambda each=generation_id: state(front_ends[0], session_id, each)["status"] == "running"
        )
    began = time.monotonic()
    waiting = [start(front_ends[0], session_id, SECONDS) for _ in gpu_machines]
    for canceller, *of_each in zip(front_ends, running, waiting):
        for generation_id in of_each:
            deleted = requests.delete(url(canceller, session_id, generation_id), timeout=10)
            assert (deleted.status_code, deleted.json()["status"]) == (202, "cancelled")
    # The next one does not wait for them.
    answer = post(front_ends[0], session_id)
    assert answer.status_code == 200
    assert time.monotonic() - began < SECONDS
    for generation_id in (*running, *waiting):
        for front_end in front_ends:
            assert state(front_end, session_id, generation_id)["status"] == "cancelled"
    assert wait_until(lambda: total((scrape(each.url) for each in front_ends), IN_FLIGHT) == 0, 5)
    # Until then the GPU machines go on with what was cancelled.
    time.sleep(max(0, began + SECONDS + 1 - time.monotonic()))
    assert front_ends[1].models(session_id) == [answer.json()["model"]]


def test_every_generation_ends_whatever_is_killed(
    cluster: Cluster, gpu_machines: List[GpuMachine], front_ends: List[FrontEnd]
) -> None:
    """A front end, a worker and Redis are killed, one after the other."""
    other = FrontEnd(cluster, 1)
    session_id = other.session()
    ids = [start(front_end, session_id) for front_end in (other, front_ends[0]) * 3]
    assert wait_until(gpu_machines[0].has_job)
    other.close()
    gpu_machines[0].close_worker()
    cluster.redis.kill()
    cluster.redis.start()
    gpu_machines[0].start()
    gpu_machines[0].wait()
    for generation_id in ids:
        assert wait_until(
            lambda each=generation_id: state(front_ends[1], session_id, each)["ended"], 90
        )
    found = [state(front_ends[1], session_id, each) for each in ids]
    assert [each["status"] for each in found] == ["succeeded"] * 6
    models = [each["result"]["model"] for each in found]
    assert len(set(models)) == 6
    assert sorted(front_ends[0].models(session_id)) == sorted(models)
