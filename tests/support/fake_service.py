"""A generator without a server, for tests of what is around it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from dreamlab.errors import GenerationCancelled, Stopping
from dreamlab.options import Options
from dreamlab.space.outputs import GeneratedModel
from dreamlab.space.progress import IsCancelled, OnProgress, Progress
from support.models import glb_bytes


class FakeService:
    """Writes `model`, or raises `error`. A test that clears `release` makes generations wait."""

    engine = "fake"

    def __init__(self, model: bytes = b"") -> None:
        self.model = model or glb_bytes()
        self.error: Optional[Exception] = None
        self.size_guess_cm: Optional[Dict[str, float]] = None
        self.started, self.release = threading.Event(), threading.Event()
        self.release.set()
        self._closed = threading.Event()

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress,
        is_cancelled: IsCancelled,
    ) -> GeneratedModel:
        on_progress(Progress(0.4, "shape"))
        self.started.set()
        while not self.release.wait(0.01):
            if is_cancelled():
                raise GenerationCancelled
            if self._closed.is_set():
                raise Stopping
        if self.error is not None:
            raise self.error
        target.write_bytes(self.model)
        return GeneratedModel(options.seed, (), False, self.size_guess_cm)

    def health(self) -> Tuple[str, Any]:
        return "ready", None

    def close(self) -> None:
        self._closed.set()
