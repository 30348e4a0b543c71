"""Requests that are refused before a route sees them: too large ones, and what is no HTTP."""

from __future__ import annotations

import json
import socket
from typing import Dict, Iterator, Mapping, NamedTuple, Tuple

import pytest

from support.processes import Server

PAGE = "https://shop.example"
MB = 1 << 20


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: str


def read(connection: socket.socket) -> Answer:
    received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)


def ask(server: Server, *pieces: bytes) -> Answer:
    """Return the answer, after which the server closes the connection."""
    with server.connect() as connection:
        connection.settimeout(20)
        for piece in pieces:
            connection.sendall(piece)
        return read(connection)


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, "Host: x", *lines, f"Origin: {PAGE}", "", ""]).encode("latin-1")


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


CHUNKED = head("POST / HTTP/1.1", "Transfer-Encoding: chunked")
# What waitress refuses by itself.
NO_HTTP: Dict[str, Tuple[bytes, int]] = {
    "no length": (head("GET / HTTP/1.1", "Content-Length: x"), 400),
    "two lengths": (head("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), 400),
    "no header": (head("GET / HTTP/1.1", "no header"), 400),
    "a bare line feed": (head("GET / HTTP/1.1", "A: b\nC: d"), 400),
    "no request line": (head("nonsense"), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n" + head("x"), 400),
    "another encoding": (head("POST / HTTP/1.1", "Transfer-Encoding: gzip"), 501),
    "a chunk without a size": (CHUNKED + b"x\r\n", 400),
    "a body of 100 GB": (head("POST / HTTP/1.1", "Content-Length: 99999999999"), 413),
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_or_absurdly_large_gets_a_plain_answer(
    strict_server: Server, name: str
) -> None:
    request, status = NO_HTTP[name]
    answer = ask(strict_server, request)
    assert (answer.status, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    (
        ("BREW / HTTP/1.1", 405, "method_not_allowed"),
        ("TRACE / HTTP/1.1", 405, "method_not_allowed"),
        ("CONNECT a:1 HTTP/1.1", 404, "not_found"),
    ),
)
def test_a_method_that_no_route_has_is_told(
    strict_server: Server, request_line: str, status: int, code: str
) -> None:
    answer = ask(strict_server, head(request_line, "Connection: close"))
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert answer.headers["access-control-allow-origin"] == PAGE


CHUNK = b"100000\r\n" + bytes(MB) + b"\r\n"
# Up to four times the limit they are read to their ends.
LARGE = {
    "with its length": (f"Content-Length: {3 * MB}", [bytes(MB)] * 3),
    "in chunks": ("Transfer-Encoding: chunked", [*[CHUNK] * 3, b"0\r\n\r\n"]),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_page_of_another_origin_can_read_why_a_body_is_refused(
    strict_server: Server, name: str
) -> None:
    length, pieces = LARGE[name]
    lines = (
        f"POST /api/process_furniture_image/{strict_server.session()} HTTP/1.1",
        "Content-Type: multipart/form-data; boundary=x",
        "Connection: close",
    )
    answer = ask(strict_server, head(*lines, length), *pieces)
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (413, "upload_too_large")
    assert "1 MB is the limit" in body["error"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert answer.headers["x-content-type-options"] == "nosniff"
