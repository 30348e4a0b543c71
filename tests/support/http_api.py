"""Calls of the API over HTTP."""

from __future__ import annotations

import json
import socket
from typing import Any, Dict, Iterator, List, Tuple

import requests

Event = Tuple[str, Dict[str, Any]]


class HttpApi:
    """The API that a server offers at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def connect(self) -> socket.socket:
        """Open a plain TCP connection to the server."""
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])))

    def session(self) -> str:
        return str(requests.get(self.url + "/api/generate_session_id").json()["session_id"])

    def upload_url(self, session_id: str) -> str:
        return f"{self.url}/api/process_furniture_image/{session_id}"

    def post(
        self, session_id: str, photo: bytes, name: str = "chair.jpg", **fields: str
    ) -> requests.Response:
        files = {"image": (name, photo)}
        return requests.post(self.upload_url(session_id), files=files, data=fields, timeout=120)

    def post_async(
        self,
        session_id: str,
        photo: bytes,
        name: str = "chair.png",
        caption: str = "",
        **headers: str,
    ) -> requests.Response:
        """POST `photo` and ask for an answer before its generation has ended."""
        return requests.post(
            self.upload_url(session_id),
            files={"image": (name, photo)},
            data={"caption": caption} if caption else None,
            headers={"Prefer": "respond-async", **headers},
            timeout=10,
        )

    def start_stream(self, session_id: str, photo: bytes, **fields: str) -> requests.Response:
        """POST `photo` with a request for progress events. The answer's body is not read yet."""
        return requests.post(
            self.upload_url(session_id),
            files={"image": ("chair.jpg", photo)},
            data=fields,
            headers={"Accept": "text/event-stream"},
            stream=True,
            timeout=100,
        )

    def models(self, session_id: str, timeout: float = 120) -> List[str]:
        answer = requests.get(f"{self.url}/api/session_models/{session_id}", timeout=timeout)
        models: List[str] = answer.json()["models"]
        return models

    def download(self, session_id: str, model: str, timeout: float = 120) -> bytes:
        url = f"{self.url}/sessions/{session_id}/models/{model}"
        return requests.get(url, timeout=timeout).content

    def health(self) -> Dict[str, Any]:
        health: Dict[str, Any] = requests.get(self.url + "/api/health").json()
        return health


def read_events(answer: requests.Response) -> Iterator[Event]:
    """Yield the name and the data of each event as it arrives. Comments are left out."""
    name = ""
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])
