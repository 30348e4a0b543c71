"""Calls of the API through Flask's test client, test images, and common assertions."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any, Callable, List

from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

MakeClient = Callable[..., FlaskClient]

DATA = Path(__file__).resolve().parent.parent / "data"
# The pieces of furniture of which there is a photo in a room.
PIECES = sorted(path.stem for path in DATA.glob("*.jpg"))


def new_session(client: FlaskClient) -> str:
    session_id: str = client.get("/api/generate_session_id").json["session_id"]
    return session_id


def post(
    client: FlaskClient,
    session_id: str,
    photo: bytes,
    name: str = "chair.jpg",
    accept: str = "application/json",
    **fields: Any,
) -> TestResponse:
    """POST `photo` as `image`. Further fields are text, or a tuple of bytes and file name."""
    return post_form(client, session_id, accept, image=(photo, name), **fields)


def post_form(
    client: FlaskClient, session_id: str, accept: str = "application/json", **fields: Any
) -> TestResponse:
    """POST a form. A field is text, or a tuple of bytes and file name."""
    form = {
        field: (io.BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value
        for field, value in fields.items()
    }
    url = f"/api/process_furniture_image/{session_id}"
    return client.post(url, data=form, headers={"Accept": accept})


def session_with_models(client: FlaskClient, count: int = 1) -> str:
    """Return a new session with `count` models: chair.glb, chair-2.glb, ..."""
    session_id = new_session(client)
    for _ in range(count):
        assert post(client, session_id, image_bytes(), "chair.png").status_code == 200
    return session_id


def list_models(client: FlaskClient, session_id: str) -> List[str]:
    models: List[str] = client.get(f"/api/session_models/{session_id}").json["models"]
    return models


def list_uploads(client: FlaskClient, session_id: str) -> List[str]:
    uploads = client.get(f"/api/sessions/{session_id}/uploads").json["uploads"]
    return [upload["filename"] for upload in uploads]


def image_bytes(size: Any = (64, 48), kind: str = "PNG", mode: str = "RGB", **save: Any) -> bytes:
    """Return an image file of a dark block on a light background, encoded as `kind`."""
    image = Image.new(mode, size, 230 if mode in ("L", "I;16") else "white")
    width, height = size
    dark = Image.new(mode, (max(1, width // 2), max(1, height // 2)))
    image.paste(dark, (width // 4, height // 4))
    return encoded(image, kind, **save)


def encoded(image: Image.Image, kind: str, **save: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **save)
    return file.getvalue()


def files_below(folder: Path) -> List[str]:
    """Return the files of a session or of all, but for records of generations and models."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    paths = {path for path in found if path.parent.parent.name != "generations"}
    records = {path.with_name(f".record-{path.name}.json") for path in paths}
    return sorted(path.relative_to(folder).as_posix() for path in paths - records)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Return whether `condition` was true at least once within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def assert_error(answer: TestResponse, status: int, code: str, pattern: str = "") -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert re.search(pattern, answer.json["error"])
