"""A generation that has not ended, as this process knows it: its progress, and who waits for it."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Iterator, Optional

from dreamlab.clock import timestamp
from dreamlab.errors import DreamLabError, GenerationCancelled, to_dict
from dreamlab.space.progress import Progress, ProgressEvent
from dreamlab.storage.generations import End

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"


class Unfinished:
    """The progress of one generation, for any number of threads that wait for its end."""

    def __init__(self, generation_id: str) -> None:
        self.id = generation_id
        self.event: Optional[ProgressEvent] = None
        self.started: Optional[str] = None
        self.end: Optional[End] = None
        self._give_back_place: Callable[[], None] = lambda: None
        self._is_finishing = False
        self._changed = threading.Condition()

    def take_place(self, give_back: Callable[[], None]) -> None:
        """Hold a place among the generations in flight, which is given back before the end."""
        with self._changed:
            if not self._is_finishing:
                self._give_back_place = give_back
                return
        give_back()

    def report(self, event: ProgressEvent) -> None:
        """Take the newest progress event."""
        with self._changed:
            if self.started is None and isinstance(event, Progress):
                self.started = timestamp(time.time())
            self.event = event
            self._changed.notify_all()

    def finish(self, end: End) -> bool:
        """Tell all who wait how the generation ended. Return False if that was done before."""
        with self._changed:
            if self._is_finishing:
                return False
            self._is_finishing = True
        self._give_back_place()
        with self._changed:
            self.end = end
            self._changed.notify_all()
        return True

    def has_ended(self) -> bool:
        """Return whether the end is known: nobody needs the work any more."""
        return self._is_finishing

    def follow(self, silence_s: float) -> Iterator[Optional[ProgressEvent]]:
        """Yield the present progress event, then each newer one, until the generation ends.

        Yields None after each silence of `silence_s`, and nothing if the generation has ended. Who
        is slow misses events, never the end.
        """
        with self._changed:
            seen = None if self.end is None else self.event
        while True:
            with self._changed:
                if self.event is seen and self.end is None:
                    self._changed.wait(silence_s)
                event, end = self.event, self.end
            if event is not seen:
                yield event
            elif end is not None:
                return
            else:
                yield None
            seen = event

    def wait(self) -> End:
        """Return how the generation ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.end is not None)
        assert self.end is not None
        return self.end

    def succeeded(self, result: Dict[str, Any]) -> End:
        """Return the end of a generation that has made a model."""
        return self._end(SUCCEEDED, result, None)

    def failed(self, error: Exception) -> End:
        """Return the end of a generation that made none, for that reason.

        Its status is QUEUED where the generation goes on, and only those who wait hear the error.
        """
        status = CANCELLED if isinstance(error, GenerationCancelled) else FAILED
        if isinstance(error, DreamLabError) and not error.ends_generation:
            status = QUEUED
        return self._end(status, None, to_dict(error))

    def _end(self, status: str, result: Any, error: Any) -> End:
        return {
            "status": status,
            "started": self.started,
            "ended": timestamp(time.time()),
            "result": result,
            "error": error,
        }
