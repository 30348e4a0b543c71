"""The real size of a model, and where its origin is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

SIDES = ("width", "height", "depth")


@dataclass(frozen=True)
class Size:
    """The size that a model is given along x, y and z. None leaves an axis to the others.

    `origin` is `floor` or `center`. With a size and no origin, it is `floor`.
    """

    width_cm: Optional[float] = None
    height_cm: Optional[float] = None
    depth_cm: Optional[float] = None
    origin: Optional[str] = None

    @property
    def has_sides(self) -> bool:
        """Whether a side is given."""
        return any(each is not None for each in (self.width_cm, self.height_cm, self.depth_cm))

    @property
    def is_given(self) -> bool:
        """Whether a model changes by it."""
        return self != Size()
