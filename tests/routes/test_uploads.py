"""Uploads that are refused: no image, a damaged one, or one over a limit."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from support.api import MakeClient, assert_error, files_below, image_bytes, new_session, post


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data + b"\0\0\0\x04IDAT"


@pytest.mark.parametrize(
    "content",
    (
        b"just text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        image_bytes((400, 300), "JPEG")[:-700],
        image_bytes()[:60],
        b"\xff\xd8\xff\xe0",
        bytes(range(256)) * 40,
    ),
    ids=("text", "svg", "half a JPEG", "half a PNG", "a JPEG's first bytes", "noise"),
)
def test_a_file_that_is_no_image_is_refused_and_not_kept(
    client: FlaskClient, session_id: str, session_folder: Path, content: bytes
) -> None:
    answer = post(client, session_id, content)
    assert_error(answer, 415, "unsupported_image", "image")
    assert "filename" not in answer.json
    assert files_below(session_folder) == []


def test_an_image_of_too_many_pixels_is_refused_by_its_header(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    answer = post(client, session_id, png_header(60_000, 60_000), "huge.png")
    assert_error(answer, 413, "upload_too_large", "3600.0 megapixels")
    assert files_below(session_folder) == []


def test_a_body_over_the_limit_is_refused(client: FlaskClient, session_id: str) -> None:
    assert_error(post(client, session_id, b"x" * 45_000_000), 413, "upload_too_large")


def test_the_limits_of_pixels_and_bytes_can_be_set(make_client: MakeClient) -> None:
    client = make_client(max_image_megapixels=0.01, max_upload_mb=0.1)
    session_id = new_session(client)
    assert_error(post(client, session_id, image_bytes((200, 200))), 413, "upload_too_large")
    assert_error(post(client, session_id, b"x" * 110_000), 413, "upload_too_large")


def test_the_error_names_the_view_that_is_no_image(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    answer = post(client, session_id, image_bytes(), back_image=(b"text", "back.jpg"))
    assert_error(answer, 415, "unsupported_image", "^back_image")
    assert files_below(session_folder) == []


@pytest.mark.parametrize(("times", "is_read"), ((2, True), (5, False)))
def test_a_body_that_is_refused_is_read_to_its_end_unless_it_is_absurdly_large(
    make_client: MakeClient, times: int, is_read: bool
) -> None:
    client = make_client(max_upload_mb=0.1)
    size = int(times * 0.1 * (1 << 20))
    body = io.BytesIO(bytes(size))
    answer = client.post(
        f"/api/process_furniture_image/{new_session(client)}",
        input_stream=body,
        content_length=size,
        content_type="multipart/form-data; boundary=x",
    )
    assert_error(answer, 413, "upload_too_large")
    assert (body.tell() == size) == is_read
