"""Webhooks are signed, delivered at least once, and never to an address that is not public."""

from __future__ import annotations

import base64
import ipaddress
import json
import logging
import re
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, List, Tuple

import pytest
from standardwebhooks.webhooks import Webhook

from dreamlab.settings import Settings
from dreamlab.webhooks import delivery, public
from dreamlab.webhooks.delivery import Webhooks
from support.api import wait_until
from support.receivers import status
from webhooks.conftest import MakeReceiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
Reasons = Callable[..., List[str]]
BODY = json.dumps({"generation_id": "g", "filename": "stühl.png"}).encode()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAUSES_S", (0.01, 0.02, 0.04))


def send(url: str) -> int:
    """Send a webhook. Return how often its end was told. No attempt is to come after that."""
    told: List[str] = []
    webhooks = Webhooks(Settings(webhook_secret=SECRET, webhook_allow_private=True))
    webhooks.send(url, "msg-1", BODY, lambda: told.append("msg-1"))
    assert wait_until(lambda: bool(told))
    assert stop(webhooks) == 0
    return len(told)


def stop(webhooks: Webhooks) -> int:
    """Make no further attempts, which the next test would see. Return how many were to come."""
    to_come: List[Any] = []
    webhooks._put = lambda *given: to_come.append(given)  # type: ignore[method-assign]
    to_come += webhooks._due
    webhooks._due.clear()
    assert webhooks._pool is not None
    webhooks._pool.shutdown(wait=True)
    return len(to_come)


@pytest.fixture
def reasons(caplog: pytest.LogCaptureFixture) -> Reasons:
    """Send a webhook that nobody takes, and return why its first attempts failed."""
    caplog.set_level(logging.INFO, "dreamlab")

    def fail(url: str, attempts: int, allow_private: bool = False) -> List[str]:
        def logged() -> List[str]:
            return re.findall(r"webhook to \S+: (\w+), attempt", caplog.text)[:attempts]

        caplog.clear()
        told: List[str] = []
        webhooks = Webhooks(Settings(webhook_secret=SECRET, webhook_allow_private=allow_private))
        webhooks.send(url, "msg-1", BODY, lambda: told.append("msg-1"))
        assert wait_until(lambda: len(logged()) == attempts)
        stop(webhooks)
        assert told == []
        return logged()

    return fail


def test_it_is_signed_as_the_specification_says(trusted: str, receiver: MakeReceiver) -> None:
    hooks = receiver(status(204))
    assert send(hooks.url) == 1
    (received,) = hooks.received
    assert (received.path, received.body) == ("/hook?room=1", BODY)
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["webhook-id"] == "msg-1"
    headers = dict(received.headers)
    assert Webhook(SECRET).verify(received.body, headers) == json.loads(BODY)
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(Exception, match="signature"):
        Webhook(other).verify(received.body, headers)


def test_it_is_sent_again_until_a_2xx(trusted: str, receiver: MakeReceiver) -> None:
    hooks = receiver(status(500), status(429), status(404), status(200))
    assert send(hooks.url) == 1
    assert [each.headers["webhook-id"] for each in hooks.received] == ["msg-1"] * 4
    assert len({each.body for each in hooks.received}) == 1


def test_a_redirect_is_not_followed(trusted: str, receiver: MakeReceiver) -> None:
    other = receiver(status(200))
    hooks = receiver(status(307, Location=other.url), status(302, Location=other.url), status(200))
    assert send(hooks.url) == 1
    assert (len(hooks.received), other.received) == (3, [])


