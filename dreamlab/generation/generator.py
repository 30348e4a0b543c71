"""What the routes ask for models: a Generator, by default one inside this process."""

from __future__ import annotations

from typing import Any, ContextManager, Dict, Protocol

from dreamlab.errors import GenerationTimeout
from dreamlab.generation.limits import Capacity
from dreamlab.generation.run import GeneratedModel, Generation, run
from dreamlab.settings import Settings
from dreamlab.space.progress import OnProgress, ignore_progress
from dreamlab.storage.session import Session
from hunyuan_service import HunyuanService


class Generator(Protocol):
    """Runs the generations that the routes accept."""

    def slot(self, session: Session) -> ContextManager[str]:
        """Hold a slot for one generation, whose new id it yields. Raises GeneratorBusy."""

    def run(self, generation: Generation, on_progress: OnProgress = ...) -> GeneratedModel:
        """Generate and save one model in a slot that is held. Raises what `run.run` raises."""

    def health(self) -> Dict[str, Any]:
        """Return what the health route says of the generator, without waiting for it."""

    def close(self) -> None:
        """End the generations that wait, each with GeneratorUnavailable."""


class InProcessGenerator:
    """A Generator that runs each generation in the thread that asks for it."""

    def __init__(self, service: HunyuanService, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._capacity = Capacity(settings.max_generations, settings.max_generations_per_session)
        self.slot = self._capacity.slot
        self.close = service.close

    def run(
        self, generation: Generation, on_progress: OnProgress = ignore_progress
    ) -> GeneratedModel:
        try:
            return run(generation, self._service, self._settings, on_progress)
        except GenerationTimeout as error:
            if error.unfinished is not None:
                self._capacity.hold(generation.id, error.unfinished)
            raise

    def health(self) -> Dict[str, Any]:
        state, reason = self._service.health()
        return {
            "engine": self._service.engine,
            "generator": state,
            "reason": reason,
            **self._capacity.health(),
        }
