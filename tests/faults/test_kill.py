"""After a kill at any moment, no model that was answered or listed is lost, and no generation."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List

import requests

from support.api import image_bytes, wait_until
from support.processes import Server

KILLS = 20
PHOTO = image_bytes((900, 700), "WEBP")


def upload(
    server: Server,
    session_id: str,
    name: str,
    ending: threading.Event,
    answers: List[Dict[str, str]],
    accepted: List[str],
) -> None:
    """Send one POST after another until the server is gone, and leave a generation behind."""
    with suppress(requests.RequestException):
        answer = server.post_async(session_id, PHOTO, name)
        if answer.status_code == 202:
            accepted.append(answer.json()["generation_id"])
        while not ending.is_set():
            answer = server.post(session_id, PHOTO, name)
            if answer.status_code == 200:
                answers.append(answer.json())


def wait_for_ends(server: Server, session_id: str) -> Dict[str, Any]:
    """Return all generations of the session, by id, when each has ended."""
    url = f"{server.url}/api/sessions/{session_id}/generations"

    def shown() -> List[Any]:
        generations: List[Any] = requests.get(url, timeout=10).json()["generations"]
        return generations

    assert wait_until(lambda: all(each["ended"] for each in shown()), 60)
    return {each["generation_id"]: each for each in shown()}


def test_nothing_that_was_answered_or_listed_is_lost(tmp_path: Path, quick_space: str) -> None:
    pauses = random.Random(4)
    answers: List[Dict[str, str]] = []
    accepted: List[str] = []
    models: Dict[str, bytes] = {}
    session_id, kills = "", 0
    # A slow machine needs more kills for enough answers between them.
    while kills < KILLS or min(len(answers), len(accepted)) <= KILLS:
        assert kills < 4 * KILLS, f"{len(answers)} answers, {len(accepted)} accepted"
        server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
        session_id = session_id or server.session()
        ending = threading.Event()

        with ThreadPoolExecutor(4) as pool:
            for number in range(4):
                name = f"chair-{number}.webp"
                pool.submit(upload, server, session_id, name, ending, answers, accepted)
            # There the time between kills is longer too: enough for two answers.
            slowness = max(1.0, 2 * kills / max(1, len(answers)))
            time.sleep(pauses.uniform(0.05, 0.9) * slowness)
            try:
                for name in server.models(session_id, timeout=5):
                    if name not in models:
                        models[name] = server.download(session_id, name, timeout=5)
            finally:
                ending.set()
                server.kill()
        kills += 1
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
    try:
        ends = wait_for_ends(server, session_id)
        files = {name: server.download(session_id, name) for name in server.models(session_id)}
    finally:
        server.kill()
    print(
        f"{kills} kills, {len(answers)} answers, {len(accepted)} accepted, "
        f"{len(files)} models at the end"
    )
    for generation_id in [*accepted, *(answer["generation_id"] for answer in answers)]:
        end = ends[generation_id]
        assert (end["error"] or {"code": "generation_failed"})["code"] == "generation_failed"
    made = [end["result"]["model"] for end in ends.values() if end["result"]]
    assert sorted(made) == sorted(files)
    assert {name: files.get(name) for name in models} == models
    assert all(content[:4] == b"glTF" for content in files.values())
    assert all(int.from_bytes(c[8:12], "little") == len(c) for c in files.values())
    folder = tmp_path / "sessions" / session_id
    for answer in answers:
        assert answer["model"] in files
        assert (folder / "uploads" / answer["filename"]).read_bytes() == PHOTO
    assert all(upload.read_bytes() == PHOTO for upload in (folder / "uploads").glob("*.webp"))
    sessions = tmp_path / "sessions"
    assert wait_until(lambda: [*sessions.rglob(".tmp-*")] == [])
