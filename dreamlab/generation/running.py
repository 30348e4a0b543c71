"""A generation that has not ended, as this process knows it: its progress, and who waits for it."""

from __future__ import annotations

import threading
import time
from typing import Callable, Iterator, Optional

from dreamlab.clock import timestamp
from dreamlab.errors import DreamLabError, Failure, GenerationCancelled, from_dict, to_dict
from dreamlab.space.progress import Progress, ProgressEvent
from dreamlab.storage.records import End, Result

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"


class RunningGeneration:
    """The progress of one generation, for any number of threads that wait for its end.

    The waiting is over when the generation has ended, or when it was interrupted: this process
    stops or has lost sight of it, and it goes on later or elsewhere.
    """

    def __init__(self, generation_id: str) -> None:
        self.id = generation_id
        self.event: Optional[ProgressEvent] = None
        self.started: Optional[str] = None
        self.end: Optional[End] = None
        self.interruption: Optional[DreamLabError] = None
        self._release_slot: Callable[[], None] = lambda: None
        self._is_finishing = False
        self._is_over = False
        self._changed = threading.Condition()

    def take_slot(self, release: Callable[[], None]) -> None:
        """Keep a slot of the generator, which is released just before the waiting is over."""
        with self._changed:
            if not self._is_finishing:
                self._release_slot = release
                return
        release()

    def report(self, event: ProgressEvent) -> None:
        """Take the newest progress event."""
        with self._changed:
            if self.started is None and isinstance(event, Progress):
                self.started = timestamp(time.time())
            self.event = event
            self._changed.notify_all()

    def finish(self, end: End, count: Callable[[], None] = lambda: None) -> bool:
        """Tell all who wait how the generation ended. Return False if the waiting was over before.

        Calls `count` before anybody hears of the end.
        """
        if not self._begin_to_finish():
            return False
        count()
        self._tell(end, None)
        return True

    def interrupt(self, error: DreamLabError) -> None:
        """Tell all who wait that they have to come back for the end."""
        if self._begin_to_finish():
            self._tell(None, error)

    def _begin_to_finish(self) -> bool:
        with self._changed:
            is_first, self._is_finishing = not self._is_finishing, True
        return is_first

    def _tell(self, end: Optional[End], interruption: Optional[DreamLabError]) -> None:
        self._release_slot()
        with self._changed:
            self.end, self.interruption, self._is_over = end, interruption, True
            self._changed.notify_all()

    def is_over(self) -> bool:
        """Return whether nobody needs the work of this process any more."""
        return self._is_finishing

    def follow(self, silence_s: float) -> Iterator[Optional[ProgressEvent]]:
        """Yield the present progress event, then each newer one, until the waiting is over.

        Yields None after each silence of `silence_s`, and nothing if it is over already. A slow
        reader misses events, never the end.
        """
        with self._changed:
            seen = self.event if self._is_over else None
        while True:
            with self._changed:
                if self.event is seen and not self._is_over:
                    self._changed.wait(silence_s)
                event, is_over = self.event, self._is_over
            if event is not seen:
                yield event
            elif is_over:
                return
            else:
                yield None
            seen = event

    def wait(self) -> Result:
        """Return the result of the generation. Raises the error of its end or interruption."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over)
        if self.interruption is not None:
            raise self.interruption
        assert self.end is not None
        if self.end["error"] is not None:
            raise from_dict(self.end["error"])
        assert self.end["result"] is not None
        return self.end["result"]

    def succeeded(self, result: Result) -> End:
        """Return the end of the generation that has made a model."""
        return self._end(SUCCEEDED, result, None)

    def failed(self, error: Exception) -> End:
        """Return the end of the generation that made none, for that reason."""
        status = CANCELLED if isinstance(error, GenerationCancelled) else FAILED
        return self._end(status, None, to_dict(error))

    def _end(self, status: str, result: Optional[Result], error: Optional[Failure]) -> End:
        return {
            "status": status,
            "started": self.started,
            "ended": timestamp(time.time()),
            "result": result,
            "error": error,
        }
