"""A generator with a login, and the passwords that are not printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest

from support.api import MakeClient, image_bytes, new_session, post, wait_until
from support.processes import StartServer, run_app
from support.spaces import answer, free_port, space

USER, PASSWORD = "me", "s3:cret"


def shape(image=None):  # type: ignore[no-untyped-def]
    return answer()


@pytest.fixture
def guarded_space() -> Iterator[str]:
    with space(shape, auth=(USER, PASSWORD)) as url:
        yield url


def test_a_generator_with_a_login_makes_a_model(
    guarded_space: str, start_server: StartServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    login = {"HUNYUAN_SPACE_AUTH": f"{USER}:{PASSWORD}"}
    server = start_server(log=log, HUNYUAN_SPACE_ID=guarded_space, **login)
    for _ in range(2):
        assert server.post(server.session(), image_bytes()).status_code == 200
    assert server.health()["generator"] == "ready"
    assert PASSWORD not in log.read_text()


@pytest.mark.parametrize(
    ("auth", "words"),
    (
        ("", "asks for a login. Set HUNYUAN_SPACE_AUTH to user:password."),
        (f"{USER}:wr0ng", "does not accept the login in HUNYUAN_SPACE_AUTH."),
        (f"you:{PASSWORD}", "does not accept the login in HUNYUAN_SPACE_AUTH."),
    ),
)
def test_a_missing_or_wrong_login_is_told(
    guarded_space: str, start_server: StartServer, tmp_path: Path, auth: str, words: str
) -> None:
    log = tmp_path / "log"
    server = start_server(log=log, HUNYUAN_SPACE_ID=guarded_space, HUNYUAN_SPACE_AUTH=auth)
    assert wait_until(lambda: server.health()["generator"] == "unreachable")
    refused = server.post(server.session(), image_bytes())
    told = refused.json()["error"]
    assert (refused.status_code, refused.json()["code"]) == (503, "generator_unavailable")
    assert "Retry-After" not in refused.headers and "ry again" not in told
    assert words in told and server.health()["reason"] == told
    assert f"is not ready: {told}" in log.read_text()
    assert not re.search("wr0ng|s3:cret", log.read_text() + told)


def test_a_login_for_a_server_without_one_does_no_harm(
    make_client: MakeClient, quick_space: str
) -> None:
    client = make_client(space_auth=(USER, PASSWORD))
    assert post(client, new_session(client), image_bytes()).status_code == 200


def test_a_server_that_was_started_again_is_logged_in_to_again(make_client: MakeClient) -> None:
    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}", space_auth=(USER, PASSWORD))
    session_id = new_session(client)
    for _ in range(2):
        with space(shape, port=port, auth=(USER, PASSWORD)):
            assert post(client, session_id, image_bytes()).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("HUNYUAN_SPACE_ID", "http://me:s3cret@box"),
        ("HUNYUAN_SPACE_ID", "me:s3cret@box"),
        ("HUNYUAN_SPACE_ID", "http://box/?token=s3cret"),
        ("HUNYUAN_SPACE_AUTH", "s3cret"),
        ("CELERY_BROKER_URL", "amqp://me:s3cret/x@host"),
        ("CELERY_RESULT_BACKEND", "redis://:s3cret/x@host/0"),
        ("CORS_ORIGINS", "https://me:s3cret@shop"),
        ("PORT", "http://me:s3cret@host:80"),
    ),
)
def test_an_invalid_setting_is_told_without_its_password(name: str, value: str) -> None:
    done = run_app(**{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name} must be ")
    assert "s3cret" not in done.stderr + done.stdout
