"""The webhook of a generation: asked for in its form, delivered also over a restart."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
import requests
from standardwebhooks.webhooks import Webhook

from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.processes import Server, StartServer
from support.receivers import Receiver, status
from support.spaces import answer, space
from webhooks.conftest import MakeReceiver
from webhooks.test_delivery import SECRET


def shape(image=None, caption=None):  # type: ignore[no-untyped-def]
    if caption == "fail":
        raise gr.Error("no legs")
    return answer()


@pytest.fixture
def start(start_server: StartServer, trusted: str) -> Any:
    def start(url: str) -> Server:
        server: Server = start_server(
            HUNYUAN_SPACE_ID=url,
            WEBHOOK_SECRET=SECRET,
            WEBHOOK_ALLOW_PRIVATE="true",
            SSL_CERT_FILE=trusted,
        )
        return server

    return start


def told(hooks: Receiver, count: int = 1) -> Any:
    """Return the last webhook's JSON once so many have come, with its signature checked."""
    assert wait_until(lambda: len(hooks.received) >= count)
    last = hooks.received[-1]
    return Webhook(SECRET).verify(last.body, dict(last.headers))


def test_the_end_is_told_as_the_generation_shows_it(start: Any, receiver: MakeReceiver) -> None:
    hooks = receiver(status(200))
    with space(shape) as url:
        server = start(url)
        session_id = server.session()
        for caption, outcome in (("oak", "succeeded"), ("fail", "failed")):
            sent = len(hooks.received)
            server.post(session_id, image_bytes(), caption=caption, webhook=hooks.url)
            found = told(hooks, sent + 1)
            assert found["status"] == outcome
            path = f"/api/sessions/{session_id}/generations/{found['generation_id']}"
            assert requests.get(server.url + path).json() == found
            assert hooks.received[-1].headers["webhook-id"] == found["generation_id"]
    assert len(hooks.received) == 2


def test_it_is_told_after_a_restart(start: Any, receiver: MakeReceiver) -> None:
    hooks = receiver(status(500), status(200))
    with space(shape) as url:
        server = start(url)
        session_id = server.session()
        server.post(session_id, image_bytes(), webhook=hooks.url)
        first = told(hooks)
        server.kill()
        server = start(url)
        assert told(hooks, 2) == first
        server.kill()
        server = start(url)
        # It is not told again.
        server.post(session_id, image_bytes(), webhook=hooks.url)
        assert told(hooks, 3)["generation_id"] != first["generation_id"]
    assert len(hooks.received) == 3


@pytest.mark.parametrize(
    "url",
    (
        "http://shop.example/hook",
        "https://",
        "https:///hook",
        "https://user:password@shop.example/",
        "https://shop.example:99999/",
        "https://[::1/",
        "https://shop.example/a b",
        "https://shöp.example/",
        "ftp://shop.example",
        "shop.example",
        "https://shop.example/" + "x" * 2000,
    ),
)
def test_a_bad_url_is_refused(make_client: MakeClient, quick_space: str, url: str) -> None:
    client = make_client(webhook_secret=SECRET)
    answered = post(client, new_session(client), image_bytes(), webhook=url)
    assert_error(answered, 422, "invalid_option", "webhook")


def test_without_a_secret_no_webhook_is_taken(make_client: MakeClient, quick_space: str) -> None:
    client = make_client()
    answered = post(client, new_session(client), image_bytes(), webhook="https://shop.example/")
    assert_error(answered, 422, "invalid_option", "webhook")
