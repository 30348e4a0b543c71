"""Bodies that are no form, or one that cannot be read: the answer says which."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from support.forms import FORM, PHOTO, part, refusal, send, send_parts
from support.processes import Server

MB = 1 << 20
PARTS = part('name="image"; filename="chair.png"') + b"--x--\r\n"


@pytest.mark.parametrize(
    "kind",
    (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data boundary=x",
        "multipart/form-data; boundary=y",
        "multipart/form-data; boundary=\u00fc",
        'multipart/form-data; boundary="x',
        "multipart/mixed; boundary=x",
        "multipart; boundary=x",
        "; boundary=x",
        "",
        None,
    ),
)
def test_a_content_type_without_its_boundary_is_told(quick_server: Server, kind: Any) -> None:
    if isinstance(kind, str):
        kind = kind.encode()
    answer = send(quick_server, PARTS, kind)
    assert refusal(answer) == (400, "bad_request")
    assert "boundary" in answer.json()["error"] and "multipart/form-data" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    (
        PARTS[:-9],
        PARTS[: len(PARTS) // 2],
        PARTS.replace(b"Content-Disposition", b"Content-Description"),
        b"--x\r\n",
        PHOTO,
        PARTS.replace(b"--x", b"--y"),
    ),
    ids=("no end", "half", "no disposition", "one line", "a photo", "boundary"),
)
def test_a_malformed_form_is_told(quick_server: Server, body: bytes) -> None:
    answer = send(quick_server, body)
    assert refusal(answer) == (400, "bad_request")
    assert "malformed" in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "body"),
    (
        ("application/json", b'{"image": "data:image/png;base64,AAAA"}'),
        ("image/jpeg", PHOTO),
        ("text/plain", b"chair.jpg"),
        ("text/plain; boundary=x", PARTS),
    ),
)
def test_a_body_that_is_no_form_is_told(quick_server: Server, kind: str, body: bytes) -> None:
    answer = send(quick_server, body, kind)
    assert refusal(answer) == (400, "missing_image")
    assert answer.json()["error"].startswith(f"The body is {kind.split(';')[0]} and no form.")
    assert "multipart/form-data" in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "body"),
    (
        (FORM, b"--x--\r\n"),
        (FORM, part('name="caption"', b"a chair") + b"--x--\r\n"),
        (FORM, part('name="photo"; filename="a.png"') + b"--x--\r\n"),
        (FORM, part('filename="a.png"') + b"--x--\r\n"),
        ("application/x-www-form-urlencoded", b"image=chair.jpg"),
        ("application/x-www-form-urlencoded", b""),
        (None, b""),
        ("application/json", b""),
    ),
)
def test_a_form_without_a_photo_is_told(quick_server: Server, kind: Any, body: bytes) -> None:
    answer = send(quick_server, body, kind)
    assert refusal(answer) == (400, "missing_image")
    assert "multipart/form-data" in answer.json()["error"]


def test_an_urlencoded_form_is_bounded_and_can_name_a_kept_photo(quick_server: Server) -> None:
    kind = "application/x-www-form-urlencoded"
    assert refusal(send(quick_server, b"a=&" * MB, kind)) == (413, "upload_too_large")
    first = send_parts(quick_server, part('name="image"; filename="chair.png"'))
    url = quick_server.upload_url(first.json()["session_id"])
    again = requests.post(url, data={"upload": "chair.png", "caption": "x"}, timeout=60)
    assert (again.status_code, again.json()["model"]) == (200, "chair-2.glb")


def test_a_form_of_too_many_parts_is_refused(quick_server: Server) -> None:
    photos = [part('name="image"', b"")] * 1001
    assert refusal(send_parts(quick_server, *photos)) == (413, "upload_too_large")
