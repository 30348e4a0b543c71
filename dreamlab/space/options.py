"""The options of one generation."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Mapping, Optional

from dreamlab.fields import MAX_SEED
from dreamlab.models.query import ModelQuery
from dreamlab.models.size import Size


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
    # What is made of the generator's model. The generator itself does not get these.
    width_cm: Optional[float] = None
    height_cm: Optional[float] = None
    depth_cm: Optional[float] = None
    auto_size: bool = False
    origin: Optional[str] = None
    max_faces: Optional[int] = None

    def query_for(self, guess_cm: Optional[Mapping[str, float]]) -> ModelQuery:
        """Return what is asked of a model of which the generator has guessed the size, or not."""
        size = Size(self.width_cm, self.height_cm, self.depth_cm, self.origin)
        if self.auto_size and guess_cm and not size.has_sides:
            size = Size(guess_cm["width"], guess_cm["height"], guess_cm["depth"], self.origin)
        return ModelQuery(size, self.max_faces)
