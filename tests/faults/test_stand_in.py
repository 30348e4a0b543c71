"""The default engine's process, and the server that it belongs to, are killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from support.api import DATA, wait_until
from support.processes import StartServer, has_ended

CHAIR = (DATA / "chair.jpg").read_bytes()


def test_the_stand_in_ends_with_a_killed_server_and_leaves_nothing_behind(
    tmp_path: Path, start_server: StartServer
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = start_server(TMPDIR=str(temporary))
    assert server.post(server.session(), CHAIR).status_code == 200
    (stand_in,) = server.children()
    assert list(temporary.iterdir()) != []
    server.end(signal.SIGKILL)
    assert wait_until(lambda: has_ended(stand_in))
    assert wait_until(lambda: list(temporary.iterdir()) == [])


def test_a_stand_in_that_starts_ends_with_a_killed_server(
    start_server: StartServer,
) -> None:
    server = start_server()
    (stand_in,) = server.children()
    server.end(signal.SIGKILL)
    assert wait_until(lambda: has_ended(stand_in))


def test_a_stand_in_that_crashed_is_started_again(start_server: StartServer) -> None:
    server = start_server()
    session_id = server.session()
    assert server.post(session_id, CHAIR).status_code == 200
    (stand_in,) = server.children()
    os.kill(stand_in, signal.SIGKILL)
    assert wait_until(lambda: has_ended(stand_in))
    again = server.post(session_id, CHAIR)
    while again.status_code == 503:
        # Some threads of the crashed process have not ended yet.
        time.sleep(int(again.headers["Retry-After"]) / 20)
        again = server.post(session_id, CHAIR)
    assert again.status_code == 200
