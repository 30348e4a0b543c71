"""What browser clients do beyond the main job: files, deletions, other origins, keys, the log."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import gradio as gr
import pytest
from flask.testing import FlaskClient

from dreamlab.storage.store import SessionStore
from support.api import assert_error, files_below, models, new_session, picture, post, wait_until
from support.spaces import answer, space, tiny_glb


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Any]:
    """A server whose jobs start at `gate.started` and end at `gate.open()`."""

    class Gate:
        started = threading.Event()
        go = threading.Event()
        url = ""

    mesh = tiny_glb(tmp_path / "white_mesh.glb")

    def shape(image=None):
        Gate.started.set()
        Gate.go.wait(20)
        return answer(str(mesh))

    with space(shape) as Gate.url:
        yield Gate


@pytest.fixture
def quick_client(make_client: Callable[..., FlaskClient], quick_space: str) -> FlaskClient:
    return make_client(quick_space)


def made(client: FlaskClient, count: int = 1) -> str:
    """A session with that many models: chair.glb, chair-2.glb, ..."""
    session_id = new_session(client)
    for _ in range(count):
        assert post(client, session_id, picture(), "chair.png").status_code == 200
    return session_id


# Views and options


def test_every_view_of_a_request_is_kept_and_only_the_first_names_the_model(
    quick_client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(quick_client)
    sides = {
        f"{side}_image": (picture(), f"chair {side}.png") for side in ("back", "left", "right")
    }
    given = post(quick_client, session_id, picture(), "chair.png", caption="oak", **sides).json
    assert (given["filename"], given["model"]) == ("chair.png", "chair.glb")
    assert files_below(tmp_path / "sessions" / session_id) == [
        "models/chair.glb",
        "uploads/chair.png",
        "uploads/chair_back.png",
        "uploads/chair_left.png",
        "uploads/chair_right.png",
    ]


def test_a_caption_has_a_limit(quick_client: FlaskClient) -> None:
    session_id = new_session(quick_client)
    assert post(quick_client, session_id, picture(), caption="é" * 1000).status_code == 200
    long = post(quick_client, session_id, picture(), caption="x" * 1001)
    assert_error(long, 422, "invalid_option", "^caption")


# Files


def test_a_model_may_be_cached_for_good(quick_client: FlaskClient) -> None:
    url = f"/sessions/{made(quick_client)}/models/chair.glb"
    first = quick_client.get(url)
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "chair.glb" in first.headers["Content-Disposition"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    for header, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = quick_client.get(url, headers={header: value})
        assert (again.status_code, again.data) == (304, b"")


def test_a_part_of_a_model_can_be_had(quick_client: FlaskClient) -> None:
    url = f"/sessions/{made(quick_client)}/models/chair.glb"
    whole = quick_client.get(url).data
    part = quick_client.get(url, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.data) == (206, whole[4:12])
    assert part.headers["Content-Range"] == f"bytes 4-11/{len(whole)}"
    beyond = quick_client.get(url, headers={"Range": f"bytes={len(whole)}-"})
    assert_error(beyond, 416, "requested_range_not_satisfiable")
    head = quick_client.head(url)
    assert (head.content_length, head.data) == (len(whole), b"")


# Deletions


def test_a_deleted_model_is_gone_and_its_name_is_not_given_again(
    quick_client: FlaskClient,
) -> None:
    session_id = made(quick_client, 2)
    url = f"/api/sessions/{session_id}/models/chair.glb"
    gone = quick_client.delete(url)
    assert (gone.status_code, gone.data) == (204, b"")
    assert models(quick_client, session_id) == ["chair-2.glb"]
    assert_error(quick_client.get(url), 404, "model_not_found")
    assert_error(quick_client.delete(url), 404, "model_not_found")
    # Another suffix, so that the upload's name is free: the model's may be in some browser's cache.
    assert post(quick_client, session_id, picture(kind="WEBP"), "chair.webp").json["model"] == (
        "chair-3.glb"
    )


def test_all_models_can_be_deleted_at_once(quick_client: FlaskClient, tmp_path: Path) -> None:
    session_id = made(quick_client, 3)
    assert quick_client.delete(f"/api/delete_all_models/{session_id}").status_code == 204
    assert models(quick_client, session_id) == []
    uploads = tmp_path / "sessions" / session_id / "uploads"
    assert len(files_below(uploads)) == 3


def test_a_deleted_session_leaves_nothing(quick_client: FlaskClient, tmp_path: Path) -> None:
    session_id = made(quick_client)
    assert quick_client.delete(f"/api/sessions/{session_id}").status_code == 204
    assert list((tmp_path / "sessions").iterdir()) == []
    for method, route in (
        ("get", "/api/session_models/{}"),
        ("delete", "/api/sessions/{}"),
        ("delete", "/api/delete_all_models/{}"),
    ):
        gone = getattr(quick_client, method)(route.format(session_id))
        assert_error(gone, 404, "session_not_found")


@pytest.mark.parametrize("accept", ("application/json", "text/event-stream"))
def test_a_session_deleted_under_a_generation_ends_it_in_one_clear_answer(
    make_client: Callable[..., FlaskClient], gate: Any, tmp_path: Path, accept: str
) -> None:
    client = make_client(gate.url)
    session_id = new_session(client)

    def generate() -> str:
        answered = client.application.test_client().post(
            f"/api/process_furniture_image/{session_id}",
            data={"image": (io.BytesIO(picture()), "chair.png")},
            headers={"Accept": accept},
        )
        return str(answered.get_data(as_text=True))

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(generate)
        assert gate.started.wait(20)
        assert client.delete(f"/api/sessions/{session_id}").status_code == 204
        gate.go.set()
        told = job.result(timeout=20)
    assert told.count("session_not_found") == 1 and "complete" not in told
    assert list((tmp_path / "sessions").iterdir()) == []
    assert client.get("/api/health").json["generating"] == 0


# Other origins


def test_any_origin_may_call_by_default(quick_client: FlaskClient) -> None:
    headers = {"Origin": "https://shop.example"}
    plain = quick_client.get("/api/health", headers=headers)
    assert plain.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in plain.headers
    exposed = plain.headers["Access-Control-Expose-Headers"]
    assert "Retry-After" in exposed and "Location" in exposed
    lost = quick_client.get("/api/session_models/nobody", headers=headers)
    assert lost.status_code == 404 and lost.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ("POST", "DELETE"))
def test_a_browser_may_ask_first(quick_client: FlaskClient, method: str) -> None:
    route = "process_furniture_image" if method == "POST" else "delete_all_models"
    asked = quick_client.options(
        f"/api/{route}/any",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert asked.status_code == 200
    assert method in asked.headers["Access-Control-Allow-Methods"]
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"].lower()


def test_only_the_origins_that_are_set_may_call(
    make_client: Callable[..., FlaskClient], quick_space: str
) -> None:
    client = make_client(quick_space, cors_origins=("https://a.example", "https://b.example"))
    for origin, allowed in (
        ("https://b.example", "https://b.example"),
        ("https://c.example", None),
    ):
        told = client.get("/api/health", headers={"Origin": origin})
        assert told.headers.get("Access-Control-Allow-Origin") == allowed


# The key


def test_with_a_key_only_creating_a_session_needs_it(
    make_client: Callable[..., FlaskClient], quick_space: str
) -> None:
    client = make_client(quick_space, api_key="s3crét")
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "s3crét"},
        {"Authorization": "Basic s3crét"},
    ):
        refused = client.get("/api/generate_session_id", headers=_latin(headers))
        assert_error(refused, 401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    right = {"Authorization": "Bearer s3crét"}
    session_id = client.get("/api/generate_session_id", headers=_latin(right)).json["session_id"]
    assert post(client, session_id, picture()).status_code == 200
    assert models(client, session_id) == ["chair.glb"]
    assert client.get("/api/health").status_code == 200


def _latin(headers: Any) -> Any:
    """Headers as a WSGI server hands them on: UTF-8 read as Latin-1."""
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}


# Sessions that end


def test_a_session_that_nothing_touches_is_removed(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    idle, asked, busy = (store.create() for _ in range(3))
    for session in (idle, asked, busy):
        os.utime(session.folder, (0, 0))
    store.open(asked.id)
    with busy.draft():
        store.sweep(3600)
        assert {path.name for path in tmp_path.iterdir()} == {asked.id, busy.id}
    # Its generation has just ended, which counts as a touch.
    store.sweep(3600)
    assert busy.folder.exists()


def test_sessions_are_swept_at_the_start_and_then_in_the_background(
    make_client: Callable[..., FlaskClient], quick_space: str, tmp_path: Path
) -> None:
    old = SessionStore(tmp_path / "sessions").create()
    os.utime(old.folder, (0, 0))
    client = make_client(quick_space, session_ttl_hours=2 / 3600)
    young = new_session(client)
    assert wait_until(lambda: not old.folder.exists())
    assert models(client, young) == []
    assert wait_until(lambda: list((tmp_path / "sessions").iterdir()) == [])
    assert_error(client.get(f"/api/session_models/{young}"), 404, "session_not_found")


def test_sessions_are_kept_by_default(
    make_client: Callable[..., FlaskClient], quick_space: str, tmp_path: Path
) -> None:
    old = SessionStore(tmp_path / "sessions").create()
    os.utime(old.folder, (0, 0))
    assert models(make_client(quick_space), old.id) == []


# The log


def test_the_log_has_a_line_per_request_and_generation_and_no_secrets(
    make_client: Callable[..., FlaskClient], quick_space: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(quick_space, api_key="s3cret", hf_token="hf_s3cret")
    with caplog.at_level(logging.INFO, "dreamlab"):
        answered = client.get(
            "/api/generate_session_id", headers={"Authorization": "Bearer s3cret"}
        )
        session_id = answered.json["session_id"]
        post(client, session_id, picture(), "my-living-room.png")
        client.get(f"/sessions/{session_id}/models/nothing.glb")
    lines = [record.getMessage() for record in caplog.records if record.name == "dreamlab"]
    assert len(lines) == 4
    short = session_id[:8]
    assert f"generation in {short} by {quick_space}: ok" in lines[1]
    assert f"POST /api/process_furniture_image/<string:session_id> {short}: 200" in lines[2]
    assert f"{short}: 404" in lines[3]
    for secret in (session_id, "s3cret", "living-room"):
        assert secret not in caplog.text


def test_a_failed_generation_is_logged_with_its_code(
    make_client: Callable[..., FlaskClient], caplog: pytest.LogCaptureFixture
) -> None:
    def shape(image=None):
        raise gr.Error("no legs")

    with space(shape) as url, caplog.at_level(logging.INFO, "dreamlab"):
        client = make_client(url)
        post(client, new_session(client), picture())
    assert ": generation_failed, 0 bytes" in caplog.text


# Health


def test_health_does_not_wait_for_a_generator_that_hangs(
    make_client: Callable[..., FlaskClient],
) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        client = make_client(f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = time.monotonic()
        assert client.get("/api/health").json["generator"] in ("starting", "unreachable")
        assert time.monotonic() - before < 1
        assert wait_until(lambda: client.get("/api/health").json["generator"] == "unreachable")


def test_health_sees_a_generator_come_and_go(make_client: Callable[..., FlaskClient]) -> None:
    from support.spaces import free_port

    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}")

    def says(state: str) -> Callable[[], bool]:
        return lambda: client.get("/api/health").json["generator"] == state

    assert wait_until(says("unreachable"))
    with space(lambda image=None: None, port=port):
        assert wait_until(says("ready"))
    assert wait_until(says("unreachable"))
    assert json.loads(client.get("/api/health").data)["status"] == "ok"


def test_one_session_gets_no_more_than_its_share(
    make_client: Callable[..., FlaskClient], gate: Any
) -> None:
    client = make_client(gate.url, max_generations=4, max_generations_per_session=2)
    mine, other = new_session(client), new_session(client)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(post, client, mine, picture()) for _ in range(4)]
        assert wait_until(lambda: sum(future.done() for future in asked) == 2)
        asked.append(pool.submit(post, client, other, picture()))
        assert wait_until(lambda: client.get("/api/health").json["generating"] == 3)
        gate.go.set()
    answers = [future.result() for future in asked]
    assert sorted(answer.status_code for answer in answers[:4]) == [200, 200, 503, 503]
    assert {answer.json.get("code") for answer in answers} == {None, "generator_busy"}
    assert answers[4].status_code == 200
    # Its places are given back.
    assert post(client, mine, picture()).status_code == 200
