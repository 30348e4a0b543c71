"""The turns of generations on a generator that runs only so many beside each other."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Deque, Iterator, Optional

from dreamlab.errors import GenerationCancelled, GenerationTimeout
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

    @contextmanager
    def turn(self, check: Check, on_progress: OnProgress) -> Iterator[bool]:
        """Wait for a turn and hold it. Yields whether there was something to wait for.

        `check` is called now and then. It raises the error with which the waiting ends. A job that
        the generator still runs after a GenerationTimeout or a GenerationCancelled keeps the turn.
        """
        if self._limit is None:
            yield False
            return
        has_waited = self._wait(self._limit, check, on_progress)
        started = time.monotonic()
        job: Optional[Future[Any]] = None
        try:
            yield has_waited
        except (GenerationTimeout, GenerationCancelled) as error:
            job = error.job
            raise
        finally:
            if job is None:
                self._end(started)
            else:
                job.add_done_callback(lambda _: self._end(started))

    def _wait(self, limit: int, check: Check, on_progress: OnProgress) -> bool:
        own = object()
        position = 0
        with self._changed:
            self._waiting.append(own)
            try:
                while self._taken >= limit or self._waiting[0] is not own:
                    check()
                    if position != self._waiting.index(own) + 1:
                        position = self._waiting.index(own) + 1
                        on_progress(Queued(position, self._eta_s(position, limit)))
                    self._changed.wait(_POLL_S)
                self._taken += 1
            finally:
                self._waiting.remove(own)
                self._changed.notify_all()
        return position > 0

    def _end(self, started: float) -> None:
        with self._changed:
            self._taken -= 1
            self._last_s = time.monotonic() - started
            self._changed.notify_all()

    def _eta_s(self, position: int, limit: int) -> Optional[float]:
        if self._last_s is None:
            return None
        return round(self._last_s * -(-position // limit), 1)
