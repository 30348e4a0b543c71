"""What a generation needs of hunyuan_service: a Protocol, which tests can implement too."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Optional, Protocol, Tuple

from dreamlab.options import Options
from dreamlab.space.outputs import GeneratedModel
from dreamlab.space.progress import IsCancelled, OnProgress


class Service(Protocol):
    """One generator. Safe for threads."""

    @property
    def engine(self) -> str:
        """Its name: `local`, a Space's id or a URL."""

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress,
        is_cancelled: IsCancelled,
    ) -> GeneratedModel:
        """Write a model of the pictures of these sides to `target`. Raises GenerationError."""

    def health(self) -> Tuple[str, Optional[str]]:
        """Return `starting`, `ready` or `unreachable`, and what is wrong. Does not wait."""

    def close(self) -> None:
        """End the generations in flight, each with Stopping."""
