"""A Windows Python under wine, made by tests/windows/setup, and a server that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, List

from dreamlab.settings import PROJECT
from support.http_api import HttpApi
from support.spaces import free_port

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PYTHON = Path(os.environ.get("WINDOWS_PYTHON") or _CACHE / "dreamlab" / "windows") / "python"


def run(*arguments: str, timeout: float = 120, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the Windows Python to its end."""
    return subprocess.run(
        [str(PYTHON), *arguments],
        cwd=PROJECT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


class WindowsServer(HttpApi):
    """A running `python app.py` on Windows. Its log is kept."""

    def __init__(self, folder: Path, port: int = 0, **environ: str) -> None:
        self.port = port or free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.sessions = folder / "sessions"
        self.log: List[str] = []
        self.process = subprocess.Popen(
            [str(PYTHON), "app.py"],
            cwd=PROJECT,
            env={
                **os.environ,
                "PORT": str(self.port),
                "SESSIONS_DIR": str(self.sessions),
                "PYTHONUNBUFFERED": "1",
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,))
        self._reader.start()
        self.start_line = self.process.stdout.readline()

    def _read(self, stderr: IO[str]) -> None:
        self.log.extend(stderr)

    def end(self, signal_number: int = signal.SIGINT) -> int:
        """Send the signal, for wine SIGINT is Ctrl-C, and return the exit status."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(20)

    def stand_ins(self) -> List[int]:
        """Return the processes of the stand-in that have this server's environment."""
        return [
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and _is_stand_in(folder, self.port)
        ]


def _is_stand_in(folder: Path, port: int) -> bool:
    try:
        command = (folder / "cmdline").read_bytes()
        environ = (folder / "environ").read_bytes()
    except OSError:
        return False
    return b"local_space" in command and f"PORT={port}\0".encode() in environ
