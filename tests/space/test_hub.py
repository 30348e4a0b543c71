"""A Space by its id: what Hugging Face says of it reaches the client, the health and the log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
import requests

from support.api import image_bytes, wait_until
from support.hub import OLD_ID, OWNER, SPACE_ID, STRANGER, Hub
from support.processes import Server, StartServer
from support.spaces import timed_space

PHOTO = image_bytes()
StartApi = Callable[..., Server]


@pytest.fixture(scope="module")
def gradio_port() -> Iterator[int]:
    with timed_space(0) as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture
def hub(gradio_port: int) -> Iterator[Hub]:
    hub = Hub(gradio_port)
    yield hub
    hub.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(hub: Hub, log: Path, tmp_path: Path, start_server: StartServer) -> StartApi:
    """Start the API. huggingface_hub reads the Hub's address when it is imported."""

    def start(space_id: str = SPACE_ID, token: str = "") -> Server:
        return start_server(
            log=log,
            HUNYUAN_SPACE_ID=space_id,
            HF_TOKEN=token,
            HF_ENDPOINT=hub.url,
            HF_HOME=str(tmp_path / "hf"),
        )

    return start


def assert_makes_a_model(server: Server) -> None:
    made = server.post(server.session(), PHOTO)
    assert made.status_code == 200, made.text
    health = server.health()
    assert (health["generator"], health["reason"]) == ("ready", None)


def assert_told(
    server: Server, log: Path, words: str, state: str = "unreachable", helps: bool = False
) -> requests.Response:
    """Assert that a generation, the health and the log say `words`.

    `helps` is whether it is told to try again.
    """
    refused = server.post(server.session(), PHOTO)
    error = refused.json()
    assert (refused.status_code, error["code"]) == (503, "generator_unavailable")
    assert words in error["error"]
    assert ("Retry-After" in refused.headers) == ("ry again" in error["error"]) == helps
    health = server.health()
    assert (health["generator"], health["reason"]) == (state, error["error"])
    assert f"is not ready: {error['error']}" in log.read_text()
    return refused


def test_a_space_that_runs(start: StartApi) -> None:
    server = start()
    assert_makes_a_model(server)
    assert server.health()["engine"] == SPACE_ID


def test_a_private_space_needs_a_token(hub: Hub, log: Path, start: StartApi) -> None:
    hub.is_private = True
    assert_makes_a_model(start(token=OWNER))
    assert_told(start(), log, f"There is no Space {SPACE_ID}, or it is private and it needs an")
    assert_told(start(token=STRANGER), log, "its HF_TOKEN gives no access to it")
    assert_told(start(token="hf_wrong"), log, "Hugging Face does not accept the HF_TOKEN.")


def test_a_space_that_does_not_exist(log: Path, start: StartApi) -> None:
    assert_told(start("me/nothing"), log, "There is no Space me/nothing, or it is private")
    assert_told(start("me/no--id"), log, "There is no Space me/no--id")


def test_a_space_that_has_moved(log: Path, start: StartApi) -> None:
    assert_makes_a_model(start(OLD_ID))
    assert f"{OLD_ID} has moved: set HUNYUAN_SPACE_ID to its new id {SPACE_ID}" in log.read_text()


@pytest.mark.parametrize("stage", ("SLEEPING", "STOPPED"))
def test_a_space_that_is_asleep_is_woken(hub: Hub, log: Path, start: StartApi, stage: str) -> None:
    server = start()
    assert_makes_a_model(server)
    hub.stage = stage
    hub.gate.drop_connections()
    asleep = assert_told(server, log, "is asleep and is being woken", "starting", helps=True)
    assert hub.gate.was_visited.is_set()
    assert asleep.elapsed.total_seconds() < 5
    for hub.stage in ("RUNNING_APP_STARTING", "APP_STARTING"):
        assert_told(server, log, "is starting. Try again in a minute.", "starting", helps=True)
    hub.stage = "RUNNING"
    assert_makes_a_model(server)


