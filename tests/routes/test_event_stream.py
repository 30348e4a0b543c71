"""Progress as server-sent events over HTTP, as curl and browsers read them."""

from __future__ import annotations

import time
from typing import Iterator, List

import gradio as gr
import httpx
import pytest
import requests

from dreamlab.errors import NothingToModel
from dreamlab.generation.unfinished import Unfinished
from dreamlab.routes import event_stream
from dreamlab.routes.generations import follow
from support.api import image_bytes, wait_until
from support.http_api import read_events
from support.processes import Server, StartServer
from support.proxy import Proxy
from support.spaces import answer, space, timed_space


@pytest.fixture
def report_times() -> List[float]:
    """The times at which the generator reported its progress."""
    return []


@pytest.fixture
def reporting_space(report_times: List[float]) -> Iterator[str]:
    """A server that reports three steps, 0.6 s apart, and refuses the caption `fail`."""

    def shape(image=None, caption=None, progress=gr.Progress()):  # noqa: B008
        for step in range(3):
            report_times.append(time.monotonic())
            progress((step + 1) / 4, desc=f"step {step}")
            time.sleep(0.6)
        if caption == "fail":
            raise gr.Error("no legs")
        return answer()

    with space(shape) as url:
        yield url


@pytest.fixture
def server(reporting_space: str, start_server: StartServer) -> Server:
    return start_server(HUNYUAN_SPACE_ID=reporting_space)


def test_progress_arrives_without_delay_and_ends_with_the_generations_answer(
    server: Server, report_times: List[float]
) -> None:
    session_id = server.session()
    answer = server.start_stream(session_id, image_bytes())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    events = [(*event, time.monotonic()) for event in read_events(answer)]
    steps = [event for event in events if event[0] == "progress" and event[1]["stage"]]
    assert [(step[1]["fraction"], step[1]["stage"]) for step in steps] == [
        (0.25, "step 0"),
        (0.5, "step 1"),
        (0.75, "step 2"),
    ]
    delays = [arrived - reported for (_, _, arrived), reported in zip(steps, report_times)]
    print("seconds from the progress call to the event:", [round(delay, 3) for delay in delays])
    # The median: a busy machine may delay one event.
    assert sorted(delays)[1] < 0.5
    name, data, _ = events[-1]
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
    assert events[0][:2] == ("accepted", {"generation_id": data["generation_id"]})
    assert sum(name in ("complete", "error") for name, _, _ in events) == 1


def test_the_position_in_the_queue_is_reported(server: Server) -> None:
    session_id = server.session()
    answers = [server.start_stream(session_id, image_bytes()) for _ in range(2)]
    # Either of the two may reach the generator first.
    events = [event for answer in answers for event in read_events(answer)]
    queued = [data for name, data in events if name == "queued"]
    assert queued and all(data["position"] >= 1 and "eta_s" in data for data in queued)
    assert [name for name, _ in events].count("complete") == 2


def test_a_failure_ends_the_stream_with_its_error(server: Server) -> None:
    answer = server.start_stream(server.session(), image_bytes(), caption="fail")
    events = list(read_events(answer))
    name, data = events[-1]
    assert name == "error"
    assert (data["status"], data["code"]) == (502, "generation_failed")
    assert data["error"].endswith("no legs") and data["filename"] == "chair.png"
    assert [name for name, _ in events].count("error") == 1
    assert data["generation_id"] == events[0][1]["generation_id"]


def test_an_invalid_request_is_answered_with_json(server: Server) -> None:
    for fields, status in (({"seed": "abc"}, 422), ({"steps": "0"}, 422)):
        refused = server.start_stream(server.session(), image_bytes(), **fields)
        assert refused.status_code == status
        assert refused.headers["Content-Type"] == "application/json"
    refused = requests.post(
        server.upload_url(server.session()), headers={"Accept": "text/event-stream"}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "missing_image")


@pytest.mark.parametrize("accept", ("text/event-stream", "application/json"))
def test_the_model_of_a_disconnected_client_is_kept(server: Server, accept: str) -> None:
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
        time.sleep(0.5)
    assert wait_until(lambda: server.models(session_id) == ["chair.glb"])
    assert wait_until(lambda: server.health()["generating"] == 0)


def test_a_client_with_a_timeout_of_five_seconds_waits_behind_a_slow_proxy(
    start_server: StartServer,
) -> None:
    with timed_space(8) as url:
        server = start_server(HUNYUAN_SPACE_ID=url)
        proxy = Proxy(int(server.url.rpartition(":")[2]), delay_s=(0.01, 0.05))
        try:
            with httpx.stream(
                "POST",
                f"{proxy.url}/api/process_furniture_image/{server.session()}",
                files={"image": ("chair.png", image_bytes())},
                headers={"Accept": "text/event-stream"},
            ) as answer:
                lines, times = [], [time.monotonic()]
                for line in answer.iter_lines():
                    lines.append(line)
                    times.append(time.monotonic())
        finally:
            proxy.close()
    assert "event: complete" in lines
    longest = max(after - before for before, after in zip(times, times[1:]))
    print("seconds between lines, at most:", round(longest, 2))
    assert longest < 2.6


def test_comments_are_sent_while_there_is_no_event() -> None:
    assert event_stream.HEARTBEAT_S <= 2.5
    unfinished = Unfinished("id")
    started = time.monotonic()
    lines = []
    for line in event_stream.stream(follow(unfinished, "chair.png", "http://localhost/", 0.05)):
        lines.append(line)
        if time.monotonic() - started > 0.3:
            unfinished.finish(unfinished.failed(NothingToModel("no chair")))
    assert len([line for line in lines if line.startswith(":")]) > 3
    assert lines[-1].startswith("event: error\n")
