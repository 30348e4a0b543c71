"""`/api/ready` says whether a generation would be taken now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from support.api import MakeClient, assert_error, new_session, wait_until
from support.fake_service import FakeService
from support.generations import Api
from support.spaces import free_port


def ready(client: FlaskClient) -> Any:
    answer = client.get("/api/ready")
    return answer.status_code, answer.json.get("code", answer.json.get("status"))


def test_it_is_ready_until_there_is_no_room(make_client: MakeClient, service: FakeService) -> None:
    client = make_client(max_generations=1)
    assert ready(client) == (200, "ready")
    service.release.clear()
    Api(client.application, new_session(client)).start()
    assert ready(client) == (503, "generator_busy")
    service.release.set()
    assert wait_until(lambda: ready(client) == (200, "ready"))


def test_it_is_not_ready_without_its_generator(make_client: MakeClient) -> None:
    client = make_client(f"http://127.0.0.1:{free_port()}")
    assert wait_until(lambda: client.get("/api/health").json["generator"] == "unreachable")
    answer = client.get("/api/ready")
    assert_error(answer, 503, "generator_unavailable")
    assert answer.json["error"] == client.get("/api/health").json["reason"]
    assert "Retry-After" in answer.headers


def test_it_is_not_ready_without_its_disk(client: FlaskClient, tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    assert ready(client) == (200, "ready")
    # Even root cannot create a folder where there is a file.
    sessions.rename(tmp_path / "away")
    sessions.write_bytes(b"")
    assert ready(client) == (503, "storage_unavailable")
    assert client.get("/api/health").json["status"] == "ok"
    sessions.unlink()
    assert ready(client) == (200, "ready")
