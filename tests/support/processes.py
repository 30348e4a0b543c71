"""The server and Gradio servers as processes of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

from dreamlab.settings import PROJECT
from support.http_api import HttpApi
from support.spaces import free_port


class Server(HttpApi):
    """A running `python app.py`, or another program that reads the same settings.

    `command` is what runs it, such as one that makes it another user's.
    """

    def __init__(
        self,
        folder: Path,
        program: Sequence[str] = ("app.py",),
        project: Path = PROJECT,
        log: Optional[Path] = None,
        command: Sequence[str] = (),
        **environ: str,
    ) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        self.sessions = folder / "sessions"
        self.process = subprocess.Popen(
            [*command, sys.executable, *program],
            cwd=project,
            env={
                **os.environ,
                "PORT": str(port),
                "SESSIONS_DIR": str(self.sessions),
                "PYTHONUNBUFFERED": "1",
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if log is None else log.open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        self.start_line = self.process.stdout.readline()

    def end(self, signal_number: int) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(signal_number)
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
        found: List[int] = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            # A thread may end meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
        return found


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, even if nobody has waited for it yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


APP = """
import importlib, runpy
for module, name, value in {constants!r}:
    module = importlib.import_module(module)
    getattr(module, name)
    setattr(module, name, value)
runpy.run_path("app.py", run_name="__main__")
"""


def app_with(*constants: Tuple[str, str, Any]) -> Sequence[str]:
    """Return the program app.py with other constants: (module, name, value)."""
    return "-c", APP.format(constants=constants)


def copy_without_node_modules(folder: Path) -> Path:
    """Copy the project into a new folder there, as it is before `npm ci`."""
    project = folder / "project"
    ignored = shutil.ignore_patterns("node_modules", "tests", "sessions", ".*")
    shutil.copytree(PROJECT, project, ignore=ignored)
    return project


StartServer = Callable[..., Server]


def run_app(**environ: str) -> subprocess.CompletedProcess[str]:
    """Run `python app.py` where it is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=PROJECT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=30,
    )


def wait_for_port(port: int, seconds: float, open_: bool = True) -> None:
    """Return when a process listens on the port, or with `open_` false when none does."""

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
from support import spaces
def shape(image=None, caption=None, progress=spaces.gr.Progress()):
    print("working", flush=True)
    progress(0.5, desc="shape")
    time.sleep(float(caption or sys.argv[3]))
    return spaces.answer()
def everything(image=None):
    return (str(spaces.MESH), *shape(image))
with spaces.space(shape, everything, port=int(sys.argv[2])):
    print("ready", flush=True)
    time.sleep(600)
"""


def start_space(port: int, seconds: float) -> subprocess.Popen[str]:
    """Start a Gradio server whose jobs take `seconds`, or as many as their caption says.

    It prints `ready` when it answers, and `working` when a job starts.
    """
    return subprocess.Popen(
        [sys.executable, "-c", SPACE, str(PROJECT / "tests"), str(port), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def run_space(port: int, seconds: float) -> subprocess.Popen[str]:
    """Start such a server and wait until it answers."""
    process = start_space(port, seconds)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process
