"""The server on Windows: its port, its connections, its limits, and a slow generator."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Callable, Iterator, List

import pytest
import requests

from support.api import files_below, image_bytes, wait_until
from support.spaces import HeldSpace, timed_space
from support.wine import WindowsServer
from support.wine import run as run_windows

StartWindows = Callable[..., WindowsServer]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsServer]:
    """A server whose generator answers at once."""
    with timed_space(0) as url:
        server = WindowsServer(tmp_path_factory.mktemp("windows"), HUNYUAN_SPACE_ID=url)
        yield server
        server.kill()
    assert "Traceback" not in "".join(server.log)


@pytest.mark.parametrize("host", ("127.0.0.1", "localhost", "*"))
def test_a_second_server_does_not_get_the_port(server: WindowsServer, host: str) -> None:
    done = run_windows("app.py", PORT=str(server.port), HOST=host, HUNYUAN_SPACE_ID="a/b")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HOST and PORT cannot be listened on" in done.stderr.splitlines()[-1]
    assert server.health()["status"] == "ok"


def test_it_answers_while_more_connections_are_open_than_select_takes(
    server: WindowsServer,
) -> None:
    connections: List[socket.socket] = []
    session_id = server.session()
    try:
        with requests.Session() as http:
            # One connection that is open before the others.
            http.get(f"{server.url}/api/health")
            for _ in range(600):
                connections.append(server.connect())
            # The server has taken as many as it can.
            time.sleep(2)
            files = {"image": ("chair.png", image_bytes())}
            made = http.post(server.upload_url(session_id), files=files, timeout=30)
            assert made.status_code == 200
    finally:
        for connection in connections:
            connection.close()
    assert requests.get(f"{server.url}/api/health", timeout=30).status_code == 200
    assert server.models(session_id) == ["chair.glb"]


def test_a_generation_that_takes_too_long_is_told_as_that(
    start_windows: StartWindows, held_space: HeldSpace
) -> None:
    server = start_windows(HUNYUAN_SPACE_ID=held_space.url, GENERATION_TIMEOUT_S="5")
    # The first one connects, for which wine takes seconds.
    assert wait_until(lambda: server.health()["generator"] == "ready", 60)
    session_id = server.session()
    late = server.post(session_id, image_bytes(), "chair.png")
    assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
    assert held_space.started.is_set()
    folder = server.sessions / session_id
    assert wait_until(lambda: files_below(folder) == ["uploads/chair.png"], 15)
    held_space.release.set()
    # The generator's turn ends with its job.
    assert server.post(session_id, image_bytes(), "chair.png").status_code == 200
    assert server.end(signal.SIGINT) == 0
    assert "Traceback" not in "".join(server.log)


def test_a_folder_too_deep_is_refused(tmp_path: Path) -> None:
    # What wine says of a path that is too long is not what Windows says.
    deep = tmp_path
    while len(str(deep)) < 3900:
        deep = deep / ("x" * 100)
    done = run_windows("app.py", SESSIONS_DIR=str(deep), HUNYUAN_SPACE_ID="a/b")
    assert done.returncode == 2
    assert "SESSIONS_DIR" in done.stderr.splitlines()[-1]
