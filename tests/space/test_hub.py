"""A Space by its id: what Hugging Face says of it reaches the client, the health and the log."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Callable, Iterator

import huggingface_hub
import pytest
from flask.testing import FlaskClient
from huggingface_hub import constants, hf_api

import dreamlab.space.hub
from dreamlab.space import reconnect, servers
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.hub import OLD_ID, OWNER, SPACE_ID, STRANGER, Hub
from support.processes import StartServer

PHOTO = image_bytes()
KNOWS_QUOTAS = hasattr(huggingface_hub, "get_zero_gpu_quota")
StartApi = Callable[..., FlaskClient]


@pytest.fixture
def hub(quick_space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that huggingface_hub asks. It finds no token of this machine's user."""
    hub = Hub(int(quick_space.rpartition(":")[2]))
    monkeypatch.setattr(hf_api.api, "endpoint", hub.url)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield hub
    hub.close()


@pytest.fixture
def start(
    hub: Hub,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> StartApi:
    """Start the API. It has looked once how the generator is, as at the start of a server."""
    caplog.set_level(logging.INFO, "dreamlab")
    # What a later look finds would come between what a test does.
    monkeypatch.setattr(reconnect, "_PROBE_EVERY_S", 3600)

    def start(space_id: str = SPACE_ID, token: str = "") -> FlaskClient:
        client = make_client(space_id, hf_token=token or None)
        not_yet = client.get("/api/health").json["reason"]
        assert wait_until(lambda: client.get("/api/health").json["reason"] != not_yet)
        return client

    return start


def assert_makes_a_model(client: FlaskClient) -> None:
    made = post(client, new_session(client), PHOTO)
    assert made.status_code == 200, made.text
    health = client.get("/api/health").json
    assert (health["generator"], health["reason"]) == ("ready", None)


@pytest.fixture
def assert_told(caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Assert that a generation, the health and the log say `words`.

    `helps` is whether it is told to try again.
    """

    def assert_told(
        client: FlaskClient, words: str, state: str = "unreachable", helps: bool = False
    ) -> None:
        refused = post(client, new_session(client), PHOTO)
        assert_error(refused, 503, "generator_unavailable", re.escape(words))
        told = refused.json["error"]
        assert ("Retry-After" in refused.headers) == ("ry again" in told) == helps
        health = client.get("/api/health").json
        assert (health["generator"], health["reason"]) == (state, told)
        assert f"is not ready: {told}" in caplog.text

    return assert_told


AssertTold = Callable[..., None]


def test_a_server_with_a_space_and_a_token(
    hub: Hub, tmp_path: Path, start_server: StartServer
) -> None:
    hub.is_private = True
    server = start_server(
        HUNYUAN_SPACE_ID=SPACE_ID,
        HF_TOKEN=OWNER,
        # huggingface_hub reads it when it is imported.
        HF_ENDPOINT=hub.url,
        HF_HOME=str(tmp_path / "hf"),
    )
    made = server.post(server.session(), PHOTO)
    assert made.status_code == 200, made.text
    assert (server.health()["engine"], server.health()["generator"]) == (SPACE_ID, "ready")
    if KNOWS_QUOTAS:
        assert wait_until(lambda: "gpu_quota" in server.health())
        told = {"seconds": 2400, "left": 1810.5, "resets": "2026-09-30T09:12:03Z"}
        assert server.health()["gpu_quota"] == told


def test_a_private_space_needs_a_token(hub: Hub, start: StartApi, assert_told: AssertTold) -> None:
    hub.is_private = True
    assert_makes_a_model(start(token=OWNER))
    assert_told(start(), f"There is no Space {SPACE_ID}, or it is private and it needs an")
    assert_told(start(token=STRANGER), "its HF_TOKEN gives no access to it")
    assert_told(start(token="hf_wrong"), "Hugging Face does not accept the HF_TOKEN.")


def test_a_space_that_does_not_exist(start: StartApi, assert_told: AssertTold) -> None:
    assert_told(start("me/nothing"), "There is no Space me/nothing, or it is private")
    assert_told(start("me/no--id"), "There is no Space me/no--id")


def test_a_space_that_has_moved(start: StartApi, caplog: pytest.LogCaptureFixture) -> None:
    assert_makes_a_model(start(OLD_ID))
    assert f"{OLD_ID} has moved: set HUNYUAN_SPACE_ID to its new id {SPACE_ID}" in caplog.text


@pytest.mark.parametrize("stage", ("SLEEPING", "STOPPED"))
def test_a_space_that_is_asleep_is_woken(
    hub: Hub, start: StartApi, assert_told: AssertTold, stage: str
) -> None:
    client = start()
    assert_makes_a_model(client)
    hub.stage = stage
    hub.gate.drop_connections()
    assert_told(client, "is asleep and is being woken", "starting", helps=True)
    # This time nobody asks whether the server is still the same.
    hub.gate.was_visited.clear()
    assert_told(client, "is asleep and is being woken", "starting", helps=True)
    assert hub.gate.was_visited.is_set()
    for hub.stage in ("RUNNING_APP_STARTING", "APP_STARTING"):
        assert_told(client, "is starting. Try again in a minute.", "starting", helps=True)
    hub.stage = "RUNNING"
    assert_makes_a_model(client)


def test_visitors_that_are_held_until_a_space_is_awake(
    hub: Hub, start: StartApi, assert_told: AssertTold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_WAKE_TIMEOUT_S", 0.5)
    hub.stage, hub.gate.holds_visitors = "SLEEPING", True
    client = start()
    started = time.monotonic()
    assert_told(client, "is asleep and is being woken", "starting", helps=True)
    # A server that runs is given 20 s.
    assert time.monotonic() - started < 5
    hub.stage = "RUNNING"
    assert_makes_a_model(client)


def test_a_space_that_is_built(hub: Hub, start: StartApi, assert_told: AssertTold) -> None:
    hub.stage = "BUILDING"
    client = start()
    for hub.stage, words in (
        ("BUILDING", "is being built"),
        ("APP_STARTING", "is starting"),
        ("RUNNING_APP_STARTING", "is starting"),
    ):
        assert_told(client, f"The Space {SPACE_ID} {words}", "starting", helps=True)
    # The version before the one that is being built answers.
    hub.stage = "RUNNING_BUILDING"
    assert_makes_a_model(client)


def test_a_space_that_needs_its_owner(hub: Hub, start: StartApi, assert_told: AssertTold) -> None:
    client = start()
    assert_makes_a_model(client)
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
        assert_told(client, f"The Space {SPACE_ID} {words}")
    hub.stage = "RUNNING"
    assert_makes_a_model(client)


def test_a_space_in_a_stage_that_is_new(hub: Hub, start: StartApi) -> None:
    hub.stage = "RUNNING_SOMEHOW"
    hub.gate.open_stages += (hub.stage,)
    assert_makes_a_model(start())


def test_the_hub_goes_away_and_comes_back(
    hub: Hub,
    start: StartApi,
    assert_told: AssertTold,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.stop()
    client = start()
    assert_told(client, "Hugging Face cannot be reached.", helps=True)
    hub.start()
    hub.status = 502
    assert_told(client, "Hugging Face answers with 502.", helps=True)
    hub.status = 200
    assert_told(client, "Hugging Face's answer cannot be read.", helps=True)
    hub.status, hub.is_silent = None, True
    with monkeypatch.context() as hasty:
        hasty.setattr(dreamlab.space.hub, "_TIMEOUT_S", 0.5)
        assert_told(client, "Hugging Face cannot be reached.", helps=True)
    hub.is_silent = False
    assert_makes_a_model(client)
    assert caplog.text.count(f"{SPACE_ID} is ready") == 1
    # Only connecting needs the Hub.
    hub.stop()
    assert_makes_a_model(client)


def test_the_health_finds_out_by_itself_and_does_not_wait_for_it(
    hub: Hub, start: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.stage = "PAUSED"
    monkeypatch.setattr(reconnect, "_PROBE_EVERY_S", 0.1)
    client = start()

    def health() -> str:
        state: str = client.get("/api/health").json["generator"]
        return state

    assert health() == "unreachable"
    assert "is paused" in client.get("/api/health").json["reason"]
    hub.stage = "RUNNING"
    assert wait_until(lambda: health() == "ready")
    # Now it connects again, for which it needs the Hub.
    hub.is_silent = True
    hub.gate.drop_connections()
    hub.gate.close()
    assert [health() for _ in range(20)] == ["ready"] * 20


def test_the_health_does_not_wait_for_the_quota(hub: Hub, make_client: MakeClient) -> None:
    hub.is_silent = True
    started = time.monotonic()
    assert "gpu_quota" not in make_client(SPACE_ID, hf_token=OWNER).get("/api/health").json
    # huggingface_hub waits for 10.
    assert time.monotonic() - started < 5


def test_without_a_token_the_health_knows_no_quota(start: StartApi) -> None:
    assert "gpu_quota" not in start().get("/api/health").json
