"""The metrics of a real server."""

from __future__ import annotations

from typing import Iterator

import gradio as gr
import pytest
import requests

from support import solids
from support.api import image_bytes, wait_until
from support.http_api import HttpApi
from support.processes import Server, StartServer
from support.scrapes import scrape
from support.spaces import HeldSpace, answer, space

GENERATIONS = "dreamlab_generations_total"
IN_FLIGHT = "dreamlab_generations_in_flight"
TOKEN = "s3cret"
POST = "/api/process_furniture_image/<string:session_id>"


def cancel_all(server: HttpApi, session_id: str) -> None:
    url = f"{server.url}/api/sessions/{session_id}/generations"
    for each in requests.get(url).json()["generations"]:
        requests.delete(f"{url}/{each['generation_id']}")


def test_there_are_no_metrics_without_a_setting(quick_server: Server) -> None:
    refused = requests.get(quick_server.url + "/metrics")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_a_token_makes_the_metrics_its_holders(watched: Server) -> None:
    url = watched.url + "/metrics"
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": f"Basic {TOKEN}"}):
        refused = requests.get(url, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    allowed = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
    assert allowed.status_code == 200
    assert allowed.headers["Content-Type"].startswith("text/plain; version=")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose models can be converted."""
    mesh = tmp_path_factory.mktemp("space") / "white_mesh.glb"
    mesh.write_bytes(solids.ellipsoid(is_textured=False))

    def shape(image=None):  # type: ignore[no-untyped-def]
        return answer(mesh)

    with space(shape) as url:
        folder = tmp_path_factory.mktemp("watched")
        server = Server(folder, HUNYUAN_SPACE_ID=url, METRICS_TOKEN=TOKEN)
        yield server
        server.kill()


def test_the_names_and_the_labels_are_those_of_the_contract(watched: Server) -> None:
    session_id = watched.session()
    watched.post(session_id, image_bytes(), "my-living-room.png", caption="a-secret-caption")
    watched.download(session_id, "my-living-room.stl")
    found = scrape(watched.url, TOKEN)
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
    of_engine = {"outcome": "ok", "engine": watched.health()["engine"]}
    before = scrape(watched.url, TOKEN)
    assert before.value("dreamlab_generations_capacity") == 32
    for _ in range(3):
        assert watched.post(session_id, photo).status_code == 200
    after = scrape(watched.url, TOKEN)

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert more(GENERATIONS) == more(GENERATIONS, **of_engine) == 3
    assert before.value(IN_FLIGHT) == after.value(IN_FLIGHT) == 0
    assert more("dreamlab_generation_seconds_count") == more("dreamlab_queue_seconds_count") == 3
    whole = more("dreamlab_generation_seconds_sum")
    assert 0 <= more("dreamlab_queue_seconds_sum") <= whole < 60
    assert more("dreamlab_uploads_bytes_total") == 3 * len(photo)
    assert more("dreamlab_http_requests_total", route=POST, method="POST", status="200") == 3
    # The first scrape was counted after its own answer.
    assert more("dreamlab_http_request_seconds_count") == 4


def test_whatever_clients_invent_makes_few_series(watched: Server) -> None:
    name, rule = "dreamlab_http_requests_total", "/api/session_models/<string:session_id>"
    scrape(watched.url, TOKEN)
    before = scrape(watched.url, TOKEN)
    for number in range(5):
        requests.get(f"{watched.url}/nowhere/{number}")
        requests.request(f"BREW{number}", watched.url + "/api/health")
        requests.get(f"{watched.url}/api/session_models/{number}")
    found = scrape(watched.url, TOKEN)
    assert found.value(name, route="no route", method="GET", status="404") == 5
    assert found.value(name, route="no route", method="other", status="405") == 5
    assert found.value(name, route=rule, method="GET", status="404") == 5
    assert len(found.series(name)) == len(before.series(name)) + 3


def test_conversions_are_counted_by_form_and_outcome(watched: Server) -> None:
    session_id, name = watched.session(), "dreamlab_conversions_total"
    watched.post(session_id, image_bytes())
    before = scrape(watched.url, TOKEN)
    for form in ("stl", "stl", "usdz", "glb"):
        watched.download(session_id, f"chair.{form}")
    after = scrape(watched.url, TOKEN)
    for labels in ({"form": "stl", "outcome": "ok"}, {"form": "usdz", "outcome": "ok"}):
        assert after.value(name, **labels) - before.value(name, **labels) == 1
    assert after.value(name) - before.value(name) == 2


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
    server.post_async(server.session(), image_bytes())
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
