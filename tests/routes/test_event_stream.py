"""Progress as server-sent events, over HTTP as curl and browsers read them."""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterator, List

import gradio as gr
import httpx
import pytest
import requests
from flask.testing import FlaskClient

from dreamlab.errors import GenerationFailed
from dreamlab.routes.event_stream import HEARTBEAT_S
from support import generations
from support.api import assert_error, image_bytes, post, post_form, wait_until
from support.fake_service import FakeService
from support.http_api import read_events
from support.processes import Server
from support.spaces import answer, space

STEPS = 3
EVENTS = "text/event-stream"


class Steps:
    """The steps of the generator's jobs. A job reports one and waits until a test lets it go on."""

    def __init__(self) -> None:
        self._allowed = threading.Semaphore(0)

    def wait(self) -> None:
        assert self._allowed.acquire(timeout=20)

    def allow(self, count: int = 1) -> None:
        for _ in range(count):
            self._allowed.release()


@pytest.fixture(scope="module")
def steps() -> Steps:
    return Steps()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> Iterator[Server]:
    def shape(image=None, progress=gr.Progress()):  # noqa: B008
        for step in range(STEPS):
            progress((step + 1) / 4, desc=f"step {step}")
            steps.wait()
        return answer()

    with space(shape) as url:
        server = Server(tmp_path_factory.mktemp("stream"), HUNYUAN_SPACE_ID=url)
        yield server
        server.kill()


def test_each_event_arrives_when_it_happens_and_the_last_one_is_the_generations_answer(
    server: Server, steps: Steps
) -> None:
    session_id = server.session()
    answer = server.start_stream(session_id, image_bytes())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(EVENTS)
    assert answer.headers["Cache-Control"] == "no-store"
    events, stages = [], []
    for name, data in read_events(answer):
        events.append((name, data))
        if name == "progress" and data["stage"] and data["stage"] not in stages:
            stages.append(data["stage"])
            # The job waits for this, so that an event that is held back never arrives.
            steps.allow()
    assert stages == ["step 0", "step 1", "step 2"]
    fractions = [data["fraction"] for name, data in events if name == "progress"]
    assert {0.25, 0.5, 0.75} <= {*fractions}
    name, data = events[-1]
    assert name == "complete"
    assert data == {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": "chair.png",
        "model": "chair.glb",
        "model_url": f"{server.url}/sessions/{session_id}/models/chair.glb",
        "seed": 7,
        "engine": data["engine"],
        "generation_id": data["generation_id"],
    }
    assert events[0] == ("accepted", {"generation_id": data["generation_id"]})
    assert sum(name in ("complete", "error") for name, _ in events) == 1


def test_the_position_in_the_queue_is_reported(server: Server, steps: Steps) -> None:
    session_id = server.session()
    streams = [read_events(server.start_stream(session_id, image_bytes()))]
    assert "progress" in (name for name, _ in streams[0])
    streams.append(read_events(server.start_stream(session_id, image_bytes())))
    queued: Dict[str, Any] = next(data for name, data in streams[1] if name == "queued")
    assert queued["position"] >= 1 and "eta_s" in queued
    steps.allow(2 * STEPS)
    assert [list(stream)[-1][0] for stream in streams] == ["complete", "complete"]


def test_a_client_with_a_timeout_of_five_seconds_waits_for_a_silent_generator(
    server: Server, steps: Steps
) -> None:
    lines: List[str] = []
    with httpx.stream(
        "POST",
        server.upload_url(server.session()),
        files={"image": ("chair.png", image_bytes())},
        headers={"Accept": EVENTS},
    ) as answer:
        for line in answer.iter_lines():
            lines.append(line)
            if line == ": still there" and lines.count(line) == 2:
                steps.allow(STEPS)
    assert "event: complete" in lines
    # What the contract promises.
    assert HEARTBEAT_S <= 2.5


@pytest.mark.parametrize("accept", (EVENTS, "application/json"))
def test_the_model_of_a_disconnected_client_is_kept(
    server: Server, steps: Steps, accept: str
) -> None:
    session_id = server.session()
    request = requests.Request(
        "POST",
        server.upload_url(session_id),
        files={"image": ("chair.png", image_bytes())},
        headers={"Accept": accept},
    ).prepare()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with server.connect() as connection:
        connection.sendall(f"POST {request.path_url} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        connection.sendall(request.body)
        assert wait_until(lambda: server.health()["generating"] == 1)
    steps.allow(STEPS)
    assert wait_until(lambda: server.models(session_id) == ["chair.glb"])
    assert wait_until(lambda: server.health()["generating"] == 0)


def test_a_failure_ends_the_stream_with_its_error(
    client: FlaskClient, session_id: str, service: FakeService
) -> None:
    service.error = GenerationFailed("no legs")
    stream = post(client, session_id, image_bytes(), "chair.png", accept=EVENTS)
    events = list(generations.read_events(stream))
    name, data = events[-1]
    assert name == "error"
    assert (data["status"], data["code"]) == (502, "generation_failed")
    assert (data["error"], data["filename"]) == ("no legs", "chair.png")
    assert [name for name, _ in events].count("error") == 1
    assert data["generation_id"] == events[0][1]["generation_id"]


def test_an_invalid_request_is_answered_with_json(client: FlaskClient, session_id: str) -> None:
    refused = post(client, session_id, image_bytes(), accept=EVENTS, steps="0")
    assert_error(refused, 422, "invalid_option")
    assert refused.mimetype == "application/json"
    assert_error(post_form(client, session_id, accept=EVENTS), 400, "missing_image")
