"""A server that was killed, or stopped, goes on with its generations at the next start."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial
from typing import Any, List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.http_api import read_events
from support.processes import Server, StartServer
from support.spaces import HeldSpace


@pytest.fixture
def held(held_space: HeldSpace) -> HeldSpace:
    return held_space


def start(server: Server, session_id: str, **headers: str) -> str:
    answer = server.post_async(session_id, image_bytes(), **headers)
    assert answer.status_code == 202, answer.text
    generation_id: str = answer.json()["generation_id"]
    return generation_id


def state(server: Server, session_id: str, generation_id: str) -> Any:
    url = f"{server.url}/api/sessions/{session_id}/generations/{generation_id}"
    return requests.get(url, timeout=10).json()


def is_at_the_space(server: Server, session_id: str, generation_id: str) -> bool:
    found = state(server, session_id, generation_id)
    return found["status"] == "running" or found["position"] is not None


def ends(server: Server, session_id: str, generation_ids: List[str]) -> List[Any]:
    def ended() -> bool:
        states = [state(server, session_id, each) for each in generation_ids]
        return all(each["ended"] for each in states)

    assert wait_until(ended, 60), [state(server, session_id, each) for each in generation_ids]
    return [state(server, session_id, each) for each in generation_ids]


@pytest.mark.parametrize("how", (signal.SIGKILL, signal.SIGTERM))
def test_what_had_not_ended_is_taken_up_with_its_id(
    start_server: StartServer, held: HeldSpace, how: signal.Signals
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held.url, SHUTDOWN_GRACE_S="0.5")
    session_id = server.session()
    answers: List[requests.Response] = []
    post = threading.Thread(
        target=lambda: answers.append(server.post(session_id, image_bytes(), "table.png"))
    )
    if how == signal.SIGTERM:
        post.start()
        assert wait_until(lambda: server.health()["generating"] == 1)
    ids = [start(server, session_id) for _ in range(3)]
    assert held.started.wait(10)
    assert requests.delete(f"{server.url}/api/sessions/{session_id}/uploads/chair.png").ok
    server.end(how)
    if how == signal.SIGTERM:
        post.join(5)
        (answer,) = answers
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        ids.append(answer.json()["generation_id"])
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    for each in ids:
        assert state(server, session_id, each)["status"] in ("queued", "running")
    stream = read_events(
        requests.get(
            f"{server.url}/api/sessions/{session_id}/generations/{ids[0]}",
            headers={"Accept": "text/event-stream"},
            stream=True,
            timeout=30,
        )
    )
    held.release.set()
    found = ends(server, session_id, ids)
    assert [each["status"] for each in found] == ["succeeded"] * len(ids)
    models = [each["result"]["model"] for each in found]
    assert sorted(server.models(session_id)) == sorted(models) and len(set(models)) == len(ids)
    assert list(stream)[-1][1]["model"] == models[0]


def test_there_is_one_further_attempt_and_no_third(
    start_server: StartServer, held: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    session_id = server.session()
    generation_id = start(server, session_id)
    for _ in range(2):
        assert wait_until(partial(is_at_the_space, server, session_id, generation_id))
        server.kill()
        server = start_server(HUNYUAN_SPACE_ID=held.url)
    (end,) = ends(server, session_id, [generation_id])
    assert (end["status"], end["error"]["code"]) == ("failed", "generation_failed")
    assert server.models(session_id) == []
    held.release.set()
    assert server.post(session_id, image_bytes()).status_code == 200


def test_a_cancelled_one_and_a_deleted_session_are_not_taken_up(
    start_server: StartServer, held: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    session_id, deleted = server.session(), server.session()
    cancelled = start(server, session_id)
    start(server, deleted)
    url = f"{server.url}/api/sessions/{session_id}/generations/{cancelled}"
    assert requests.delete(url).status_code == 202
    assert requests.delete(f"{server.url}/api/sessions/{deleted}").status_code == 204
    server.kill()
    held.release.set()
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    assert state(server, session_id, cancelled)["status"] == "cancelled"
    assert server.post(session_id, image_bytes()).json()["model"] == "chair-2.glb"
    assert server.models(session_id) == ["chair-2.glb"]


def test_they_are_taken_up_within_the_limits_and_the_oldest_first(
    start_server: StartServer, held: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held.url, GENERATOR_CONCURRENCY="8")
    session_id = server.session()
    ids = [start(server, session_id) for _ in range(4)]
    assert held.started.wait(10)
    server.kill()
    server = start_server(HUNYUAN_SPACE_ID=held.url, MAX_GENERATIONS="2", GENERATOR_CONCURRENCY="8")
    assert wait_until(lambda: server.health()["generating"] == 2)
    time.sleep(1)
    assert server.health()["generating"] == 2
    held.release.set()
    found = ends(server, session_id, ids)
    assert [each["status"] for each in found] == ["succeeded"] * 4
    ended = [each["ended"] for each in found]
    assert max(ended[:2]) <= min(ended[2:])


def test_a_repeat_with_its_key_finds_a_generation_again(
    start_server: StartServer, held: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    session_id = server.session()
    key = {"Idempotency-Key": "chair"}
    generation_id = start(server, session_id, **key)
    server.kill()
    held.release.set()
    server = start_server(HUNYUAN_SPACE_ID=held.url)
    answer = requests.post(
        server.upload_url(session_id),
        files={"image": ("chair.png", image_bytes())},
        headers=key,
        timeout=30,
    )
    assert (answer.status_code, answer.json()["generation_id"]) == (200, generation_id)
    assert server.models(session_id) == ["chair.glb"]
