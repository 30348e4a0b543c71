"""The interface of what makes the models, and its default: a Gradio server called from here."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, ContextManager, Dict, Iterator, Optional, Protocol
from typing import Counter as CounterType

from dreamlab import metrics
from dreamlab.errors import GenerationTimeout, GeneratorBusy
from dreamlab.generation.run import generate_model
from dreamlab.generation.running import RunningGeneration
from dreamlab.generation.service import Service
from dreamlab.generation.views import Generation
from dreamlab.settings import Settings
from dreamlab.space.progress import ProgressEvent
from dreamlab.space.quota import GpuQuota
from dreamlab.storage.records import End
from dreamlab.storage.session import Session

LIMIT_REACHED = "Too many models are being made at the moment. Try again soon."
SESSION_LIMIT_REACHED = "Too many models are being made in this session."


class Generator(Protocol):
    """Runs the generations that are accepted."""

    def slot(self, session: Session, generation_id: str) -> ContextManager[None]:
        """Hold a slot for one generation. Raises GeneratorBusy and GeneratorUnavailable."""

    def reserve(self, session: Session, filename: str) -> Optional[str]:
        """Return a reserved name for a model that more than one attempt may make."""

    def run(self, generation: Generation, running: RunningGeneration) -> End:
        """Make one attempt in a slot that is held: generate and stage a model. Return its end."""

    def progress(self, generation_id: str) -> Optional[ProgressEvent]:
        """Return the progress of a generation that another process has accepted, if it is known."""

    def cancel(self, generation_id: str) -> None:
        """Stop the work for a generation that was cancelled."""

    def is_abandoned(self, generation_id: str) -> bool:
        """Return whether no process waits any more for a generation that has not ended."""

    def health(self) -> Dict[str, Any]:
        """Return what the health route says of the generator, without waiting for it."""

    def close(self) -> None:
        """End the waiting for all generations. They go on at the next start."""


class Capacity:
    """At most `limit` generations in flight, and `per_session` of one session."""

    def __init__(self, limit: int, per_session: Optional[int] = None) -> None:
        self._limit = limit
        self._in_flight = 0
        self._per_session = per_session or limit
        self._by_session: CounterType[str] = Counter()
        self._jobs: Dict[str, Future[Any]] = {}
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
            job = self._jobs.pop(generation_id, None)
            if job is None:
                self._release(session)
            else:
                job.add_done_callback(lambda _: self._release(session))

    def keep_until_done(self, generation_id: str, job: Future[Any]) -> None:
        """Keep the slot of a generation until the job that the generator still runs has ended."""
        self._jobs[generation_id] = job

    def _release(self, session: Session) -> None:
        with self._lock:
            self._in_flight -= 1
            self._by_session[session.id] -= 1
            self._by_session += Counter()  # drops the sessions with a count of zero
        metrics.change_in_flight(-1)


class InProcessGenerator:
    """A Generator that calls its service in the thread that runs the generation."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._quota = GpuQuota(settings)
        self._capacity = Capacity(settings.max_generations, settings.max_generations_per_session)
        self.slot = self._capacity.slot
        self.close = service.close

    def reserve(self, session: Session, filename: str) -> Optional[str]:
        """Return None: there is one attempt at a time, which reserves the name at its end."""
        return None

    def run(self, generation: Generation, running: RunningGeneration) -> End:
        """Make one attempt. A job that goes on after its time limit keeps the slot."""
        try:
            result = generate_model(
                generation, self._service, self._settings, running.report, running.is_over
            )
        except GenerationTimeout as error:
            if error.job is not None:
                self._capacity.keep_until_done(generation.id, error.job)
            raise
        return running.succeeded(result)

    def progress(self, generation_id: str) -> Optional[ProgressEvent]:
        """Return None: no other process knows it."""
        return None

    def cancel(self, generation_id: str) -> None:
        """Do nothing: the thread that runs it sees that it is over."""

    def is_abandoned(self, generation_id: str) -> bool:
        """Return True: only one process has the sessions."""
        return True

    def health(self) -> Dict[str, Any]:
        """Return what the service and the limits say."""
        state, reason = self._service.health()
        quota = self._quota.last()
        return {
            "engine": self._service.engine,
            "generator": state,
            "reason": reason,
            **self._capacity.health(),
            **({} if quota is None else {"gpu_quota": quota}),
        }
