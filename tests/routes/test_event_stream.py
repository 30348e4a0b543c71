"""Progress as server-sent events, through waitress, as curl and browsers read them."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path
from typing import Iterator, List

import gradio as gr
import pytest
import requests

from dreamlab.routes import event_stream
from support import streams
from support.api import picture
from support.processes import Server
from support.spaces import answer, space, tiny_glb


@pytest.fixture
def told() -> List[float]:
    """When the generator reported its progress."""
    return []


@pytest.fixture
def steady_space(told: List[float]) -> Iterator[str]:
    """A server that reports three steps, 0.6 s apart, and refuses the caption «fail»."""
    with tempfile.TemporaryDirectory() as folder:
        mesh = tiny_glb(Path(folder) / "white_mesh.glb")

        def shape(image=None, caption=None, progress=gr.Progress()):  # noqa: B008
            for step in range(3):
                told.append(time.monotonic())
                progress((step + 1) / 4, desc=f"step {step}")
                time.sleep(0.6)
            if caption == "fail":
                raise gr.Error("no legs")
            return answer(str(mesh))

        with space(shape) as url:
            yield url


@pytest.fixture
def server(tmp_path: Path, steady_space: str) -> Iterator[Server]:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=steady_space)
    yield server
    server.kill()


def start(server: Server, session_id: str, **fields: str) -> requests.Response:
    return streams.start(server.url, session_id, picture(), **fields)


def test_progress_comes_as_it_happens_and_ends_in_the_same_object(
    server: Server, told: List[float]
) -> None:
    session_id = server.session()
    answered = start(server, session_id)
    assert answered.status_code == 200
    assert answered.headers["Content-Type"].startswith("text/event-stream")
    assert answered.headers["Cache-Control"] == "no-store"
    seen = [(*event, time.monotonic()) for event in streams.read(answered)]
    steps = [event for event in seen if event[0] == "progress" and event[1]["stage"]]
    assert [(step[1]["fraction"], step[1]["stage"]) for step in steps] == [
        (0.25, "step 0"),
        (0.5, "step 1"),
        (0.75, "step 2"),
    ]
    delays = [came - happened for (_, _, came), happened in zip(steps, told)]
    print("seconds from the progress call to the event:", [round(delay, 3) for delay in delays])
    # The machine may be busy with something else at one of them.
    assert sorted(delays)[1] < 0.5
    name, data, _ = seen[-1]
    assert name == "complete"
    assert data == {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": "chair.png",
        "model": "chair.glb",
        "model_url": f"{server.url}/sessions/{session_id}/models/chair.glb",
        "seed": 7,
        "engine": data["engine"],
    }
    assert sum(name in ("complete", "error") for name, _, _ in seen) == 1


def test_a_place_in_the_queue_is_told(server: Server) -> None:
    session_id = server.session()
    both = [start(server, session_id), start(server, session_id)]
    # Either may come first to the generator.
    seen = [event for answered in both for event in streams.read(answered)]
    queued = [data for name, data in seen if name == "queued"]
    assert queued and all(data["position"] >= 1 and "eta_s" in data for data in queued)
    assert [name for name, _ in seen].count("complete") == 2


def test_a_failure_ends_the_stream_with_its_error(server: Server) -> None:
    seen = list(streams.read(start(server, server.session(), caption="fail")))
    name, data = seen[-1]
    assert name == "error"
    assert (data["status"], data["code"]) == (502, "generation_failed")
    assert data["error"].endswith("no legs") and data["filename"] == "chair.png"
    assert [name for name, _ in seen].count("error") == 1


def test_a_bad_request_is_answered_with_plain_json(server: Server) -> None:
    for fields, status in (({"seed": "abc"}, 422), ({"steps": "0"}, 422)):
        refused = start(server, server.session(), **fields)
        assert refused.status_code == status
        assert refused.headers["Content-Type"] == "application/json"
    refused = requests.post(
        f"{server.url}/api/process_furniture_image/{server.session()}",
        headers={"Accept": "text/event-stream"},
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "missing_image")


@pytest.mark.parametrize("accept", ("text/event-stream", "application/json"))
def test_a_client_that_goes_away_still_finds_its_model(server: Server, accept: str) -> None:
    session_id = server.session()
    request = requests.Request(
        "POST",
        f"{server.url}/api/process_furniture_image/{session_id}",
        files={"image": ("chair.png", picture())},
        headers={"Accept": accept},
    ).prepare()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as wire:
        wire.sendall(f"POST {request.path_url} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        wire.sendall(request.body)
        time.sleep(0.5)
    listing = f"{server.url}/api/session_models/{session_id}"
    deadline = time.monotonic() + 20
    while not requests.get(listing).json()["models"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert requests.get(listing).json()["models"] == ["chair.glb"]
    assert requests.get(server.url + "/api/health").json()["generating"] == 0


def test_a_long_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert event_stream.HEARTBEAT_S <= 10
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)

    def work(tell: event_stream.Emit) -> event_stream.Event:
        time.sleep(0.3)
        return "complete", {}

    lines = list(event_stream.stream(work))
    assert len([line for line in lines if line.startswith(":")]) > 3
    assert lines[-1] == "event: complete\ndata: {}\n\n"
