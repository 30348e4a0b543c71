"""Silhouettes to a closed surface: the visual hull of two views, the second guessed if need be.

The hull is the zero level of a field of signed distances on a grid (positive inside). Visual hull:
Laurentini, IEEE PAMI 16(2), 1994. x is to the object's left, that is the right of the front view,
y up, z towards the front view's camera.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Mapping, Optional, Tuple

import numpy as np

from local_space import hollows, outlines, surface
from local_space.one_view import guess_side, is_on_a_stem
from local_space.outlines import MARGIN, Grid
from local_space.surface import Mesh

# The longest side in cells, of the octree resolution that was asked for.
_CELLS_PER_OCTREE = 0.75
_MIN_CELLS = 32
# The depth of what a photo shows from a corner, of the silhouette's shorter side.
_PUFF = 0.4
# Both sides of a thing made on a lathe look the same.
_SAME = 0.93


class NothingInCommon(ValueError):
    """No solid has all of these silhouettes."""


def build(
    silhouettes: Mapping[str, np.ndarray],
    octree_resolution: int,
    photo: Optional[np.ndarray] = None,
) -> Mesh:
    """The surface that fits `silhouettes`: (h, w) bool under `front`, `back`, `left`, `right`.

    `photo` (h, w, 3) uint8 holds the front view's colours: what they show inside the silhouette
    is carved where the hull is too full. Raises NothingInCommon.
    """
    box = outlines.box(silhouettes["front"])
    views = outlines.pair_up({name: view[outlines.box(view)] for name, view in silhouettes.items()})
    front, side = views["front"], views.get("side")
    cells = max(_MIN_CELLS, round(octree_resolution * _CELLS_PER_OCTREE))
    # Sizes are relative to the height, which every view shows.
    across = front.shape[1] / front.shape[0]
    deep = side.shape[1] / side.shape[0] if side is not None else 0.0
    rows = max(2, round(cells / max(1.0, across, deep)))
    columns, layers = max(2, round(rows * across)), max(2, round(rows * deep))
    if side is None:
        guess = guess_side(front, rows, columns)
        if guess is None:
            return surface.extract(_puffed_up(front, rows, columns), octree_resolution)
        side, layers, is_round = guess
    else:
        is_round = _is_turned(front, side, rows, columns, layers)
    grid = Grid(rows, columns, layers)
    field = _hull(front, side, grid)
    if field.max() <= 0:
        raise NothingInCommon
    if is_round:
        _round_off(field, front, side, grid)
    if photo is not None and not is_round:
        hollows.carve(field, photo[box], front, side, grid)
    return surface.extract(field, octree_resolution)


def _hull(front: np.ndarray, side: np.ndarray, grid: Grid) -> np.ndarray:
    # SciPy lets other threads run meanwhile.
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(outlines.distances, side, grid.rows, grid.layers)
        from_front = outlines.distances(front, grid.rows, grid.columns)
        from_side = others.result()
    return np.minimum(from_front[:, :, None], from_side[:, None, :])


def _puffed_up(front: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A photo from a corner: flat in the middle, round at its rim, thin parts are tubes.

    Balls of one radius along the silhouette's medial axis (Blum, 1967), cut where it is thinner.
    """
    flat = outlines.distances(front, rows, columns)
    radius = max(1.5, _PUFF * min(rows, columns) / 2)
    layers = int(np.ceil(radius)) + MARGIN
    z = np.abs(np.arange(-layers, layers + 1, dtype=np.float32))
    return radius - np.hypot(np.maximum(radius - flat, 0)[:, :, None], z)


def _is_turned(front: np.ndarray, side: np.ndarray, rows: int, columns: int, layers: int) -> bool:
    if not is_on_a_stem(outlines.resized(front, rows, columns)):
        return False
    same = outlines.resized(front, rows, layers)
    other = outlines.resized(side, rows, layers)
    return bool((same & other).sum() > _SAME * (same | other).sum())


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
