"""What is refused, and that nothing comes of it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Callable

import pytest
from flask.testing import FlaskClient

from support.api import assert_error, files_below, picture, post

ROUTES = (
    "/api/session_models/{}",
    "/sessions/{}/models/chair.glb",
    "/api/sessions/{}/models/chair.glb",
)
STRANGE_IDS = (
    "11111111-1111-4111-8111-111111111111",
    "11111111-1111-1111-1111-111111111111",
    "nonsense",
    "..",
    "%2e%2e",
    "%2e%2e%2f",
    "..%2f..%2fetc",
    "%00",
    "a" * 10_000,
    "%e2%80%ae",
)


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data + b"\0\0\0\x04IDAT"


@pytest.mark.parametrize("session_id", STRANGE_IDS, ids=lambda value: value[:20])
def test_a_strange_session_id_is_not_found(
    client: FlaskClient, tmp_path: Path, session_id: str, chair: bytes
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "chair.glb").write_bytes(b"secret")
    for route in ROUTES:
        answer = client.get(route.format(session_id))
        assert answer.status_code == 404
        assert answer.json["code"] in ("session_not_found", "not_found")
    answer = post(client, session_id, chair)
    assert answer.status_code == 404 and answer.json["error"]
    assert files_below(tmp_path) == ["models/chair.glb"]


@pytest.mark.parametrize(
    "name",
    ("other.glb", "..", "%2e%2e%2fuploads%2fchair.jpg", "chair.jpg", ".tmp-1.glb", "%00.glb"),
)
def test_a_strange_model_name_is_not_found(
    client: FlaskClient, session_id: str, session_folder: Path, name: str
) -> None:
    (session_folder / "uploads" / "chair.jpg").write_bytes(b"photo")
    (session_folder / "models" / ".tmp-1.glb").write_bytes(b"half")
    answer = client.get(f"/sessions/{session_id}/models/{name}")
    assert answer.status_code == 404
    assert answer.json["code"] in ("model_not_found", "not_found")


def test_every_error_is_json(client: FlaskClient, session_id: str) -> None:
    assert_error(client.get("/nowhere"), 404, "not_found")
    assert_error(client.get("/api//health"), 404, "not_found")
    wrong = client.delete("/api/health")
    assert_error(wrong, 405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


def test_a_form_without_a_photo_is_refused(client: FlaskClient, session_id: str) -> None:
    url = f"/api/process_furniture_image/{session_id}"
    assert_error(client.post(url), 400, "missing_image")
    assert_error(client.post(url, data={"image": "text"}), 400, "missing_image")
    assert_error(client.post(url, json={"image": "text"}), 400, "missing_image")
    assert_error(post(client, session_id, b""), 400, "missing_image")


@pytest.mark.parametrize(
    "content",
    (
        b"just text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture((400, 300), "JPEG")[:-700],
        picture()[:60],
        b"\xff\xd8\xff\xe0",
        bytes(range(256)) * 40,
    ),
    ids=("text", "svg", "half a JPEG", "half a PNG", "a JPEG's first bytes", "noise"),
)
def test_what_is_no_image_is_refused_and_not_kept(
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
    assert_error(post(client, session_id, b"x" * 25_000_000), 413, "upload_too_large")


def test_a_small_limit_holds_for_pixels_and_bytes(
    make_client: Callable[..., FlaskClient], stand_in_url: str
) -> None:
    client = make_client(stand_in_url, max_image_megapixels=0.01, max_upload_mb=0.1)
    session_id = client.get("/api/generate_session_id").json["session_id"]
    assert_error(post(client, session_id, picture((200, 200))), 413, "upload_too_large")
    assert_error(post(client, session_id, b"x" * 110_000), 413, "upload_too_large")


def test_one_generation_too_many_is_told_to_come_back(
    make_client: Callable[..., FlaskClient], slow_space: str
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = make_client(slow_space, max_generations=2)
    session_id = client.get("/api/generate_session_id").json["session_id"]
    app = client.application
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: post(app.test_client(), session_id, picture()), range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    (busy,) = (answer for answer in answers if answer.status_code == 503)
    assert_error(busy, 503, "generator_busy")
    assert int(busy.headers["Retry-After"]) > 0
    assert client.get("/api/health").json["generating"] == 0


def test_a_defect_is_told_without_details(
    client: FlaskClient, session_id: str, session_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (session_folder / "models").rmdir()
    (session_folder / "models").write_text("not a folder")
    answer = client.get(f"/api/session_models/{session_id}")
    assert_error(answer, 500, "internal_error")
    assert str(session_folder) not in answer.text
    assert "NotADirectoryError" in caplog.text


def test_a_strange_options_value_names_its_field(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    for field, value in (
        ("seed", "abc"),
        ("seed", "-1"),
        ("seed", "1e9"),
        ("seed", "10000001"),
        ("steps", "0"),
        ("steps", "101"),
        ("texture", "maybe"),
        ("remove_background", "2"),
        ("guidance_scale", "0"),
        ("guidance_scale", "nan"),
        ("octree_resolution", "15"),
        ("octree_resolution", "256.5"),
    ):
        answer = post(client, session_id, picture(), **{field: value})
        assert_error(answer, 422, "invalid_option", f"^{field} must be")
    assert files_below(session_folder) == []


def test_a_further_view_that_is_no_image_is_named_and_nothing_is_kept(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    answer = post(client, session_id, picture(), back_image=(b"text", "back.jpg"))
    assert_error(answer, 415, "unsupported_image", "^back_image")
    assert files_below(session_folder) == []


def test_an_unchosen_file_field_of_a_browser_is_ignored(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    form = {
        "front_image": (io.BytesIO(chair), "chair.jpg"),
        "back_image": (io.BytesIO(b""), ""),
        "colour": "blue",
        "caption": "",
    }
    answer = client.post(f"/api/process_furniture_image/{session_id}", data=form)
    assert answer.json["model"] == "chair.glb"
