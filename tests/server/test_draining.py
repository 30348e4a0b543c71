"""After SIGTERM a server takes no new generation, and those that run may end."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict

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
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id = server.session()
    with ThreadPoolExecutor(7) as pool:
        posts = [pool.submit(server.post, session_id, PHOTO) for _ in range(6)]
        stream = pool.submit(server.start_stream, session_id, PHOTO)
        accepted = server.post_async(session_id, PHOTO).headers["Location"]
        assert wait_until(lambda: server.health()["generating"] == 8)
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


@pytest.mark.parametrize("signals", ([signal.SIGINT], [signal.SIGTERM] * 2), ids=("INT", "TERM"))
def test_an_impatient_end_does_not_wait(
    start_server: StartServer, held_space: HeldSpace, signals: Any
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id = server.session()
    accepted = server.post_async(session_id, PHOTO).headers["Location"]
    assert held_space.started.wait(10)
    started = time.monotonic()
    for each in signals:
        server.process.send_signal(each)
        # A second signal before the server has seen the first one is none.
        assert wait_until(lambda: is_stopping(server))
    assert server.process.wait(10) == 0
    assert time.monotonic() - started < 10
    held_space.release.set()
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    assert wait_until(lambda: get(server, accepted).json()["status"] == "succeeded", 20)


def test_an_answer_that_is_being_sent_is_sent_to_its_end(
    start_server: StartServer, quick_space: str
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    session_id = server.session()
    assert server.post(session_id, PHOTO).status_code == 200
    content = b"glTF" + bytes(40 << 20)
    (server.sessions / session_id / "models" / "chair.glb").write_bytes(content)
    url = f"{server.url}/sessions/{session_id}/models/chair.glb"
    with requests.get(url, stream=True, timeout=10) as answer:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert len(answer.content) == len(content)
    assert server.process.wait(10) == 0
