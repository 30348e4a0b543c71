"""The camera of a photo: a perspective that looks at the middle of a piece of furniture.

The piece is in its canonical frame: centred, longest side 1, x to its left, y up, z to its front.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Camera(NamedTuple):
    """Where a photo was taken from, and where the piece is in it."""

    around: float  # degrees from the front towards the piece's left side
    above: float  # degrees above the horizon
    nearness: float  # one over the distance, in longest sides of the piece; 0 is orthographic
    scale: float  # pixels per longest side, at the distance of the piece's middle
    across: float  # pixel column of the middle
    down: float  # pixel row of the middle

    def rotation(self) -> np.ndarray:
        """(3, 3): from the canonical frame to right, up and towards the camera."""
        turn, tilt = np.radians(self.around), np.radians(self.above)
        about_y = np.array(
            [[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]]
        )
        about_x = np.array(
            [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
        )
        return np.asarray(about_x @ about_y)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixel column and row (n, 2) of points (n, 3); pixel centres lie at halves."""
        turned = points @ self.rotation().T
        nearer = self.scale / (1 - self.nearness * turned[:, 2])
        return np.column_stack([self.across + turned[:, 0] * nearer, self.down - turned[:, 1] * nearer])
