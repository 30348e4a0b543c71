"""The health route."""

from __future__ import annotations

import json
import socket
from typing import Callable

import pytest
from flask.testing import FlaskClient

from dreamlab.space import reconnect
from support.api import MakeClient, wait_until
from support.spaces import free_port, space


def test_health_names_the_engine_and_sees_the_generator(client: FlaskClient) -> None:
    assert client.get("/api/health").json == {
        "status": "ok",
        "engine": "fake",
        "generator": "ready",
        "reason": None,
        "generating": 0,
        "capacity": 32,
    }


def test_health_does_not_wait_for_a_generator_that_hangs(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        # The first probe has not ended: its time limit is 12 s.
        assert make_client(url).get("/api/health").json["generator"] == "starting"
        monkeypatch.setattr(reconnect, "_PROBE_TIMEOUT_S", 0.2)
        client = make_client(url)
        assert wait_until(lambda: client.get("/api/health").json["generator"] == "unreachable")


def test_health_follows_the_state_of_the_generator(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "_PROBE_EVERY_S", 0.05)
    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}")

    def is_state(state: str) -> Callable[[], bool]:
        return lambda: client.get("/api/health").json["generator"] == state

    assert wait_until(is_state("unreachable"))
    with space(lambda image=None: None, port=port):
        assert wait_until(is_state("ready"))
    assert wait_until(is_state("unreachable"))
    health = json.loads(client.get("/api/health").data)
    assert (health["status"], health["engine"]) == ("ok", f"http://127.0.0.1:{port}")
