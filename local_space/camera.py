"""The camera of a photo: where it stands around the object, and where a point falls on its pixels.

The frame of the object: its bounding box is centred on the origin and its longest side is 1. x
points to the object's own left, y up and z to its front.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

import numpy as np

from local_space.segmentation import bounding_box

# Degrees around the object of the four orthographic views.
AROUND = {"front": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}


class Camera(NamedTuple):
    """A pinhole camera whose axis goes through the origin, or an orthographic one.

    It stands in the direction (sin(around) cos(above), sin(above), cos(around) cos(above)): at 0
    and 0 it sees the front, at 90 degrees around it sees the object's left side. The image's up is
    the object's up. A shifted centre stands for a photo that was cropped.
    """

    around: float  # degrees about y, from the front towards the object's left
    above: float  # degrees above the horizon
    nearness: float  # 1 / distance from the origin, 0 for an orthographic camera
    scale: float  # pixels that a length of 1 has at the distance of the origin
    centre: Tuple[float, float]  # where the origin falls: pixels from the left, from the top

    def rotation(self) -> np.ndarray:
        """The matrix (3, 3) from the object's axes to the image's right and up and the camera."""
        turn, tilt = np.radians([self.around, self.above])
        about_y = [[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]]
        about_x = [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
        return np.asarray(about_x) @ np.asarray(about_y)

    def position(self) -> np.ndarray:
        """Where the camera is, (3,). An orthographic one is far away."""
        return self.rotation()[2] / max(self.nearness, 1e-6)

    def project(self, points: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(u, v, depth) of points (..., 3), each (...).

        u and v are pixels from the left and from the top edge: the middle of the first pixel is
        0.5. depth is the length from the origin towards the camera: larger is nearer.
        """
        turned = points @ self.rotation().T
        depth = turned[..., 2]
        pixels = self.scale / (1 - depth * self.nearness)
        return (
            self.centre[0] + turned[..., 0] * pixels,
            self.centre[1] - turned[..., 1] * pixels,
            depth,
        )


def framed(
    around: float, above: float, nearness: float, points: np.ndarray, silhouette: np.ndarray
) -> Camera:
    """The camera from there that shows `points` in the bounding box of `silhouette` (h, w) bool.

    The middles of both boxes coincide; the scale is the mean of the width's and the height's.
    """
    rows, columns = bounding_box(silhouette)
    low, high = np.array([columns.start, rows.start]), np.array([columns.stop, rows.stop])
    u, v, _ = Camera(around, above, nearness, 1.0, (0.0, 0.0)).project(points)
    first, last = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    scale = float(np.sqrt(np.prod((high - low) / np.maximum(last - first, 1e-9))))
    centre = (low + high) / 2 - scale * (first + last) / 2
    return Camera(around, above, nearness, scale, (float(centre[0]), float(centre[1])))
