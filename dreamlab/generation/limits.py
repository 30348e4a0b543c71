"""The limits of the generations in flight in one process."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional
from typing import Counter as CounterType

from dreamlab import metrics
from dreamlab.errors import GeneratorBusy
from dreamlab.storage.session import Session

# So many requests may wait for generations that others have started.
LISTENERS = 256
LIMIT_REACHED = "Too many models are being made at the moment. Try again soon."
SESSION_LIMIT_REACHED = "Too many models are being made in this session."


class Capacity:
    """At most `limit` generations in flight, and `per_session` of one session."""

    def __init__(self, limit: int, per_session: Optional[int] = None) -> None:
        self._limit = limit
        self._in_flight = 0
        self._per_session = per_session or limit
        self._by_session: CounterType[str] = Counter()
        self._unfinished: Dict[str, Future[Any]] = {}
        self._lock = threading.Lock()

    def health(self) -> Dict[str, int]:
        """Return what the health route says of these limits."""
        return {"generating": self._in_flight, "capacity": self._limit}

    @contextmanager
    def slot(self, session: Session, generation_id: str) -> Iterator[None]:
        """Hold a slot for one generation. Raises GeneratorBusy."""
        with self._lock:
            if self._in_flight >= self._limit:
                raise GeneratorBusy(LIMIT_REACHED)
            if self._by_session[session.id] >= self._per_session:
                raise GeneratorBusy(SESSION_LIMIT_REACHED)
            self._in_flight += 1
            self._by_session[session.id] += 1
        metrics.change_in_flight(1)
        try:
            yield
        finally:
            unfinished = self._unfinished.pop(generation_id, None)
            if unfinished is None:
                self._release(session)
            else:
                unfinished.add_done_callback(lambda _: self._release(session))

    def hold(self, generation_id: str, unfinished: Future[Any]) -> None:
        """Keep the slot of a generation until its job has ended."""
        self._unfinished[generation_id] = unfinished

    def _release(self, session: Session) -> None:
        with self._lock:
            self._in_flight -= 1
            self._by_session[session.id] -= 1
            self._by_session += Counter()  # drops the sessions with a count of zero
        metrics.change_in_flight(-1)
