"""After a kill at any moment, all models that were answered or listed are still there."""

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

from support.api import image_bytes, wait_until
from support.processes import Server

pytestmark = pytest.mark.faults
KILLS = 50
PHOTO = image_bytes((900, 700), "WEBP")


def upload(
    server: Server,
    session_id: str,
    name: str,
    ending: threading.Event,
    answers: List[Dict[str, str]],
) -> None:
    """Send one POST after another until the server is gone."""
    with suppress(requests.RequestException):
        while not ending.is_set():
            answer = server.post(session_id, PHOTO, name)
            if answer.status_code == 200:
                answers.append(answer.json())


def test_nothing_that_was_answered_or_listed_is_lost(tmp_path: Path, quick_space: str) -> None:
    pauses = random.Random(4)
    answers: List[Dict[str, str]] = []
    models: Dict[str, bytes] = {}
    session_id = ""
    for kills in range(KILLS):
        server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
        session_id = session_id or server.session()
        ending = threading.Event()

        with ThreadPoolExecutor(4) as pool:
            for number in range(4):
                pool.submit(upload, server, session_id, f"chair-{number}.webp", ending, answers)
            # On a slow machine the time between kills is longer: enough for two answers.
            slowness = max(1.0, 2 * kills / max(1, len(answers)))
            time.sleep(pauses.uniform(0.05, 0.9) * slowness)
            try:
                for name in server.models(session_id, timeout=5):
                    if name not in models:
                        models[name] = server.download(session_id, name, timeout=5)
            finally:
                ending.set()
                server.kill()
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
    try:
        files = {name: server.download(session_id, name) for name in server.models(session_id)}
    finally:
        server.kill()
    print(f"{KILLS} kills, {len(answers)} answers, {len(files)} models listed at the end")
    assert len(answers) > KILLS
    assert {name: files.get(name) for name in models} == models
    assert all(content[:4] == b"glTF" for content in files.values())
    assert all(int.from_bytes(c[8:12], "little") == len(c) for c in files.values())
    folder = tmp_path / "sessions" / session_id
    for answer in answers:
        assert answer["model"] in files
        assert (folder / "uploads" / answer["filename"]).read_bytes() == PHOTO
    assert all(upload.read_bytes() == PHOTO for upload in (folder / "uploads").glob("*.webp"))
    assert wait_until(lambda: list((tmp_path / "sessions").rglob(".tmp-*")) == [])
