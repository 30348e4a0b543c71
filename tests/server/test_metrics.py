"""The metrics of a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Iterator

import gradio as gr
import pytest
import requests

from dreamlab.settings import PROJECT
from support import solids
from support.api import image_bytes, wait_until
from support.http_api import HttpApi
from support.processes import Server, StartServer
from support.scrapes import scrape
from support.spaces import HeldSpace, answer, space

GENERATIONS = "dreamlab_generations_total"
IN_FLIGHT = "dreamlab_generations_in_flight"
POST = "/api/process_furniture_image/<string:session_id>"


def cancel_all(server: HttpApi, session_id: str) -> None:
    url = f"{server.url}/api/sessions/{session_id}/generations"
    for each in requests.get(url).json()["generations"]:
        requests.delete(f"{url}/{each['generation_id']}")


def test_there_are_no_metrics_without_a_setting(quick_server: Server) -> None:
    refused = requests.get(quick_server.url + "/metrics")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_without_metrics_their_library_is_not_imported() -> None:
    program = (
        "import sys, app; app.create_app(); assert 'prometheus_client' not in sys.modules;"
        "from dreamlab.settings import Settings;"
        "app.create_app(Settings(metrics=True)); assert 'prometheus_client' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)


def test_a_token_makes_the_metrics_its_holders(start_server: StartServer, quick_space: str) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space, METRICS_TOKEN="s3cret")
    url = server.url + "/metrics"
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic s3cret"}):
        refused = requests.get(url, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    allowed = requests.get(url, headers={"Authorization": "Bearer s3cret"})
    assert allowed.status_code == 200
    assert allowed.headers["Content-Type"].startswith("text/plain; version=")


@pytest.fixture
def watched(start_server: StartServer, quick_space: str) -> Server:
    return start_server(HUNYUAN_SPACE_ID=quick_space, METRICS="true")


def test_the_names_and_the_labels_are_those_of_the_contract(watched: Server) -> None:
    session_id = watched.session()
    watched.post(session_id, image_bytes(), "my-living-room.png", caption="a-secret-caption")
    watched.download(session_id, "my-living-room.stl")
    found = scrape(watched.url)
    histograms = ("generation_seconds", "queue_seconds", "http_request_seconds")
    assert found.label_names() == {
        "dreamlab_generations_total": ["engine", "outcome"],
        "dreamlab_generations_in_flight": [],
        "dreamlab_generations_capacity": [],
        "dreamlab_http_requests_total": ["method", "route", "status"],
        "dreamlab_uploads_bytes_total": [],
        "dreamlab_conversions_total": ["form", "outcome"],
        **{
            f"dreamlab_{name}_{end}": []
            for name in histograms
            for end in ("bucket", "count", "sum")
        },
    }
    assert all(family.documentation.endswith(".") for family in found.families)
    for secret in (session_id, session_id[:8], "living-room", "secret"):
        assert secret not in found.text


def test_a_generation_its_photo_and_its_requests_are_counted(watched: Server) -> None:
    photo = image_bytes()
    session_id = watched.session()
    engine = watched.health()["engine"]
    before = scrape(watched.url)
    assert before.value("dreamlab_generations_capacity") == 32
    assert before.value(IN_FLIGHT) == before.value(GENERATIONS) == 0
    for _ in range(3):
        assert watched.post(session_id, photo).status_code == 200
    after = scrape(watched.url)
    assert after.series(GENERATIONS) == {frozenset({("outcome", "ok"), ("engine", engine)}): 3}
    assert after.value(IN_FLIGHT) == 0
    assert after.value("dreamlab_generation_seconds_count") == 3
    assert after.value("dreamlab_queue_seconds_count") == 3
    whole = after.value("dreamlab_generation_seconds_sum")
    assert 0 <= after.value("dreamlab_queue_seconds_sum") <= whole < 60
    assert after.value("dreamlab_uploads_bytes_total") == 3 * len(photo)
    requests_of = "dreamlab_http_requests_total"
    assert after.value(requests_of, route=POST, method="POST", status="200") == 3
    count = "dreamlab_http_request_seconds_count"
    # The first scrape was counted after its own answer.
    assert after.value(count) - before.value(count) == 4


def test_whatever_clients_invent_makes_few_series(watched: Server) -> None:
    for number in range(5):
        requests.get(f"{watched.url}/nowhere/{number}")
        requests.request(f"BREW{number}", watched.url + "/api/health")
        requests.get(f"{watched.url}/api/session_models/{number}")
    found = scrape(watched.url)
    name = "dreamlab_http_requests_total"
    assert found.value(name, route="no route", method="GET", status="404") == 5
    assert found.value(name, route="no route", method="other", status="405") == 5
    rule = "/api/session_models/<string:session_id>"
    assert found.value(name, route=rule, method="GET", status="404") == 5
    assert len(found.series(name)) == 3


def test_failed_and_cancelled_generations_are_counted_by_their_code(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, METRICS="true", MAX_GENERATIONS="3")
    session_id = server.session()
    first = server.start_stream(session_id, image_bytes())
    assert held_space.started.wait(20)
    others = [server.start_stream(session_id, image_bytes()) for _ in range(2)]
    assert scrape(server.url).value(IN_FLIGHT) == 3
    assert server.post(session_id, image_bytes()).json()["code"] == "generator_busy"
    assert scrape(server.url).value(GENERATIONS) == 0
    cancel_all(server, session_id)
    for stream in (first, *others):
        assert "generation_cancelled" in stream.text
    held_space.release.set()
    assert wait_until(lambda: scrape(server.url).value(IN_FLIGHT) == 0)
    found = scrape(server.url)
    assert found.value(GENERATIONS) == found.value(GENERATIONS, outcome="generation_cancelled") == 3
    assert found.value("dreamlab_queue_seconds_count") == 3


@pytest.fixture
def failing_space() -> Iterator[str]:
    def shape(image=None):  # type: ignore[no-untyped-def]
        raise gr.Error("no legs")

    with space(shape) as url:
        yield url


def test_a_generation_that_is_taken_up_is_counted_once_at_its_end(
    start_server: StartServer, held_space: HeldSpace, failing_space: str
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, METRICS="true")
    server.start_stream(server.session(), image_bytes())
    assert held_space.started.wait(20)
    server.kill()
    server = start_server(HUNYUAN_SPACE_ID=failing_space, METRICS="true")
    assert wait_until(lambda: scrape(server.url).value(GENERATIONS) > 0)
    found = scrape(server.url)
    assert found.value(GENERATIONS, outcome="generation_failed", engine=failing_space) == 1
    server.kill()
    # It has ended and was counted: the next start does neither.
    server = start_server(HUNYUAN_SPACE_ID=failing_space, METRICS="true")
    server.post(server.session(), image_bytes())
    assert scrape(server.url).value(GENERATIONS) == 1


def test_conversions_are_counted_by_form_and_outcome(
    start_server: StartServer, tmp_path: Path
) -> None:
    mesh = tmp_path / "white_mesh.glb"
    mesh.write_bytes(solids.ellipsoid(is_textured=False))

    def shape(image=None):  # type: ignore[no-untyped-def]
        return answer(mesh)

    with space(shape) as url:
        server = start_server(HUNYUAN_SPACE_ID=url, METRICS="true")
        session_id = server.session()
        server.post(session_id, image_bytes())
        for _ in range(2):
            server.download(session_id, "chair.stl")
        server.download(session_id, "chair.usdz")
        server.download(session_id, "chair.glb")
    found = scrape(server.url)
    name = "dreamlab_conversions_total"
    assert found.value(name, form="stl", outcome="ok") == 1
    assert found.value(name, form="usdz", outcome="ok") == 1
    assert found.value(name) == 2
