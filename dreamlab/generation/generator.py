"""What makes the models: a Generator, by default one inside this process."""

from __future__ import annotations

from typing import Any, ContextManager, Dict, Optional, Protocol

from dreamlab.errors import GenerationTimeout
from dreamlab.generation.limits import Capacity
from dreamlab.generation.run import Generation, complete, run
from dreamlab.generation.unfinished import Unfinished
from dreamlab.settings import Settings
from dreamlab.space.progress import ProgressEvent
from dreamlab.space.quota import GpuQuota
from dreamlab.storage.generations import End
from dreamlab.storage.session import Session
from hunyuan_service import HunyuanService


class Generator(Protocol):
    """Runs the generations that are accepted."""

    def slot(self, session: Session, generation_id: str) -> ContextManager[None]:
        """Hold a slot for one generation. Raises GeneratorBusy and GeneratorUnavailable."""

    def reserve(self, session: Session, filename: str) -> Optional[str]:
        """Return a reserved name for a model that more than one attempt may make."""

    def run(self, generation: Generation, unfinished: Unfinished) -> End:
        """Generate and save one model in a slot that is held. Return how that ended."""

    def progress(self, generation_id: str) -> Optional[ProgressEvent]:
        """Return the progress of a generation that another process has accepted, if it is known."""

    def cancel(self, generation_id: str) -> None:
        """Stop the work for a generation that has ended already."""

    def is_abandoned(self, generation_id: str) -> bool:
        """Return whether no process waits any more for a generation that has not ended."""

    def health(self) -> Dict[str, Any]:
        """Return what the health route says of the generator, without waiting for it."""

    def close(self) -> None:
        """End the waiting for all generations. They go on at the next start."""


class InProcessGenerator:
    """A Generator that runs each generation in the thread that asks for it."""

    def __init__(self, service: HunyuanService, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._quota = GpuQuota(settings)
        self._capacity = Capacity(settings.max_generations, settings.max_generations_per_session)
        self.slot = self._capacity.slot
        self.close = service.close

    def reserve(self, session: Session, filename: str) -> Optional[str]:
        return None

    def run(self, generation: Generation, unfinished: Unfinished) -> End:
        return complete(
            generation.session, unfinished, lambda: self._attempt(generation, unfinished)
        )

    def _attempt(self, generation: Generation, unfinished: Unfinished) -> End:
        try:
            result = run(
                generation, self._service, self._settings, unfinished.report, unfinished.has_ended
            )
        except GenerationTimeout as error:
            if error.unfinished is not None:
                self._capacity.hold(generation.id, error.unfinished)
            raise
        return unfinished.succeeded(result)

    def progress(self, generation_id: str) -> Optional[ProgressEvent]:
        return None

    def cancel(self, generation_id: str) -> None:
        """Do nothing: the thread that runs it sees that it has ended."""

    def is_abandoned(self, generation_id: str) -> bool:
        return True

    def health(self) -> Dict[str, Any]:
        state, reason = self._service.health()
        quota = self._quota.last()
        return {
            "engine": self._service.engine,
            "generator": state,
            "reason": reason,
            **self._capacity.health(),
            **({} if quota is None else {"gpu_quota": quota}),
        }
