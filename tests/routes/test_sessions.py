"""Sessions over the API: creation, the API key, deletion and removal after a time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dreamlab.storage import store
from dreamlab.storage.store import SessionStore
from support.api import (
    MakeClient,
    assert_error,
    files_below,
    image_bytes,
    list_models,
    new_session,
    post,
    session_with_models,
    wait_until,
)
from support.fake_service import FakeService

SESSION_ROUTES = (
    "/api/session_models/{}",
    "/sessions/{}/models/chair.glb",
    "/api/sessions/{}/models/chair.glb",
)
UNKNOWN_IDS = (
    "11111111-1111-4111-8111-111111111111",
    "11111111-1111-1111-1111-111111111111",
    "nonsense",
    "..",
    "%2e%2e",
    "%2e%2e%2f",
    "..%2f..%2fetc",
    "%00",
    "a" * 10_000,
    "%e2%80%ae",
)


def test_a_new_session_is_empty_and_never_cached(client: FlaskClient) -> None:
    answer = client.get("/api/generate_session_id")
    assert answer.headers["Cache-Control"] == "no-store"
    session_id = answer.json["session_id"]
    assert client.get(f"/api/session_models/{session_id}").json == {
        "session_id": session_id,
        "models": [],
    }


@pytest.mark.parametrize("session_id", UNKNOWN_IDS, ids=lambda value: value[:20])
def test_an_unknown_or_malformed_session_id_is_not_found(
    client: FlaskClient, tmp_path: Path, session_id: str, chair: bytes
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "chair.glb").write_bytes(b"secret")
    for route in SESSION_ROUTES:
        answer = client.get(route.format(session_id))
        assert answer.status_code == 404
        assert answer.json["code"] in ("session_not_found", "not_found")
    answer = post(client, session_id, chair)
    assert answer.status_code == 404 and answer.json["error"]
    assert files_below(tmp_path) == ["models/chair.glb"]


def test_a_session_id_is_matched_in_any_case_and_answered_in_lower_case(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(client)
    upper = session_id.upper()
    made = post(client, upper, image_bytes(), "chair.png").json
    assert made["session_id"] == session_id
    assert made["model_url"] == f"http://localhost/sessions/{session_id}/models/chair.glb"
    for route in ("/api/session_models/{}", "/api/sessions/{}/uploads"):
        assert client.get(route.format(upper)).json["session_id"] == session_id
    for route in ("/sessions/{}/models/chair.glb", "/api/sessions/{}/models/chair.glb"):
        assert client.get(route.format(upper)).data[:4] == b"glTF"
    for route in (
        "/api/sessions/{}/models/chair.glb",
        "/api/sessions/{}/uploads/chair.png",
        "/api/delete_all_models/{}",
        "/api/sessions/{}",
    ):
        assert client.delete(route.format(upper)).status_code == 204
    assert list((tmp_path / "sessions").iterdir()) == []


def test_the_api_key_is_needed_for_creating_a_session_only(make_client: MakeClient) -> None:
    client = make_client(api_key="s3crét")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "s3crét"},
        {"Authorization": "Basic s3crét"},
    ):
        refused = client.get("/api/generate_session_id", headers=_as_wsgi(headers))
        assert_error(refused, 401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    valid = {"Authorization": "Bearer s3crét"}
    session_id = client.get("/api/generate_session_id", headers=_as_wsgi(valid)).json["session_id"]
    assert post(client, session_id, image_bytes()).status_code == 200
    assert list_models(client, session_id) == ["chair.glb"]
    assert client.get("/api/health").status_code == 200


def _as_wsgi(headers: Any) -> Any:
    """Return headers as a WSGI server passes them on: UTF-8 decoded as Latin-1."""
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}


def test_a_deleted_session_is_removed_with_its_files(client: FlaskClient, tmp_path: Path) -> None:
    session_id = session_with_models(client)
    assert client.delete(f"/api/sessions/{session_id}").status_code == 204
    assert list((tmp_path / "sessions").iterdir()) == []
    for method, route in (
        ("get", "/api/session_models/{}"),
        ("delete", "/api/sessions/{}"),
        ("delete", "/api/delete_all_models/{}"),
    ):
        gone = getattr(client, method)(route.format(session_id))
        assert_error(gone, 404, "session_not_found")


@pytest.mark.parametrize("accept", ("application/json", "text/event-stream"))
def test_deleting_a_session_ends_its_generation_with_session_not_found(
    client: FlaskClient, session_id: str, service: FakeService, tmp_path: Path, accept: str
) -> None:
    service.release.clear()

    def generate() -> str:
        other_client = client.application.test_client()
        return post(other_client, session_id, image_bytes(), accept=accept).text

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(generate)
        assert service.started.wait(20)
        assert client.delete(f"/api/sessions/{session_id}").status_code == 204
        service.release.set()
        body = job.result(timeout=20)
    assert body.count("session_not_found") == 1 and "complete" not in body
    assert list((tmp_path / "sessions").iterdir()) == []
    assert client.get("/api/health").json["generating"] == 0


def test_expired_sessions_are_removed_at_the_start_and_in_the_background(
    make_client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_SWEEP_EVERY_S", 0.1)
    old = SessionStore(tmp_path / "sessions").create()
    os.utime(old.folder, (0, 0))
    client = make_client(session_ttl_hours=1)
    assert wait_until(lambda: not old.folder.exists())
    new = new_session(client)
    assert list_models(client, new) == []
    os.utime(tmp_path / "sessions" / new, (0, 0))
    assert wait_until(lambda: list((tmp_path / "sessions").iterdir()) == [])
    assert_error(client.get(f"/api/session_models/{new}"), 404, "session_not_found")


def test_sessions_are_kept_by_default(make_client: MakeClient, tmp_path: Path) -> None:
    old = SessionStore(tmp_path / "sessions").create()
    os.utime(old.folder, (0, 0))
    assert list_models(make_client(), old.id) == []
