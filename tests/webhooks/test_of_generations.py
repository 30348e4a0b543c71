"""The webhook of a generation: asked for in its form, delivered also over a restart."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from dreamlab.errors import GenerationFailed
from dreamlab.storage.store import SessionStore
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.fake_service import FakeService
from support.processes import Server, StartServer
from support.receivers import Receiver, status
from webhooks.conftest import MakeReceiver
from webhooks.test_delivery import SECRET


def told(hooks: Receiver, count: int = 1) -> Any:
    """Return the last webhook's JSON once so many have come, with its signature checked."""
    assert wait_until(lambda: len(hooks.received) >= count)
    last = hooks.received[-1]
    return Webhook(SECRET).verify(last.body, dict(last.headers))


def test_the_end_is_told_as_the_generation_shows_it(
    make_client: MakeClient, service: FakeService, trusted: str, receiver: MakeReceiver
) -> None:
    hooks = receiver(status(200))
    client = make_client(webhook_secret=SECRET, webhook_allow_private=True)
    session_id = new_session(client)
    for count, error, outcome in (
        (1, None, "succeeded"),
        (2, GenerationFailed("no legs"), "failed"),
    ):
        service.error = error
        post(client, session_id, image_bytes(), webhook=hooks.url)
        found = told(hooks, count)
        assert found["status"] == outcome
        path = f"/api/sessions/{session_id}/generations/{found['generation_id']}"
        assert client.get(path).json == found
        assert hooks.received[-1].headers["webhook-id"] == found["generation_id"]
    assert len(hooks.received) == 2


def test_it_is_told_after_a_restart(
    start_server: StartServer, quick_space: str, trusted: str, receiver: MakeReceiver
) -> None:
    def start() -> Server:
        return start_server(
            HUNYUAN_SPACE_ID=quick_space,
            WEBHOOK_SECRET=SECRET,
            WEBHOOK_ALLOW_PRIVATE="true",
            SSL_CERT_FILE=trusted,
        )

    hooks = receiver(status(500), status(200))
    server = start()
    session_id = server.session()
    server.post(session_id, image_bytes(), webhook=hooks.url)
    first = told(hooks)
    server.kill()
    server = start()
    assert told(hooks, 2) == first
    generations = SessionStore(server.sessions).open(session_id).generations
    assert wait_until(lambda: not generations.unsettled_webhooks())
    server.kill()
    server = start()
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
def test_a_bad_url_is_refused(make_client: MakeClient, url: str) -> None:
    client = make_client(webhook_secret=SECRET)
    answered = post(client, new_session(client), image_bytes(), webhook=url)
    assert_error(answered, 422, "invalid_option", "webhook")


def test_without_a_secret_no_webhook_is_taken(client: FlaskClient, session_id: str) -> None:
    answered = post(client, session_id, image_bytes(), webhook="https://shop.example/")
    assert_error(answered, 422, "invalid_option", "webhook")
