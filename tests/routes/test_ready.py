"""`/api/ready` says whether a generation would be taken now."""

from __future__ import annotations

from typing import Any

import requests

from support.api import image_bytes, wait_until
from support.processes import Server, StartServer
from support.spaces import HeldSpace, free_port


def ready(server: Server) -> Any:
    answer = requests.get(server.url + "/api/ready", timeout=10)
    return answer.status_code, answer.json().get("code", answer.json().get("status"))


def test_it_is_ready_until_there_is_no_room(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="1")
    assert wait_until(lambda: ready(server) == (200, "ready"))
    server.post_async(server.session(), image_bytes())
    assert ready(server) == (503, "generator_busy")
    held_space.release.set()
    assert wait_until(lambda: ready(server) == (200, "ready"))


def test_it_is_not_ready_without_its_generator(start_server: StartServer) -> None:
    server = start_server(HUNYUAN_SPACE_ID=f"http://127.0.0.1:{free_port()}")
    assert wait_until(lambda: server.health()["generator"] == "unreachable")
    answer = requests.get(server.url + "/api/ready", timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (503, "generator_unavailable")
    assert answer.json()["error"] == server.health()["reason"]
    assert "Retry-After" in answer.headers


def test_it_is_not_ready_without_its_disk(start_server: StartServer, quick_space: str) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    assert wait_until(lambda: ready(server) == (200, "ready"))
    # Even root cannot create a folder where there is a file.
    server.sessions.rename(server.sessions.with_name("away"))
    server.sessions.write_bytes(b"")
    assert ready(server) == (503, "storage_unavailable")
    assert server.health()["status"] == "ok"
    server.sessions.unlink()
    assert ready(server) == (200, "ready")
