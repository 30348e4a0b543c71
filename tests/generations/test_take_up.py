"""A server that was killed, or stopped, goes on with its generations at the next start."""

from __future__ import annotations

import signal
import time
from typing import Any, Iterator, List

import pytest
import requests

from app import create_app
from dreamlab import background
from dreamlab.generation import generations
from dreamlab.generation.generator import InProcessGenerator
from dreamlab.settings import Settings
from support.api import image_bytes, new_session, wait_until
from support.fake_service import FakeService
from support.generations import Api
from support.http_api import read_events
from support.processes import Server, StartServer
from support.spaces import HeldSpace


def start(server: Server, session_id: str, **headers: str) -> str:
    answer = server.post_async(session_id, image_bytes(), **headers)
    assert answer.status_code == 202, answer.text
    generation_id: str = answer.json()["generation_id"]
    return generation_id


def state(server: Server, session_id: str, generation_id: str) -> Any:
    url = f"{server.url}/api/sessions/{session_id}/generations/{generation_id}"
    return requests.get(url, timeout=10).json()


def test_what_had_not_ended_is_taken_up_with_its_id(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id, key = server.session(), {"Idempotency-Key": "chair"}
    ids = [start(server, session_id, **key), *(start(server, session_id) for _ in range(2))]
    assert held_space.started.wait(20)
    assert requests.delete(f"{server.url}/api/sessions/{session_id}/uploads/chair.png").ok
    server.end(signal.SIGKILL)
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    for each in ids:
        assert state(server, session_id, each)["status"] in ("queued", "running")
    streams = [
        read_events(
            requests.get(
                f"{server.url}/api/sessions/{session_id}/generations/{each}",
                headers={"Accept": "text/event-stream"},
                stream=True,
                timeout=30,
            )
        )
        for each in ids
    ]
    assert start(server, session_id, **key) == ids[0]
    held_space.release.set()
    ends = [list(stream)[-1] for stream in streams]
    assert [name for name, _ in ends] == ["complete"] * 3
    models = [data["model"] for _, data in ends]
    assert sorted(server.models(session_id)) == sorted(models) and len(set(models)) == 3


@pytest.fixture
def running() -> Iterator[List[FakeService]]:
    """The generators of the apps that a test has started again."""
    services: List[FakeService] = []
    yield services
    for service in services:
        service.release.set()


def start_again(api: Api, running: List[FakeService], **given: Any) -> Api:
    """End an app as the stop of its process does, and take up what it left in another one."""
    api.space.close()
    assert wait_until(lambda: api.generating() == 0)
    service = FakeService()
    service.release.clear()
    running.append(service)
    settings = Settings(sessions_dir=api.folder.parent, **given)
    app = create_app(settings, InProcessGenerator(service, settings))
    # The first app is of this process, so the second one does not see itself alone.
    shared = app.extensions["dreamlab"]
    background.start(shared.generations.take_up, shared.store, time.time())
    return Api(app, api.session_id, service)


def test_there_is_one_further_attempt_and_no_third(api: Api, running: List[FakeService]) -> None:
    generation_id = api.start()
    for _ in range(2):
        api.wait_for(generation_id, "running")
        api = start_again(api, running)
    failed = api.wait_for(generation_id, "failed")
    assert failed["error"]["code"] == "generation_failed"
    assert api.models() == []
    api.space.release.set()
    assert api.post().status_code == 200


def test_a_cancelled_one_and_a_deleted_session_are_not_taken_up(
    api: Api, running: List[FakeService]
) -> None:
    deleted = Api(api.app, new_session(api.app.test_client()))
    cancelled = api.start()
    deleted.start()
    assert api.delete(cancelled).status_code == 202
    url = f"/api/sessions/{deleted.session_id}"
    assert api.app.test_client().delete(url).status_code == 204
    api = start_again(api, running)
    api.space.release.set()
    assert api.get(cancelled)["status"] == "cancelled"
    assert api.post().json["model"] == "chair-2.glb"
    assert api.models() == ["chair-2.glb"]


def test_they_are_taken_up_within_the_limits_and_the_oldest_first(
    api: Api, running: List[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_WATCH_S", 0.01)
    ids = [api.start() for _ in range(4)]
    api = start_again(api, running, max_generations=2)
    for generation_id in ids[:2]:
        api.wait_for(generation_id, "running")
    assert [api.get(each)["status"] for each in ids[2:]] == ["queued"] * 2
    assert api.generating() == 2
    api.space.release.set()
    ended = [api.wait_for(each, "succeeded")["ended"] for each in ids]
    assert max(ended[:2]) <= min(ended[2:])
