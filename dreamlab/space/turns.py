"""The turns of generations on a generator that runs only so many beside each other."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, Optional

from dreamlab.space.progress import Check, OnProgress, Queued

_POLL_S = 0.2


class Turns:
    """At most `limit` turns at a time, first come, first served. Without a limit, any number."""

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: Deque[object] = deque()
        self._changed = threading.Condition()
        self._last_s: Optional[float] = None

    def take(self, check: Check, on_progress: OnProgress) -> Callable[[], None]:
        """Wait for a turn and return the function that ends it.

        `check` is called now and then. It raises the error with which the waiting ends.
        """
        if self._limit is None:
            return lambda: None
        place = object()
        position = 0
        with self._changed:
            self._waiting.append(place)
            try:
                while self._taken >= self._limit or self._waiting[0] is not place:
                    check()
                    if position != self._waiting.index(place) + 1:
                        position = self._waiting.index(place) + 1
                        on_progress(Queued(position, self._eta_s(position)))
                    self._changed.wait(_POLL_S)
                self._taken += 1
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()
        return self._ending(time.monotonic())

    def _ending(self, started: float) -> Callable[[], None]:
        def end() -> None:
            with self._changed:
                self._taken -= 1
                self._last_s = time.monotonic() - started
                self._changed.notify_all()

        return end

    def _eta_s(self, position: int) -> Optional[float]:
        assert self._limit is not None
        if self._last_s is None:
            return None
        return round(self._last_s * -(-position // self._limit), 1)
