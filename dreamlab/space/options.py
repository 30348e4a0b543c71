"""The options of one generation."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Optional

MAX_SEED = 10_000_000


def draw_seed() -> int:
    """Return a seed for a generation that gives none, so that it is always known."""
    return random.randint(0, MAX_SEED)


@dataclass(frozen=True)
class Options:
    """The options of one generation. None leaves the choice to the generator.

    Whether to remove the background is then left to the photos.
    """

    texture: bool = False
    remove_background: Optional[bool] = None
    caption: Optional[str] = None
    seed: int = field(default_factory=draw_seed)
    steps: Optional[int] = None
    guidance_scale: Optional[float] = None
    octree_resolution: Optional[int] = None
