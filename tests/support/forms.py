"""Forms written byte for byte, as client libraries of all kinds write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Tuple

import requests

from support.api import files_below, image_bytes
from support.processes import Server

PHOTO = image_bytes()
FORM = "multipart/form-data; boundary=x"


def part(disposition: Any, content: bytes = PHOTO, *headers: str, end: bytes = b"\r\n") -> bytes:
    """Return one part of a form with the boundary x."""
    if isinstance(disposition, str):
        disposition = disposition.encode()
    lines = [b"--x", b"Content-Disposition: form-data; " + disposition]
    return end.join([*lines, *(header.encode() for header in headers), b"", content, b""])


def send(server: Server, body: bytes, kind: Any = FORM) -> requests.Response:
    """POST a body to a new session. `kind` is its Content-Type, if it has one."""
    headers = {} if kind is None else {"Content-Type": kind}
    url = server.upload_url(server.session())
    return requests.post(url, data=body, headers=headers, timeout=60)


def send_parts(server: Server, *parts: bytes, end: bytes = b"\r\n") -> requests.Response:
    return send(server, b"".join(parts) + b"--x--" + end)


def kept(server: Server, answer: requests.Response) -> List[bytes]:
    """Return the photos that the session of an answer keeps, in the order of their bytes."""
    folder = Path(server.sessions) / answer.json()["session_id"] / "uploads"
    return sorted((folder / name).read_bytes() for name in files_below(folder))


def refusal(answer: requests.Response) -> Tuple[int, str]:
    return answer.status_code, answer.json()["code"]
