"""Requests that the server itself refuses: its answers are like all others, and can be read."""

from __future__ import annotations

import json
import socket
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Tuple

import pytest
import requests

from support.processes import Server

PAGE = "https://shop.example"
MB = 1 << 20


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Dict[str, Any]


def read(connection: socket.socket) -> Answer:
    received = b""
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            break
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return Answer(int(first.split()[1]), headers, json.loads(body))


def ask(server: Server, *pieces: bytes) -> Answer:
    with server.connect() as connection:
        connection.settimeout(20)
        for piece in pieces:
            connection.sendall(piece)
        return read(connection)


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, "Host: x", *lines, f"Origin: {PAGE}", "", ""]).encode("latin-1")


REFUSED: Dict[str, Tuple[bytes, int, str]] = {
    "no length": (head("GET / HTTP/1.1", "Content-Length: x"), 400, "bad_request"),
    "a negative length": (head("POST / HTTP/1.1", "Content-Length: -1"), 400, "bad_request"),
    "two lengths": (
        head("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"),
        400,
        "bad_request",
    ),
    "no header": (head("GET / HTTP/1.1", "no header"), 400, "bad_request"),
    "a bare line feed": (head("GET / HTTP/1.1", "A: b\nC: d"), 400, "bad_request"),
    "a space before the colon": (head("GET / HTTP/1.1", "A : b"), 400, "bad_request"),
    "no request line": (head("nonsense"), 400, "bad_request"),
    "a small method": (head("get / HTTP/1.1"), 400, "bad_request"),
    "no version": (head("GET / HTTP/x"), 400, "bad_request"),
    "a bad URL": (head("GET http://[::1 HTTP/1.1"), 400, "bad_request"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n" + head("x"), 400, "bad_request"),
    "another encoding": (
        head("POST / HTTP/1.1", "Transfer-Encoding: gzip"),
        501,
        "not_implemented",
    ),
    "a chunk without a size": (
        head("POST / HTTP/1.1", "Transfer-Encoding: chunked") + b"x\r\n",
        400,
        "bad_request",
    ),
    "a large head": (
        head("GET / HTTP/1.1", f"Origin: {PAGE}", f"Cookie: {'c' * 300_000}"),
        431,
        "request_header_fields_too_large",
    ),
    "a large body": (
        head("POST / HTTP/1.1", "Content-Length: 99999999999"),
        413,
        "upload_too_large",
    ),
    "a large body, announced": (
        head("POST / HTTP/1.1", "Content-Length: 99999999999", "Expect: 100-continue"),
        413,
        "upload_too_large",
    ),
    # These reach the app.
    "an unknown method": (head("BREW / HTTP/1.1", "Connection: close"), 405, "method_not_allowed"),
    "TRACE": (head("TRACE / HTTP/1.1", "Connection: close"), 405, "method_not_allowed"),
    "CONNECT": (head("CONNECT a:1 HTTP/1.1", "Connection: close"), 404, "not_found"),
}


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("refusals"),
        HUNYUAN_SPACE_ID="http://127.0.0.1:9",
        CORS_ORIGINS=f"https://other.example,{PAGE}",
        MAX_UPLOAD_MB="1",
    )
    yield server
    server.kill()


@pytest.mark.parametrize("name", REFUSED)
def test_a_page_of_another_origin_can_read_a_refusal(
    quick_server: Server, strict_server: Server, name: str
) -> None:
    request, status, code = REFUSED[name]
    for server, allowed in ((quick_server, "*"), (strict_server, PAGE)):
        answer = ask(server, request)
        assert (answer.status, answer.body["code"]) == (status, code)
        assert len(answer.body["error"]) > 10
        assert answer.headers["access-control-allow-origin"] == allowed
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("name", REFUSED)
def test_no_other_page_can_read_a_refusal(strict_server: Server, name: str) -> None:
    request = REFUSED[name][0].replace(PAGE.encode(), b"https://evil.example")
    assert "access-control-allow-origin" not in ask(strict_server, request).headers


def test_a_refusal_says_the_limit(strict_server: Server) -> None:
    length = ("POST / HTTP/1.1", "Content-Length: 5000000")
    assert "1 MB is the limit" in ask(strict_server, head(*length)).body["error"]
    chunks = [b"100000\r\n" + bytes(MB) + b"\r\n"] * 5
    chunked = head("POST / HTTP/1.1", "Transfer-Encoding: chunked")
    assert "1 MB is the limit" in ask(strict_server, chunked, *chunks).body["error"]
    large = ask(strict_server, REFUSED["a large head"][0])
    assert "256 KB is the limit" in large.body["error"]


# Up to four times the limit it is read before it is refused.
@pytest.mark.parametrize("megabytes", (3, 5, 200))
def test_who_sends_a_body_to_its_end_can_read_its_refusal(
    strict_server: Server, megabytes: int
) -> None:
    path = f"/api/process_furniture_image/{strict_server.session()}"
    lines = (
        f"POST {path} HTTP/1.1",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {megabytes * MB}",
        "Connection: close",
    )
    answer = ask(strict_server, head(*lines), *[bytes(MB)] * megabytes)
    assert (answer.status, answer.body["code"]) == (413, "upload_too_large")
    assert "1 MB is the limit" in answer.body["error"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert strict_server.peak_mb() < 200


def test_others_are_answered_while_a_refused_body_is_sent(strict_server: Server) -> None:
    with strict_server.connect() as connection:
        connection.sendall(head("POST / HTTP/1.1", f"Content-Length: {200 * MB}"))
        for _ in range(5):
            connection.sendall(bytes(MB))
            answer = requests.get(strict_server.url + "/api/health", timeout=20)
            assert answer.json()["status"] == "ok"
