"""Calls of the API through Flask's test client, pictures to send, and what to expect."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

DATA = Path(__file__).resolve().parent.parent / "data"
PIECES = sorted(path.stem for path in DATA.glob("*.jpg"))


def new_session(client: FlaskClient) -> str:
    session_id: str = client.get("/api/generate_session_id").json["session_id"]
    return session_id


def post(
    client: FlaskClient, session_id: str, photo: bytes, name: str = "chair.jpg", **fields: Any
) -> TestResponse:
    """POST `photo` as `image`; further fields are text, or (bytes, file name)."""
    form: Dict[str, Any] = {"image": (io.BytesIO(photo), name)}
    for field, value in fields.items():
        form[field] = (io.BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value
    return client.post(f"/api/process_furniture_image/{session_id}", data=form)


def models(client: FlaskClient, session_id: str) -> List[str]:
    listed: List[str] = client.get(f"/api/session_models/{session_id}").json["models"]
    return listed


def picture(size: Any = (64, 48), kind: str = "PNG", mode: str = "RGB", **save: Any) -> bytes:
    """A picture with a dark block on a light ground, encoded as `kind`."""
    image = Image.new(mode, size, 230 if mode in ("L", "I;16") else "white")
    width, height = size
    dark = Image.new(mode, (max(1, width // 2), max(1, height // 2)))
    image.paste(dark, (width // 4, height // 4))
    file = io.BytesIO()
    image.save(file, kind, **save)
    return file.getvalue()


def files_below(folder: Path) -> List[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes so within some seconds; it need not stay so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def assert_error(answer: TestResponse, status: int, code: str, words: str = "") -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert re.search(words, answer.json["error"])
