"""The server as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import List, Sequence

import requests

from support.spaces import free_port

PROJECT = Path(__file__).resolve().parents[2]


class Server:
    """A running `python app.py`, or another program that is set alike, answering at `url`."""

    def __init__(
        self,
        folder: Path,
        program: Sequence[str] = ("app.py",),
        project: Path = PROJECT,
        **environ: str,
    ) -> None:
        port = free_port()
        self.sessions = folder / "sessions"
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, *program],
            cwd=project,
            env={
                **os.environ,
                "PORT": str(port),
                "SESSIONS_DIR": str(self.sessions),
                "PYTHONUNBUFFERED": "1",
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.start_line = self.process.stdout.readline()

    def session(self) -> str:
        return str(requests.get(self.url + "/api/generate_session_id").json()["session_id"])

    def post(self, session_id: str, photo: bytes, name: str = "chair.jpg") -> requests.Response:
        url = f"{self.url}/api/process_furniture_image/{session_id}"
        return requests.post(url, files={"image": (name, photo)}, timeout=120)

    def end(self, how: int) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def handles(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def resident_mb(self) -> float:
        return self._memory_mb("VmRSS")

    def peak_mb(self) -> float:
        return self._memory_mb("VmHWM")

    def _memory_mb(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(name + ":")[1].split()[0]) / 1024

    def children(self) -> List[int]:
        folder = Path(f"/proc/{self.process.pid}/task")
        return [
            int(pid) for task in folder.iterdir() for pid in (task / "children").read_text().split()
        ]


def wait_for_port(port: int, seconds: float, open_: bool = True) -> None:
    """Return when something listens there, or nothing any more."""

    def is_open() -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    deadline = time.monotonic() + seconds
    while is_open() != open_:
        assert time.monotonic() < deadline, f"port {port}"
        time.sleep(0.01)


SPACE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import pathlib, tempfile
from support import spaces
mesh = spaces.tiny_glb(pathlib.Path(tempfile.mkdtemp()) / "white_mesh.glb")
seconds = float(sys.argv[3])
def shape(image=None, progress=spaces.gr.Progress()):
    print("working", flush=True)
    progress(0.5, desc="shape")
    time.sleep(seconds)
    return spaces.answer(str(mesh))
def everything(image=None):
    return (str(mesh), *shape(image))
with spaces.space(shape, everything, port=int(sys.argv[2])):
    print("ready", flush=True)
    time.sleep(600)
"""


def start_space(port: int, seconds: float) -> subprocess.Popen[str]:
    """A Gradio server as a process, each job of which takes so long; it tells when one begins."""
    return subprocess.Popen(
        [sys.executable, "-c", SPACE, str(PROJECT / "tests"), str(port), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def run_space(port: int, seconds: float) -> subprocess.Popen[str]:
    """Such a server that answers already."""
    process = start_space(port, seconds)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process
