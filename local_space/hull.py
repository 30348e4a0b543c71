"""Silhouettes from several sides to the field of their visual hull.

The field has signed distances on a grid (positive inside). Visual hull: Laurentini, IEEE PAMI
16(2), 1994. x is to the object's left, that is the right of the front view, y up, z towards the
front view's camera.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Mapping

import numpy as np

from local_space import outlines

# The longest side in cells, of the octree resolution that was asked for.
_CELLS_PER_OCTREE = 0.75
_MIN_CELLS = 32


class NothingInCommon(ValueError):
    """No solid has all of these silhouettes."""


def hull(silhouettes: Mapping[str, np.ndarray], octree_resolution: int) -> np.ndarray:
    """The field of the solid that fits `silhouettes`: (h, w) bool, `front` and one from a side.

    It is (rows, columns, layers), in cells, with outlines.MARGIN around it. Raises NothingInCommon.
    """
    views = outlines.pair_up({name: view[outlines.box(view)] for name, view in silhouettes.items()})
    front, side = views["front"], views["side"]
    cells = max(_MIN_CELLS, round(octree_resolution * _CELLS_PER_OCTREE))
    # Sizes are relative to the height, which every view shows.
    across, deep = (view.shape[1] / view.shape[0] for view in (front, side))
    rows = max(2, round(cells / max(1.0, across, deep)))
    columns, layers = (max(2, round(rows * share)) for share in (across, deep))
    # SciPy lets other threads run meanwhile.
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(outlines.distances, side, rows, layers)
        from_front = outlines.distances(front, rows, columns)
        from_side = others.result()
    field = np.minimum(from_front[:, :, None], from_side[:, None, :])
    if field.max() <= 0:
        raise NothingInCommon
    return field
