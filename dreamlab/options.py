"""The options of one generation, one row each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any, Dict, Mapping, Optional

from dreamlab.fields import MAX_SEED, MODEL, Parser, boolean, caption, integer, positive
from dreamlab.models.query import ModelQuery
from dreamlab.models.size import Size


def option(parse: Parser, default: Any = None, sent_as: str = "", **more: Any) -> Any:
    """Return the field of an option: its parser, its default, its name at the generator if any."""
    if "default_factory" not in more:
        more["default"] = default
    return field(metadata={"parse": parse, "sent_as": sent_as}, **more)


def draw_seed() -> int:
    """Return a seed for a generation that gives none, so that it is always known."""
    return random.randint(0, MAX_SEED)


@dataclass(frozen=True)
class Options:
    """The options of one generation. None leaves the choice to the generator.

    Whether to remove the background is then left to the photos.
    """

    texture: bool = option(boolean, False)
    remove_background: Optional[bool] = option(boolean, sent_as="check_box_rembg")
    caption: Optional[str] = option(caption, sent_as="caption")
    seed: int = option(integer(0, MAX_SEED), sent_as="seed", default_factory=draw_seed)
    steps: Optional[int] = option(integer(1, 100), sent_as="steps")
    guidance_scale: Optional[float] = option(positive, sent_as="guidance_scale")
    octree_resolution: Optional[int] = option(integer(16, 512), sent_as="octree_resolution")
    # What is made of the generator's model. The generator itself does not get these.
    width_cm: Optional[float] = option(MODEL["width_cm"])
    height_cm: Optional[float] = option(MODEL["height_cm"])
    depth_cm: Optional[float] = option(MODEL["depth_cm"])
    auto_size: bool = option(boolean, False)
    origin: Optional[str] = option(MODEL["origin"])
    max_faces: Optional[int] = option(MODEL["max_faces"])

    def query_for(self, guess_cm: Optional[Mapping[str, float]]) -> ModelQuery:
        """Return what is asked of a model of which the generator has guessed the size, or not."""
        size = Size(self.width_cm, self.height_cm, self.depth_cm, self.origin)
        if self.auto_size and guess_cm and not size.has_sides:
            size = Size(guess_cm["width"], guess_cm["height"], guess_cm["depth"], self.origin)
        return ModelQuery(size, self.max_faces)

    def sent(self) -> Dict[str, Any]:
        """Return the options that the generator gets, by the names that it has for them."""
        rows = fields(self)
        names = {row.name: row.metadata["sent_as"] for row in rows if row.metadata["sent_as"]}
        return {sent_as: getattr(self, name) for name, sent_as in names.items()}


PARSERS: Dict[str, Parser] = {row.name: row.metadata["parse"] for row in fields(Options)}