def test_visitors_that_are_held_until_a_space_is_awake(
    hub: Hub, log: Path, start: StartApi
) -> None:
    hub.stage, hub.gate.holds_visitors = "SLEEPING", True
    server = start()
    asleep = assert_told(server, log, "is asleep and is being woken", "starting", helps=True)
    assert asleep.elapsed.total_seconds() < 15
    hub.stage = "RUNNING"
    assert_makes_a_model(server)


def test_a_space_that_is_built(hub: Hub, log: Path, start: StartApi) -> None:
    hub.stage = "BUILDING"
    server = start()
    for hub.stage, words in (
        ("BUILDING", "is being built"),
        ("APP_STARTING", "is starting"),
        ("RUNNING_APP_STARTING", "is starting"),
    ):
        assert_told(server, log, f"The Space {SPACE_ID} {words}", "starting", helps=True)
    # The version before the one that is being built answers.
    hub.stage = "RUNNING_BUILDING"
    assert_makes_a_model(server)


def test_a_space_that_needs_its_owner(hub: Hub, log: Path, start: StartApi) -> None:
    server = start()
    assert_makes_a_model(server)
    hub.gate.status = "404 Not Found"
    for hub.stage, words in (
        ("PAUSED", "is paused"),
        ("RUNTIME_ERROR", "has crashed"),
        ("BUILD_ERROR", "could not be built"),
        ("CONFIG_ERROR", "has a wrong configuration"),
        ("NO_APP_FILE", "has no app"),
        ("DELETING", "is being deleted"),
    ):
        hub.gate.drop_connections()
        assert_told(server, log, f"The Space {SPACE_ID} {words}")
    hub.stage = "RUNNING"
    assert_makes_a_model(server)


def test_a_space_in_a_stage_that_is_new(hub: Hub, start: StartApi) -> None:
    hub.stage = "RUNNING_SOMEHOW"
    hub.gate.open_stages += (hub.stage,)
    assert_makes_a_model(start())


def test_the_hub_goes_away_and_comes_back(hub: Hub, log: Path, start: StartApi) -> None:
    hub.stop()
    server = start()
    assert_told(server, log, "Hugging Face cannot be reached.", helps=True)
    hub.start()
    hub.status = 502
    assert_told(server, log, "Hugging Face answers with 502.", helps=True)
    hub.status = 200
    assert_told(server, log, "Hugging Face's answer cannot be read.", helps=True)
    hub.status, hub.delay_s = None, 60
    slow = assert_told(server, log, "Hugging Face cannot be reached.", helps=True)
    assert slow.elapsed.total_seconds() < 12
    hub.delay_s = 1
    assert_makes_a_model(server)
    assert log.read_text().count(f"{SPACE_ID} is ready") == 1
    # Only connecting needs the Hub.
    hub.stop()
    assert_makes_a_model(server)


def test_the_health_finds_out_by_itself(hub: Hub, start: StartApi) -> None:
    hub.stage = "PAUSED"
    server = start()
    assert wait_until(lambda: server.health()["generator"] == "unreachable")
    assert "is paused" in server.health()["reason"]
    hub.stage = "RUNNING"
    assert wait_until(lambda: server.health()["generator"] == "ready")
    hub.delay_s = 60
    before = time.monotonic()
    for _ in range(20):
        server.health()
    assert time.monotonic() - before < 20 * 0.05


KNOWS_QUOTAS = hasattr(__import__("huggingface_hub"), "get_zero_gpu_quota")


@pytest.mark.skipif(not KNOWS_QUOTAS, reason="this huggingface_hub does not know quotas")
def test_the_health_tells_what_is_left_of_the_quota(start: StartApi) -> None:
    server = start(token=OWNER)
    assert wait_until(lambda: "gpu_quota" in server.health())
    told = {"seconds": 2400, "left": 1810.5, "resets": "2026-09-30T09:12:03Z"}
    assert server.health()["gpu_quota"] == told


def test_the_health_does_not_wait_for_the_quota(start: StartApi, hub: Hub) -> None:
    hub.delay_s = 3
    server = start(token=OWNER)
    started = time.monotonic()
    assert "gpu_quota" not in server.health()
    assert time.monotonic() - started < 2
    assert "gpu_quota" not in start().health()