def test_after_a_day_it_is_given_up(
    trusted: str, receiver: MakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fourth attempt would be too late.
    monkeypatch.setattr(delivery, "PAUSES_S", (0.01, 0.01, delivery.GIVE_UP_S))
    hooks = receiver(status(500))
    assert send(hooks.url) == 1
    assert len(hooks.received) == 3


def hang(handler: BaseHTTPRequestHandler) -> None:
    # Until the client hangs up.
    handler.rfile.read(1)


def dribble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    send_slowly(handler)


def dribble_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    send_slowly(handler)


def send_slowly(handler: BaseHTTPRequestHandler) -> None:
    """Send one byte after another until the client hangs up."""
    with suppress(OSError):
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("slow", (hang, dribble, dribble_body))
def test_a_slow_receiver_is_given_up_and_asked_again(
    trusted: str, receiver: MakeReceiver, monkeypatch: pytest.MonkeyPatch, slow: Any
) -> None:
    monkeypatch.setattr(delivery, "ATTEMPT_S", 0.3)
    hooks = receiver(slow, status(200))
    assert send(hooks.url) == 1
    assert len(hooks.received) >= 2


def test_of_a_long_answer_64_kb_are_read(trusted: str, receiver: MakeReceiver) -> None:
    sent: List[int] = []

    def long(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while sum(sent) < 100_000_000:
                sent.append(handler.wfile.write(bytes(10_000)))
        except OSError:
            return

    hooks = receiver(long)
    assert send(hooks.url) == 1
    # The buffers of the sockets take some megabytes.
    assert sum(sent) < 30_000_000


def test_receivers_that_hang_do_not_hold_up_another(trusted: str, receiver: MakeReceiver) -> None:
    released, told = threading.Event(), threading.Event()
    slow, quick = receiver(lambda handler: released.wait(20)), receiver(status(200))
    webhooks = Webhooks(Settings(webhook_secret=SECRET, webhook_allow_private=True))
    for number in range(4):
        webhooks.send(slow.url, str(number), BODY, lambda: None)
    assert wait_until(lambda: len(slow.received) == 4)
    webhooks.send(quick.url, "quick", BODY, told.set)
    assert told.wait(delivery.ATTEMPT_S / 2)
    released.set()
    stop(webhooks)


def test_an_unknown_certificate_is_refused(receiver: MakeReceiver, reasons: Reasons) -> None:
    hooks = receiver(status(200))
    assert reasons(hooks.url, 1, allow_private=True) == ["ConnectError"]
    assert hooks.received == []


class Names:
    """Look-ups of `hooks.example`: each one gives the next address."""

    def __init__(self, port: int, *found: str) -> None:
        self._port, self._found, self._real = port, list(found), socket.getaddrinfo
        self.count = 0

    def __call__(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != "hooks.example":
            return self._real(host, port, *args, **options)
        address = self._found[min(self.count, len(self._found) - 1)]
        self.count += 1
        return self._real(address, port, *args, **options)


def connections(monkeypatch: pytest.MonkeyPatch, port: int) -> List[str]:
    """Refuse each connection to a port, and return the list that its addresses get into.

    Apps of earlier tests go on asking their Spaces, at other ports.
    """
    real, addresses = socket.create_connection, []

    def connect(address: Tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        if address[1] != port:
            return real(address, *args, **options)
        addresses.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return addresses


PRIVATE = (
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_other_addresses_are_not_public(address: str) -> None:
    assert not public.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
def test_public_addresses_are_public(address: str) -> None:
    assert public.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ("127.0.0.1", "::1", "::ffff:10.0.0.1"))
def test_an_address_that_is_not_public_is_refused(
    address: str, reasons: Reasons, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = connections(monkeypatch, 443)
    monkeypatch.setattr(socket, "getaddrinfo", Names(443, address))
    assert reasons("https://hooks.example/", 1) == ["NotPublic"]
    literal = f"[{address}]" if ":" in address else address
    assert reasons(f"https://{literal}/", 1) == ["NotPublic"]
    assert connected == []


def test_the_address_that_was_checked_is_connected_to(
    trusted: str, receiver: MakeReceiver, reasons: Reasons, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public at the first look-up and private at the second one gets nowhere."""
    hooks = receiver(status(200))
    connected = connections(monkeypatch, hooks.port)
    monkeypatch.setattr(socket, "getaddrinfo", Names(hooks.port, "93.184.215.14", "127.0.0.1"))
    found = reasons(f"https://hooks.example:{hooks.port}/", 2)
    assert found == ["ConnectError", "NotPublic"]
    assert (connected, hooks.received) == (["93.184.215.14"], [])


def test_the_name_is_checked_against_the_certificate(
    trusted: str, receiver: MakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = receiver(status(200))
    monkeypatch.setattr(socket, "getaddrinfo", Names(hooks.port, "127.0.0.1"))
    assert send(f"https://hooks.example:{hooks.port}/") == 1
    assert hooks.received[0].headers["Host"] == f"hooks.example:{hooks.port}"
