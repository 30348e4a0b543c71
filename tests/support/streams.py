"""Generations whose client asks for their progress."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, Tuple

import requests

Event = Tuple[str, Dict[str, Any]]


def start(url: str, session_id: str, photo: bytes, **fields: str) -> requests.Response:
    """The answer of the API at `url`, not yet read."""
    return requests.post(
        f"{url}/api/process_furniture_image/{session_id}",
        files={"image": ("chair.png", photo)},
        data=fields,
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=100,
    )


def read(answered: requests.Response) -> Iterator[Event]:
    """(name, data) of each event as it comes, comments left out."""
    name = ""
    for line in answered.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])
