"""After SIGTERM a server takes no new generation, and those that run may end."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator

import pytest
import requests

from support.api import image_bytes, wait_until
from support.http_api import read_events
from support.processes import Server, StartServer
from support.spaces import HeldSpace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
PHOTO = image_bytes()


def get(server: Server, path: str) -> requests.Response:
    return requests.get(server.url + path, timeout=10)


def is_stopping(server: Server) -> bool:
    """Return whether a server takes no new generation, or has ended."""
    try:
        return get(server, "/api/ready").status_code == 503
    except requests.ConnectionError:
        return True


def refusal(answer: requests.Response) -> Any:
    """Return the status and the body of an error without its sentence."""
    body: Dict[str, Any] = answer.json()
    body.pop("error")
    return answer.status_code, body


def test_eight_generations_end_while_new_ones_are_refused(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="8")
    session_id = server.session()
    with ThreadPoolExecutor(7) as pool:
        posts = [pool.submit(server.post, session_id, PHOTO) for _ in range(6)]
        stream = pool.submit(server.start_stream, session_id, PHOTO)
        accepted = server.post_async(session_id, PHOTO).headers["Location"]
        assert wait_until(lambda: server.health()["generating"] == 8)
        # No place is free, and all else is answered.
        assert server.models(session_id, timeout=10) == []
        assert server.post(session_id, PHOTO).json()["code"] == "generator_busy"
        server.process.send_signal(signal.SIGTERM)

        assert wait_until(lambda: get(server, "/api/ready").status_code == 503)
        assert refusal(get(server, "/api/ready")) == (503, {"code": "stopping"})
        for name in ("chair.jpg", "table.jpg"):
            assert refusal(server.post(session_id, PHOTO, name)) == (503, {"code": "stopping"})
        assert server.health()["status"] == "ok"
        assert get(server, accepted).json()["ended"] is None

        held_space.release.set()
        assert [post.result().status_code for post in posts] == [200] * 6
        assert list(read_events(stream.result()))[-1][0] == "complete"
    assert server.process.wait(20) == 0
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    shown = get(server, f"/api/sessions/{session_id}/generations").json()["generations"]
    assert [each["status"] for each in shown] == ["succeeded"] * 8
    assert len(server.models(session_id)) == 8


@pytest.fixture
def as_in_the_background() -> Iterator[None]:
    """A shell ignores SIGINT for what it runs in the background. nohup would ignore SIGHUP."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("as_in_the_background")
@pytest.mark.parametrize("signals", (["SIGINT"], ["SIGHUP"], ["SIGTERM"] * 2), ids="-".join)
def test_an_impatient_end_does_not_wait(
    start_server: StartServer, held_space: HeldSpace, signals: Any
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, SHUTDOWN_GRACE_S="300")
    server.post_async(server.session(), PHOTO)
    assert held_space.started.wait(20)
    for name in signals:
        server.process.send_signal(getattr(signal, name))
        # A second signal before the server has seen the first one is none.
        assert wait_until(lambda: is_stopping(server))
    assert server.process.wait(20) == 0


def test_after_its_grace_a_server_says_so_to_all_who_wait_and_its_generations_go_on(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, SHUTDOWN_GRACE_S="0.5")
    session_id = server.session()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.post, session_id, PHOTO)
        assert held_space.started.wait(20)
        server.post_async(session_id, PHOTO)
        assert server.end(signal.SIGTERM) == 0
    status, told = refusal(waiting.result())
    assert (status, told["code"]) == (503, "stopping")
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)

    def generations() -> Any:
        return get(server, f"/api/sessions/{session_id}/generations").json()["generations"]

    shown = generations()
    assert [each["status"] in ("queued", "running") for each in shown] == [True] * 2
    assert shown[1]["generation_id"] == told["generation_id"]
    held_space.release.set()
    assert wait_until(lambda: all(each["result"] for each in generations()))


def test_an_answer_that_is_being_sent_is_sent_to_its_end(
    start_server: StartServer, quick_space: str
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    session_id = server.session()
    content = b"glTF" + bytes(40 << 20)
    (server.sessions / session_id / "models" / "chair.glb").write_bytes(content)
    url = f"{server.url}/sessions/{session_id}/models/chair.glb"
    with requests.get(url, stream=True, timeout=10) as answer:
        server.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: is_stopping(server))
        assert len(answer.content) == len(content)
    assert server.process.wait(10) == 0
