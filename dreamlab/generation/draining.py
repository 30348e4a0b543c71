"""The end of a server: it takes no new generation, and gives those that run some time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Iterator, Set

from dreamlab.errors import Stopping

_LOOK_S = 0.05


class Draining:
    """Which generations this process runs, and whether it takes further ones."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.has_stopped = threading.Event()
        self._running: Set[str] = set()

    def check(self) -> None:
        """Raise Stopping if no new generation is taken."""
        if self.is_stopping:
            raise Stopping("The server is stopping. Send the form again.")

    @contextmanager
    def running(self, generation_id: str) -> Iterator[None]:
        """Let the end of the server wait for a generation."""
        self._running.add(generation_id)
        try:
            yield
        finally:
            self._running.discard(generation_id)

    def drain(self, limit_s: float) -> None:
        """Take no new generation, and wait for `limit_s` at most until none runs."""
        self.is_stopping = True
        deadline = time.monotonic() + limit_s
        while self._running and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        self.has_stopped.set()
