"""Runs the stand-in as a child process. Imports nothing heavy, because the API imports it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Optional

# The child prints this and its URL in one line when it answers requests.
READY = "stand-in ready at "
_STOP_TIMEOUT_S = 5
# glibc's default is an arena per thread, each of which keeps what was freed in it. With one arena
# for all, the child holds a fifth less memory after some models (490 instead of 610 MB).
_ARENAS = "1"
log = logging.getLogger(__name__)
# On Windows, what ends this process does not end the child before it has removed its files.
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


class StandInFailed(RuntimeError):
    """The stand-in ended before it was ready."""


class StandIn:
    """A child process `python -m local_space`. It is started on demand, and again if it has died.

    The child stops when its standard input is closed, so it never outlives this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Optional[subprocess.Popen[str]] = None
        self._url: Optional[str] = None
        self._ready = threading.Event()
        self._stopped = False

    @staticmethod
    def is_installed() -> bool:
        """Return whether the requirements of the stand-in are installed."""
        return find_spec("gradio") is not None

    @property
    def pid(self) -> int:
        """The process id. Raises StandInFailed if the stand-in was not started."""
        if self._process is None:
            raise StandInFailed("the stand-in was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the process unless it runs. Does not wait until it is ready."""
        with self._lock:
            if self._stopped or (self._process is not None and self._process.poll() is None):
                return
            self._url, self._ready = None, threading.Event()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __package__, "--port", "0", "--end-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env={"MALLOC_ARENA_MAX": _ARENAS, **os.environ, "PYTHONIOENCODING": "utf-8"},
                creationflags=_FLAGS,
                cwd=Path(__file__).resolve().parent.parent,
            )
            assert self._process.stdout is not None
            threading.Thread(
                target=self._read_output, args=(self._process.stdout, self._ready), daemon=True
            ).start()

    def url(self, timeout_s: float) -> str:
        """Return the URL of the stand-in, starting it if needed.

        Raises TimeoutError if it is not ready within `timeout_s`, StandInFailed if it has ended.
        """
        self.start()
        deadline = time.monotonic() + timeout_s
        if not self._ready.wait(max(0.0, deadline - time.monotonic())):
            raise TimeoutError("the stand-in is still starting")
        if self._url is None:
            raise StandInFailed("the stand-in ended before it was ready")
        return self._url

    def stop(self) -> None:
        """Stop the process and wait for its end. It cannot be started again."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _read_output(self, output: IO[str], ready: threading.Event) -> None:
        for line in output:
            if line.startswith(READY):
                self._url = line[len(READY) :].strip()
                ready.set()
            else:
                log.warning("the stand-in: %s", line.rstrip())
        # The process has ended. `url` wakes up and finds no URL if it was not ready before.
        ready.set()
