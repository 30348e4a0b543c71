"""Many clients at once: busy ones, slow ones, and ones that go away."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List

import pytest
import requests

from support.api import files_below, picture, wait_until
from support.processes import PROJECT, Server

pytestmark = pytest.mark.faults
# Of the machine's two cores the clients take one, so a listing waits for its turn of the other.
SECONDS = 60


WATCH = """
import sys, time, requests
waits, end = [], time.monotonic() + float(sys.argv[2])
with requests.Session() as http:
    while time.monotonic() < end:
        started = time.perf_counter()
        assert http.get(sys.argv[1], timeout=10).status_code == 200
        waits.append(time.perf_counter() - started)
        time.sleep(0.02)
print(len(waits), sorted(waits)[int(len(waits) * 0.99)])
"""


def run_clients(
    server: Server, session_id: str, photo: Path, seconds: int
) -> subprocess.Popen[str]:
    program = str(PROJECT / "tests/support/load_clients.py")
    return subprocess.Popen(
        [sys.executable, program, server.url, session_id, str(seconds), str(photo)],
        stdout=subprocess.PIPE,
        text=True,
    )


def read_counts(told: str) -> Dict[str, int]:
    return {key: int(value) for key, value in (item.split("=") for item in told.split())}


@pytest.mark.parametrize("places", (8, 32))
def test_every_one_of_64_clients_is_answered(tmp_path: Path, slow_space: str, places: int) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=slow_space, MAX_GENERATIONS=str(places))
    try:
        session_id = server.session()
        photo = tmp_path / "photo.png"
        photo.write_bytes(picture())
        # gradio_client keeps the threads of its pools: the first load makes them.
        warm = run_clients(server, session_id, photo, 6).communicate()[0]
        before = server.threads(), server.handles()
        clients = run_clients(server, session_id, photo, SECONDS)
        listing = f"{server.url}/api/session_models/{session_id}"
        # In a process of its own: this one runs the Space.
        watch = subprocess.run(
            [sys.executable, "-c", WATCH, listing, str(SECONDS - 5)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        asked, p99 = (float(number) for number in watch.stdout.split())
        counts = read_counts(clients.communicate()[0])
        print(f"{places} places: {counts}, {asked:.0f} listings, p99 {p99 * 1000:.1f} ms")
        assert set(counts) <= {"200", "503", "late", "without_retry_after"}
        assert counts["200"] > SECONDS
        assert counts["late"] == counts["without_retry_after"] == 0
        assert (counts.get("503", 0) > 0) == (places < 64)
        models = requests.get(listing).json()["models"]
        assert len(models) == len(set(models)) == counts["200"] + read_counts(warm)["200"]
        assert p99 < 0.05
        assert wait_until(
            lambda: server.threads() <= before[0] + 8 and server.handles() <= before[1] + 4
        )
    finally:
        server.kill()


def test_slow_uploads_disturb_nobody_and_are_closed_in_the_end(
    tmp_path: Path, quick_space: str
) -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space)
    wires: List[socket.socket] = []
    try:
        session_id = server.session()
        before = server.handles()
        head = (
            f"POST /api/process_furniture_image/{session_id} HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
        )
        for _ in range(200):
            wire = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
            wire.sendall(head.encode())
            wires.append(wire)
        waits: List[float] = []
        started = time.monotonic()
        open_wires = set(wires)
        while open_wires and time.monotonic() - started < 100:
            for wire in list(open_wires):
                try:
                    wire.send(b"x")
                except OSError:
                    open_wires.remove(wire)
            asked = time.perf_counter()
            assert requests.get(server.url + "/api/generate_session_id").status_code == 200
            waits.append(time.perf_counter() - asked)
            time.sleep(1)
        print(
            f"closed after {time.monotonic() - started:.0f} s, slowest {max(waits) * 1000:.0f} ms"
        )
        assert not open_wires, "the slow ones are closed"
        assert sorted(waits)[int(len(waits) * 0.95)] < 0.1
        assert server.post(session_id, picture()).status_code == 200
        assert wait_until(lambda: server.handles() <= before + 4)
    finally:
        for wire in wires:
            wire.close()
        server.kill()


def test_clients_that_go_away_leave_nothing(tmp_path: Path, slow_space: str) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=slow_space)
    port = int(server.url.rpartition(":")[2])
    try:
        session_id = server.session()
        folder = tmp_path / "sessions" / session_id
        noise = os.urandom(100_000)
        assert server.post(session_id, picture(), "warm.png").status_code == 200
        form = (
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
            + picture()
            + b"\r\n--x--\r\n"
        )
        head = (
            f"POST /api/process_furniture_image/{session_id} HTTP/1.1\r\nHost: x\r\n"
            "Accept: text/event-stream\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        ).encode()

        def ten_of_each() -> None:
            for _ in range(10):
                with socket.create_connection(("127.0.0.1", port)) as in_mid_upload:
                    in_mid_upload.sendall(head + b"Content-Length: 900000\r\n\r\n" + noise)
                with socket.create_connection(("127.0.0.1", port)) as in_mid_stream:
                    length = f"Content-Length: {len(form)}\r\n\r\n".encode()
                    in_mid_stream.sendall(head + length + form)
                    assert in_mid_stream.recv(100).startswith(b"HTTP/1.1 200")
                with socket.create_connection(("127.0.0.1", port)) as in_mid_download:
                    path = f"/sessions/{session_id}/models/warm.glb"
                    in_mid_download.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert wait_until(
                lambda: requests.get(server.url + "/api/health").json()["generating"] == 0
            )

        ten_of_each()
        before = server.threads(), server.handles()
        ten_of_each()
        assert len(files_below(folder / "models")) == 21
        assert len(files_below(folder / "uploads")) == 21
        assert wait_until(
            lambda: server.threads() <= before[0] + 4 and server.handles() <= before[1] + 4
        )
    finally:
        server.kill()
