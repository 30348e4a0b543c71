"""`python app.py` as a process: how it starts, waits, ends, and what it needs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
import requests

from support.api import DATA, PIECES, picture
from support.processes import PROJECT, Server

CHAIR = (DATA / "chair.jpg").read_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


def ended(pid: int) -> bool:
    """Whether the process ends within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_it_answers_while_the_stand_in_loads_and_an_early_generation_waits(server: Server) -> None:
    assert server.url in server.start_line
    assert "engine: local" in server.start_line and "HUNYUAN_SPACE_ID=" in server.start_line
    assert requests.get(server.url + "/api/health").json()["generator"] == "starting"
    session_id = server.session()
    made = server.post(session_id, CHAIR)
    assert made.status_code == 200
    assert made.json()["engine"] == "local"
    model = requests.get(made.json()["model_url"])
    assert model.headers["Content-Type"] == "model/gltf-binary"
    assert model.content[:4] == b"glTF"
    listed = requests.get(f"{server.url}/api/session_models/{session_id}").json()
    assert listed == {"session_id": session_id, "models": ["chair.glb"]}


@pytest.mark.parametrize("how", (signal.SIGTERM, signal.SIGINT, signal.SIGKILL))
def test_the_stand_in_ends_with_it(server: Server, how: signal.Signals) -> None:
    session_id = server.session()
    if how == signal.SIGTERM:
        assert server.post(session_id, CHAIR).status_code == 200
    (stand_in,) = server.children()
    assert server.end(how) == (-how if how == signal.SIGKILL else 0)
    assert ended(stand_in)


def test_a_stand_in_that_died_is_started_again(server: Server) -> None:
    session_id = server.session()
    assert server.post(session_id, CHAIR).status_code == 200
    (stand_in,) = server.children()
    os.kill(stand_in, signal.SIGKILL)
    assert ended(stand_in)
    again = server.post(session_id, CHAIR)
    while again.status_code == 503:
        # Its last threads were still ending.
        time.sleep(int(again.headers["Retry-After"]) / 20)
        again = server.post(session_id, CHAIR)
    assert again.status_code == 200


def test_ending_it_answers_those_who_wait(tmp_path: Path, slow_space: str) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=slow_space)
    session_id = server.session()
    assert server.post(session_id, picture()).status_code == 200
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(server.post, session_id, picture()) for _ in range(8)]
        while requests.get(server.url + "/api/health").json()["generating"] < 8:
            time.sleep(0.02)
        assert server.end(signal.SIGTERM) == 0
        codes = {job.result().status_code for job in jobs}
    assert codes <= {200, 503} and 503 in codes


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ: Dict[str, Any] = {"PORT": str(taken.getsockname()[1]), "HUNYUAN_SPACE_ID": "a/b"}
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=PROJECT,
            env={**os.environ, **environ, "SESSIONS_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 2
    assert "PORT" in done.stderr.splitlines()[-1]


def test_what_is_not_http_is_answered_with_json_too(server: Server) -> None:
    for request, status in (
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ):
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as wire:
            wire.sendall(request)
            answer = b""
            while chunk := wire.recv(4096):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        assert int(head.split()[1]) == status
        assert b"application/json" in head and body.startswith(b'{"error": ')


def test_other_routes_stay_quick_while_all_generations_wait(
    tmp_path: Path, slow_space: str
) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=slow_space, MAX_GENERATIONS="6")
    try:
        session_id = server.session()
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(server.post, session_id, picture()) for _ in range(6)]
            while requests.get(server.url + "/api/health").json()["generating"] < 6:
                time.sleep(0.02)
            assert server.post(session_id, picture()).status_code == 503
            listing = requests.get(f"{server.url}/api/session_models/{session_id}")
            assert not all(job.done() for job in jobs)
            assert listing.status_code == 200
            assert {job.result().status_code for job in jobs} == {200}
    finally:
        server.kill()


@pytest.mark.skipif(not Path("/proc").exists(), reason="resident size is read from /proc")
def test_memory_does_not_grow_with_use_or_bad_input(tmp_path: Path, quick_space: str) -> None:
    # What the photos cost is measured, not the models.
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
    try:
        session_id = server.session()
        photos = [(DATA / f"{piece}.jpg").read_bytes() for piece in PIECES]
        for number in range(5):
            assert server.post(session_id, photos[number]).status_code == 200
        after_5 = server.resident_mb()
        for number in range(45):
            assert server.post(session_id, photos[number % len(photos)]).status_code == 200
        assert server.resident_mb() - after_5 < 50
        bad = (b"x" * 25_000_000, CHAIR[: len(CHAIR) // 2], b"text", picture((7200, 7200), "PNG"))
        for content in bad:
            assert server.post(session_id, content).status_code in (413, 415)
        assert server.resident_mb() - after_5 < 100
    finally:
        server.kill()
