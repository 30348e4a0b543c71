"""Silhouettes from several sides to a closed surface: their visual hull.

The hull is the zero level of a field of signed distances on a grid (positive inside). Visual hull:
Laurentini, IEEE PAMI 16(2), 1994. x is to the object's left, that is the right of the front view,
y up, z towards the front view's camera.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Mapping, Tuple

import numpy as np

from local_space import outlines, surface
from local_space.outlines import MARGIN, Grid
from local_space.surface import Mesh

# The longest side in cells, of the octree resolution that was asked for.
_CELLS_PER_OCTREE = 0.75
_MIN_CELLS = 32
# Both sides of a thing made on a lathe look the same.
_SAME = 0.93
# Of width and height: how thin and how high the stem of a turned thing is; how symmetric it is.
_STEM_WIDTH, _STEM_HEIGHT, _MIN_SYMMETRY = 0.3, 0.1, 0.85


class NothingInCommon(ValueError):
    """No solid has all of these silhouettes."""


def build(silhouettes: Mapping[str, np.ndarray], octree_resolution: int) -> Mesh:
    """The surface that fits `silhouettes`: (h, w) bool, `front` and one from a side at least.

    Raises NothingInCommon.
    """
    views = outlines.pair_up({name: view[outlines.box(view)] for name, view in silhouettes.items()})
    front, side = views["front"], views["side"]
    cells = max(_MIN_CELLS, round(octree_resolution * _CELLS_PER_OCTREE))
    # Sizes are relative to the height, which every view shows.
    across, deep = (view.shape[1] / view.shape[0] for view in (front, side))
    rows = max(2, round(cells / max(1.0, across, deep)))
    grid = Grid(rows, max(2, round(rows * across)), max(2, round(rows * deep)))
    field = _hull(front, side, grid)
    if field.max() <= 0:
        raise NothingInCommon
    if _is_turned(front, side, grid):
        _round_off(field, front, side, grid)
    return surface.extract(field, octree_resolution)


def _hull(front: np.ndarray, side: np.ndarray, grid: Grid) -> np.ndarray:
    # SciPy lets other threads run meanwhile.
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(outlines.distances, side, grid.rows, grid.layers)
        from_front = outlines.distances(front, grid.rows, grid.columns)
        from_side = others.result()
    return np.minimum(from_front[:, :, None], from_side[:, None, :])


def _is_turned(front: np.ndarray, side: np.ndarray, grid: Grid) -> bool:
    """Whether it was made on a lathe: one upright stem carries it, and both sides look the same."""
    shape = outlines.resized(front, grid.rows, grid.columns)
    single = outlines.run_counts(shape) == 1
    stem = single & (shape.sum(1) < _STEM_WIDTH * grid.columns)
    if single.mean() <= 0.9 or stem.sum() <= _STEM_HEIGHT * grid.rows:
        return False
    same = outlines.resized(front, grid.rows, grid.layers)
    other = outlines.resized(side, grid.rows, grid.layers)
    is_same = (same & other).sum() > _SAME * (same | other).sum()
    return bool(is_same and outlines.symmetry(shape) > _MIN_SYMMETRY)


def _round_off(field: np.ndarray, front: np.ndarray, side: np.ndarray, grid: Grid) -> None:
    """Make every level of the hull an ellipse, in place."""
    x, across = _levels(outlines.resized(front, grid.rows * 3, grid.columns * 3))
    z, deep = _levels(outlines.resized(side, grid.rows * 3, grid.layers * 3))
    columns = np.arange(field.shape[1])[None, :, None] - MARGIN
    layers = np.arange(field.shape[2])[None, None, :] - MARGIN
    away = np.hypot(
        (columns - x[:, None, None]) / across[:, None, None],
        (layers - z[:, None, None]) / deep[:, None, None],
    )
    ellipse = (1 - away) * np.minimum(across, deep)[:, None, None]
    np.minimum(field[MARGIN:-MARGIN], ellipse, out=field[MARGIN:-MARGIN])


def _levels(shape: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Middle and half width of each row of cells, of a silhouette three times as fine."""
    width = shape.sum(1)
    middle = (shape * np.arange(shape.shape[1])).sum(1) / np.maximum(1, width)
    middle = middle.reshape(-1, 3).mean(1) / 3 - 1 / 3
    half = width.reshape(-1, 3).mean(1) / 6
    return middle, np.maximum(half, 0.5)
