"""Runs the stand-in as a child process; imports nothing heavy, so that the API can use it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Optional

# The child's one line on stdout, followed by its URL, once it answers.
READY = "stand-in ready at "
_STOP_TIMEOUT_S = 5


class StandInFailed(RuntimeError):
    """The stand-in ended before it was ready."""


class StandIn:
    """A `python -m local_space` of ours: started when needed, again if it has died.

    It ends when its standard input does, so it cannot outlive this process, however that ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Optional[subprocess.Popen[str]] = None
        self._url: Optional[str] = None
        self._told = threading.Event()
        self._stopped = False

    @staticmethod
    def is_installed() -> bool:
        """Whether its requirements are there."""
        return find_spec("gradio") is not None

    @property
    def pid(self) -> int:
        """Of the process that runs now. Raises StandInFailed where there is none."""
        if self._process is None:
            raise StandInFailed("the stand-in was not started")
        return self._process.pid

    def start(self) -> None:
        """Make sure that it runs or is about to; does not wait."""
        with self._lock:
            if self._stopped or (self._process is not None and self._process.poll() is None):
                return
            self._url, self._told = None, threading.Event()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __package__, "--port", "0", "--end-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).resolve().parent.parent,
            )
            assert self._process.stdout is not None
            threading.Thread(
                target=self._listen, args=(self._process.stdout, self._told), daemon=True
            ).start()

    def url(self, timeout_s: float) -> str:
        """Its URL. Raises TimeoutError while it still starts, StandInFailed if it cannot."""
        self.start()
        deadline = time.monotonic() + timeout_s
        if not self._told.wait(max(0.0, deadline - time.monotonic())):
            raise TimeoutError("the stand-in is still starting")
        if self._url is None:
            raise StandInFailed("the stand-in ended before it was ready")
        return self._url

    def stop(self) -> None:
        """End it and wait for that."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _listen(self, output: IO[str], told: threading.Event) -> None:
        for line in output:
            if line.startswith(READY):
                self._url = line[len(READY) :].strip()
                told.set()
            else:
                sys.stderr.write(line)
        told.set()
