"""The server killed at any moment: what was answered or listed is there, the rest is gone."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Dict, List

import pytest
import requests

from support.api import picture, wait_until
from support.processes import Server

pytestmark = pytest.mark.faults
KILLS = 50


PHOTO = picture((900, 700), "WEBP")


def upload(
    server: Server,
    session_id: str,
    name: str,
    ending: threading.Event,
    answered: List[Dict[str, str]],
) -> None:
    """One POST after another, as long as the server is there."""
    with suppress(requests.RequestException):
        while not ending.is_set():
            made = server.post(session_id, PHOTO, name)
            if made.status_code == 200:
                answered.append(made.json())


def test_nothing_that_was_answered_or_listed_is_lost(tmp_path: Path, quick_space: str) -> None:
    moments = random.Random(4)
    answered: List[Dict[str, str]] = []
    models: Dict[str, bytes] = {}
    session_id = ""
    for kills in range(KILLS):
        server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
        session_id = session_id or server.session()
        ending = threading.Event()

        with ThreadPoolExecutor(4) as pool:
            for number in range(4):
                pool.submit(upload, server, session_id, f"chair-{number}.webp", ending, answered)
            # A slow machine is given more time: it should come to two answers between kills.
            slowness = max(1.0, 2 * kills / max(1, len(answered)))
            time.sleep(moments.uniform(0.05, 0.9) * slowness)
            try:
                url = f"{server.url}/api/session_models/{session_id}"
                for name in requests.get(url, timeout=5).json()["models"]:
                    if name not in models:
                        file = f"{server.url}/sessions/{session_id}/models/{name}"
                        models[name] = requests.get(file, timeout=5).content
            finally:
                ending.set()
                server.kill()
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
    try:
        listed = requests.get(f"{server.url}/api/session_models/{session_id}").json()["models"]
        files = {
            name: requests.get(f"{server.url}/sessions/{session_id}/models/{name}").content
            for name in listed
        }
    finally:
        server.kill()
    print(f"{KILLS} kills, {len(answered)} answers, {len(listed)} models listed at the end")
    assert len(answered) > KILLS
    assert {name: files.get(name) for name in models} == models
    assert all(content[:4] == b"glTF" for content in files.values())
    assert all(int.from_bytes(c[8:12], "little") == len(c) for c in files.values())
    folder = tmp_path / "sessions" / session_id
    for made in answered:
        assert made["model"] in files
        assert (folder / "uploads" / made["filename"]).read_bytes() == PHOTO
    assert all(upload.read_bytes() == PHOTO for upload in (folder / "uploads").glob("*.webp"))
    assert wait_until(lambda: list((tmp_path / "sessions").rglob(".tmp-*")) == [])
