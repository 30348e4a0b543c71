"""The health route."""

from __future__ import annotations

import json
import socket
import time
from typing import Callable

from flask.testing import FlaskClient

from support.api import MakeClient, post, wait_until
from support.spaces import free_port, space


def test_health_names_the_engine_and_sees_the_generator(
    client: FlaskClient, session_id: str, chair: bytes, stand_in_url: str
) -> None:
    assert client.get("/api/health").json["generator"] in ("starting", "ready")
    post(client, session_id, chair)
    assert client.get("/api/health").json == {
        "status": "ok",
        "engine": stand_in_url,
        "generator": "ready",
        "reason": None,
        "generating": 0,
        "capacity": 32,
    }


def test_health_does_not_wait_for_a_generator_that_hangs(make_client: MakeClient) -> None:
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        client = make_client(f"http://127.0.0.1:{hanging.getsockname()[1]}")
        before = time.monotonic()
        assert client.get("/api/health").json["generator"] in ("starting", "unreachable")
        assert time.monotonic() - before < 1
        assert wait_until(lambda: client.get("/api/health").json["generator"] == "unreachable")


def test_health_follows_the_state_of_the_generator(make_client: MakeClient) -> None:
    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}")

    def is_state(state: str) -> Callable[[], bool]:
        return lambda: client.get("/api/health").json["generator"] == state

    assert wait_until(is_state("unreachable"))
    with space(lambda image=None: None, port=port):
        assert wait_until(is_state("ready"))
    assert wait_until(is_state("unreachable"))
    assert json.loads(client.get("/api/health").data)["status"] == "ok"
