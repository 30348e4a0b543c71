"""A generator with a login, and the passwords that are not printed."""

from __future__ import annotations

import logging
import re
from typing import Iterator

import pytest

from dreamlab.settings import InvalidSetting, load
from support.api import MakeClient, assert_error, image_bytes, new_session, post
from support.spaces import answer, free_port, space

USER, PASSWORD = "me", "s3:cret"


def shape(image=None):  # type: ignore[no-untyped-def]
    return answer()


@pytest.fixture(scope="module")
def guarded_space() -> Iterator[str]:
    with space(shape, auth=(USER, PASSWORD)) as url:
        yield url


def test_a_generator_with_a_login_makes_a_model(
    guarded_space: str, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = load({"HUNYUAN_SPACE_AUTH": f"{USER}:{PASSWORD}"})
    client = make_client(guarded_space, space_auth=settings.space_auth)
    for _ in range(2):
        assert post(client, new_session(client), image_bytes()).status_code == 200
    assert client.get("/api/health").json["generator"] == "ready"
    assert "is ready" in caplog.text and PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("auth", "words"),
    (
        (None, "asks for a login. Set HUNYUAN_SPACE_AUTH to user:password."),
        ((USER, "wr0ng"), "does not accept the login in HUNYUAN_SPACE_AUTH."),
        (("you", PASSWORD), "does not accept the login in HUNYUAN_SPACE_AUTH."),
    ),
)
def test_a_missing_or_wrong_login_is_told(
    guarded_space: str,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    auth: object,
    words: str,
) -> None:
    client = make_client(guarded_space, space_auth=auth)
    refused = post(client, new_session(client), image_bytes())
    assert_error(refused, 503, "generator_unavailable", re.escape(words))
    told = refused.json["error"]
    assert "Retry-After" not in refused.headers and "ry again" not in told
    health = client.get("/api/health").json
    assert (health["generator"], health["reason"]) == ("unreachable", told)
    assert f"is not ready: {told}" in caplog.text
    assert not re.search("wr0ng|s3:cret", caplog.text + told)


def test_a_login_for_a_server_without_one_does_no_harm(
    make_client: MakeClient, quick_space: str
) -> None:
    client = make_client(quick_space, space_auth=(USER, PASSWORD))
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
    with pytest.raises(InvalidSetting) as told:
        load({name: value})
    assert str(told.value).startswith(f"{name} must be ")
    assert "s3cret" not in str(told.value)
