"""Random choices of the catalogue, and what a piece is."""

from __future__ import annotations

from typing import Any, List, NamedTuple

import numpy as np

from local_space.training.parts import Part


class Piece(NamedTuple):
    """A piece of furniture: its class, and its parts in centimetres, standing anywhere."""

    kind: str
    parts: List[Part]


class Dice:
    """A seeded source of proportions."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]
