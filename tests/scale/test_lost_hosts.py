"""Processes and hosts are lost during generations: each generation gives exactly one model."""

from __future__ import annotations

import time
import uuid
from typing import Any, List

import pytest
import requests
from requests.exceptions import ChunkedEncodingError

from dreamlab.options import Options
from dreamlab.settings import PLAIN, load
from dreamlab.storage.store import SessionStore
from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd, GpuMachine, Load

PHOTO = image_bytes()


@pytest.mark.parametrize("lost", ("worker", "host"))
def test_the_generation_of_a_lost_host_is_done_by_another(
    gpu_machines: List[GpuMachine], front_end: FrontEnd, lost: str
) -> None:
    session_id = front_end.session()
    load = Load([front_end], session_id, PHOTO, 4)
    assert wait_until(gpu_machines[0].has_job)
    gpu_machines[0].kill_worker() if lost == "worker" else gpu_machines[0].close()
    answers = load.answers()
    assert [answer.status_code for answer in answers] == [200] * 4
    models = sorted(answer.json()["model"] for answer in answers)
    assert len(set(models)) == 4
    # A child process of the killed worker may have gone on. The other worker has done more than
    # one generation since, so that child has ended, and its model is not saved.
    assert sorted(front_end.models(session_id)) == models
    again = front_end.post(session_id, PHOTO)
    assert (again.status_code, again.json()["engine"]) == (200, gpu_machines[1].engine)


def test_a_task_that_is_delivered_twice_gives_one_model(
    cluster: Cluster, gpu_machines: List[GpuMachine], front_end: FrontEnd
) -> None:
    from dreamlab.cluster.messages import TASK, make_celery

    session_id = front_end.session()
    assert front_end.post(session_id, PHOTO).status_code == 200
    session = SessionStore(cluster.sessions).open(session_id)
    accepted = {
        "created": time.time(),
        "filename": "chair.png",
        "uploads": {"front": "chair.png"},
        "options": vars(Options()),
        "model": session.reserve("table.png"),
        "pictures": {"front": "front.png"},
        "webhook": None,
    }
    generation_id = str(uuid.uuid4())
    session.generations.accept(generation_id, accepted, {"front.png": PHOTO})
    celery = make_celery(load(cluster.settings), [PLAIN])
    with celery.connection_for_write() as connection:
        twice = [
            celery.send_task(
                TASK, [session_id], task_id=generation_id, queue=PLAIN, connection=connection
            )
            for _ in range(2)
        ]  # fmt: skip
    logs = [gpu_machine.log for gpu_machine in gpu_machines]
    assert wait_until(
        lambda: sum(line.count("succeeded in") for log in logs for line in log) == 3, 40
    )
    assert twice[0].id == twice[1].id
    assert front_end.models(session_id) == ["chair.glb", "table.glb"]


@pytest.mark.parametrize("broker", ("rabbitmq", "redis"))
def test_a_killed_broker_loses_no_model(
    cluster: Cluster, gpu_machines: List[GpuMachine], front_end: FrontEnd, broker: str
) -> None:
    session_id = front_end.session()
    streams = front_end.streams(session_id, PHOTO, 4)
    assert wait_until(lambda: all(gpu_machine.has_job() for gpu_machine in gpu_machines))
    server = getattr(cluster, broker)
    server.kill()
    during_outage = front_end.post(session_id, PHOTO)
    assert during_outage.status_code == 503
    assert during_outage.json()["code"] == "generator_unavailable"
    assert "Retry-After" in during_outage.headers
    assert during_outage.elapsed.total_seconds() < 12
    server.start()
    ends = [list(events)[-1] for events in streams]
    assert {data["status"] for kind, data in ends if kind == "error"} <= {503}
    generated = {data["model"] for kind, data in ends if kind == "complete"}
    print(f"{broker} killed: {len(generated)} models, {len(ends) - len(generated)} times 503")
    assert generated <= set(front_end.models(session_id))
    # Generations that were answered with 503 still give one model each.
    assert wait_until(lambda: len(front_end.models(session_id)) == 4, 40)
    assert wait_until(lambda: front_end.post(session_id, PHOTO).status_code == 200)
    assert len(front_end.models(session_id)) <= 4 + len(ends)


def test_the_generations_of_a_killed_front_end_end_at_another(
    cluster: Cluster, gpu_machines: List[GpuMachine], front_end: FrontEnd
) -> None:
    other = FrontEnd(cluster, 1)
    try:
        session_id = other.session()
        streams = other.streams(session_id, PHOTO, 4)
        assert wait_until(gpu_machines[0].has_job)
    finally:
        other.close()
    for events in streams:
        with pytest.raises(ChunkedEncodingError):
            list(events)
    url = f"{front_end.url}/api/sessions/{session_id}/generations"

    def generations() -> List[Any]:
        found: List[Any] = requests.get(url, timeout=10).json()["generations"]
        return found

    assert not all(each["ended"] for each in generations())
    assert wait_until(lambda: all(each["ended"] for each in generations()), 40)
    models = [each["result"]["model"] for each in generations()]
    assert sorted(front_end.models(session_id)) == sorted(models)
    assert len(set(models)) == 4
    again = front_end.post(session_id, PHOTO)
    assert again.json()["model"] == "chair-5.glb"
