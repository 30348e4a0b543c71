"""Which pixels triangles cover, by scan lines: the work grows with the pixels that are covered."""

from __future__ import annotations

from typing import Tuple

import numpy as np

Pixels = Tuple[np.ndarray, np.ndarray, np.ndarray]


def covered(corners: np.ndarray, height: int, width: int) -> Pixels:
    """(triangle, row, column) of each pixel whose middle lies in one of `corners` (m, 3, 2).

    Corners are (u, v) in pixels from the left and from the top. Each result is (n,) int; a pixel
    that several triangles cover comes several times.
    """
    u, v = corners[..., 0], corners[..., 1]
    triangle, row = _ranges(v.min(1), v.max(1), height)
    left = np.full(len(row), np.inf)
    right = -left
    for start, end in ((0, 1), (1, 2), (2, 0)):
        begin, rise = v[triangle, start], (v[:, end] - v[:, start])[triangle]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (row + 0.5 - begin) / rise
        crossed = (share >= 0) & (share <= 1)
        at = u[triangle, start] + share * (u[:, end] - u[:, start])[triangle]
        left = np.where(crossed, np.minimum(left, at), left)
        right = np.where(crossed, np.maximum(right, at), right)
    empty = left > right
    left[empty], right[empty] = 1.0, 0.0
    line, column = _ranges(left, right, width)
    return triangle[line], row[line], column


def weights(corners: np.ndarray, pixels: Pixels) -> np.ndarray:
    """The barycentric weights (n, 3) of the pixels' middles; none is negative."""
    triangle, row, column = pixels
    (ax, ay), (bx, by), (cx, cy) = (corners[:, corner].T for corner in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    area = np.where(np.abs(area) < 1e-9, np.inf, area)
    x, y = column + 0.5 - ax[triangle], row + 0.5 - ay[triangle]
    second = (x * ((cy - ay) / area)[triangle] - y * ((cx - ax) / area)[triangle]).clip(0, 1)
    third = (y * ((bx - ax) / area)[triangle] - x * ((by - ay) / area)[triangle]).clip(0, 1)
    over = np.maximum(second + third, 1)
    second, third = second / over, third / over
    return np.stack([1 - second - third, second, third], 1)


def _ranges(low: np.ndarray, high: np.ndarray, most: int) -> Tuple[np.ndarray, np.ndarray]:
    """(index of the range, pixel) for all pixels whose middles lie in each of the ranges."""
    first = np.ceil(low - 0.5).clip(0, most).astype(np.int64)
    count = (np.floor(high - 0.5).clip(-1, most - 1).astype(np.int64) - first + 1).clip(0)
    index = np.repeat(np.arange(len(low)), count)
    return index, np.arange(len(index)) - (np.cumsum(count) - count - first)[index]
