"""Silhouettes from several sides to the field of their visual hull.

The silhouettes are cropped, brought to one scale and turned into signed distances to their
outlines; a point is inside where all views say so (visual hull: Laurentini, IEEE PAMI 16(2), 1994).
x is to the object's left, that is the right of the front view, y up (rows run down), z towards the
front view's camera.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Mapping

import numpy as np
from PIL import Image
from scipy import ndimage

from local_space.segmentation import bounding_box

# Cells of the longest side, per unit of the octree resolution.
_CELLS_PER_OCTREE = 0.75
# Cells of the longest side, at least.
_MIN_CELLS = 32
# Cells around the object, so that its surface is closed.
MARGIN = 2
# Pixels of a silhouette per cell while distances are taken.
_FINE = 3
# Gaussian over distances, in cells.
_SMOOTH = 0.6
# Opposite views that overlap less than this are no views of one object from opposite sides.
_MIN_AGREEMENT = 0.8
# What an opposite view may differ by before it takes anything away: pixels per pixel of the longer
# side, which is half a cell of the default resolution.
_TOLERANCE = 0.5 / 192


class NothingInCommon(ValueError):
    """No solid has all of these silhouettes."""


def field(silhouettes: Mapping[str, np.ndarray], octree_resolution: int) -> np.ndarray:
    """The field of the solid that fits `silhouettes`: (h, w) bool, `front` and one from a side.

    It has signed distances in cells, positive inside, (rows, columns, layers), with MARGIN cells
    around. Raises NothingInCommon.
    """
    views = {name: view[bounding_box(view)] for name, view in silhouettes.items()}
    views.update({name: views[name][:, ::-1] for name in ("back", "left") if name in views})
    front, side = _joined(views, "front", "back"), _joined(views, "right", "left")
    cells = max(_MIN_CELLS, round(octree_resolution * _CELLS_PER_OCTREE))
    # Sizes are relative to the height, which every view shows.
    across, deep = (view.shape[1] / view.shape[0] for view in (front, side))
    rows = max(2, round(cells / max(1.0, across, deep)))
    columns, layers = (max(2, round(rows * share)) for share in (across, deep))
    # SciPy lets other threads run meanwhile.
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(_distances, side, rows, layers)
        from_front = _distances(front, rows, columns)
        from_side = others.result()
    both = np.minimum(from_front[:, :, None], from_side[:, None, :])
    if both.max() <= 0:
        raise NothingInCommon
    return both


def _joined(views: Mapping[str, np.ndarray], name: str, opposite: str) -> np.ndarray:
    """The view `name` or `opposite`, or both: the second takes away what it does not show.

    It comes mirrored. If it disagrees altogether, it is left out.
    """
    first, *others = (views[each] for each in (name, opposite) if each in views)
    if not others:
        return first
    other = _resized(others[0], *first.shape)
    if (first & other).sum() < _MIN_AGREEMENT * (first | other).sum():
        return first
    thicker = max(1, round(_TOLERANCE * max(first.shape)))
    return first & ndimage.binary_dilation(other, iterations=thicker)


def _resized(silhouette: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The silhouette on another number of pixels, bool."""
    gray = Image.fromarray(silhouette.astype(np.uint8) * 255)
    return np.asarray(gray.resize((columns, rows), Image.Resampling.BOX)) >= 128


def _distances(silhouette: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Signed distance to the outline in cells, positive inside, with MARGIN cells all around.

    Parts thinner than a cell are widened to one: they would fall between the grid's points.
    """
    inside = np.pad(_resized(silhouette, rows * _FINE, columns * _FINE), MARGIN * _FINE)
    signed = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    # The outline lies between pixels: half a pixel nearer than the next one's centre.
    signed -= 0.5 * np.sign(signed)
    thin = inside & (ndimage.maximum_filter(signed, 2 * _FINE + 1) < _FINE / 2)
    if thin.any():
        near_thin = _FINE - ndimage.distance_transform_edt(~thin)
        signed = np.maximum(signed, near_thin)
    # Pixels of the photo are stairs.
    signed = ndimage.gaussian_filter(signed.astype(np.float32), _SMOOTH * _FINE)
    height, width = signed.shape
    means = signed.reshape(height // _FINE, _FINE, width // _FINE, _FINE).mean((1, 3))
    return (means / _FINE).astype(np.float32)
