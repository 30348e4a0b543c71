"""Calls of the routes of generations, from any number of threads."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from flask import Flask
from werkzeug.test import TestResponse

from support.api import image_bytes, wait_until

EVENTS = {"Accept": "text/event-stream"}
ASYNC = {"Prefer": "respond-async"}


class Api(NamedTuple):
    """One session of an app, and the generator that makes its models: what a test may hold."""

    app: Flask
    session_id: str
    space: Any = None

    def post(self, photo: bytes = b"", name: str = "chair.png", **headers: str) -> TestResponse:
        """POST a photo. Header names have underscores here."""
        return self.app.test_client().post(
            f"/api/process_furniture_image/{self.session_id}",
            data={"image": (io.BytesIO(photo or image_bytes()), name)},
            headers={key.replace("_", "-"): value for key, value in headers.items()},
        )

    def start(self, **headers: str) -> str:
        """Start a generation without waiting for it. Return its id."""
        answer = self.post(Prefer="respond-async", **headers)
        assert answer.status_code == 202, answer.text
        generation_id: str = answer.json["generation_id"]
        return generation_id

    def path(self, generation_id: str = "") -> str:
        return f"/api/sessions/{self.session_id}/generations/{generation_id}".rstrip("/")

    def get(self, generation_id: str) -> Dict[str, Any]:
        answer = self.app.test_client().get(self.path(generation_id))
        assert answer.status_code == 200, answer.text
        state: Dict[str, Any] = answer.json
        return state

    def all(self) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = self.app.test_client().get(self.path()).json["generations"]
        return found

    def events(self, generation_id: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
        """Follow a generation by its event stream."""
        answer = self.app.test_client().get(self.path(generation_id), headers=EVENTS)
        assert answer.status_code == 200, answer.text
        return read_events(answer)

    def delete(self, generation_id: str) -> TestResponse:
        return self.app.test_client().delete(self.path(generation_id))

    @property
    def folder(self) -> Path:
        """The folder of the session."""
        root: Path = self.app.extensions["dreamlab"].settings.sessions_dir
        return root / self.session_id

    def models(self) -> List[str]:
        answer = self.app.test_client().get(f"/api/session_models/{self.session_id}")
        models: List[str] = answer.json["models"]
        return models

    def generating(self) -> int:
        generating: int = self.app.test_client().get("/api/health").json["generating"]
        return generating

    def wait_for(self, generation_id: str, *statuses: str) -> Dict[str, Any]:
        """Wait until a generation has one of the statuses. Return its state."""
        assert wait_until(lambda: self.get(generation_id)["status"] in statuses)
        return self.get(generation_id)


def read_events(answer: TestResponse) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Return the events of a stream as they come, without its comments."""
    for block in answer.response:
        text = block.decode() if isinstance(block, bytes) else str(block)
        if text.startswith("event: "):
            name, _, data = text.partition("\ndata: ")
            yield name[len("event: ") :], json.loads(data)
