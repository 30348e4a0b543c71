"""Clients that go on sending after their request was refused."""

from __future__ import annotations

import time

import pytest

from support.processes import StartServer

PROGRAM = """
import runpy
from dreamlab import serving
serving.LINGER_S = 3
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.mark.parametrize("head", ("nonsense", "POST / HTTP/1.1\r\nContent-Length: 9000000"))
def test_a_refused_connection_is_closed_in_the_end(
    start_server: StartServer, quick_space: str, head: str
) -> None:
    server = start_server(program=("-c", PROGRAM), HUNYUAN_SPACE_ID=quick_space, MAX_UPLOAD_MB="1")
    with server.connect() as connection:
        connection.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.")
        answered = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - answered < 60:
                connection.sendall(b"x")
                time.sleep(0.1)
        # waitress looks every 5 s for what to close.
        assert 2 < time.monotonic() - answered < 30
