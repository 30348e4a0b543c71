"""Silhouettes on one scale: cropped, compared, turned into signed distances on a grid.

x is to the right of the front view, y up (rows run down), z towards the front view's camera.
"""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

import numpy as np
from PIL import Image
from scipy import ndimage

# Cells around the object, so that its surface is closed.
MARGIN = 2
# Pixels of a silhouette per cell while distances are taken.
_FINE = 3
# Gaussian over distances, in cells.
_SMOOTH = 0.6
# Opposite views that overlap less than this are no views of one object from opposite sides.
_MIN_AGREEMENT = 0.8
# What an opposite view may differ by, in cells, before it takes anything away.
_TOLERANCE = 0.5

Box = Tuple[slice, slice]


def box(silhouette: np.ndarray) -> Box:
    """The bounding box of a (h, w) bool silhouette."""
    rows, columns = np.flatnonzero(silhouette.any(1)), np.flatnonzero(silhouette.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def resized(silhouette: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The silhouette on another number of pixels, bool."""
    gray = Image.fromarray(silhouette.astype(np.uint8) * 255)
    return np.asarray(gray.resize((columns, rows), Image.Resampling.BOX)) >= 128


def pair_up(cropped: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """`front` and `side` (its front at the right) of the views there are, opposite ones joined.

    An opposite view takes away what it does not show; one that disagrees altogether is left out.
    """
    seen_from_front = {
        "front": cropped.get("front"),
        "back": cropped["back"][:, ::-1] if "back" in cropped else None,
    }
    seen_from_right = {
        "right": cropped.get("right"),
        "left": cropped["left"][:, ::-1] if "left" in cropped else None,
    }
    pairs = {}
    for name, views in (("front", seen_from_front), ("side", seen_from_right)):
        given = [view for view in views.values() if view is not None]
        if given:
            pairs[name] = given[0] if len(given) == 1 else _joined(*given)
    return pairs


def _joined(first: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    other = resized(opposite, *first.shape)
    if (first & other).sum() < _MIN_AGREEMENT * (first | other).sum():
        return first
    thicker = max(1, round(_TOLERANCE * max(first.shape) / 192))
    return first & ndimage.binary_dilation(other, iterations=thicker)


def distances(silhouette: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Signed distance to the outline in cells, positive inside, with MARGIN cells all around.

    Parts thinner than a cell are widened to one: they would fall between the grid's points.
    """
    inside = np.pad(resized(silhouette, rows * _FINE, columns * _FINE), MARGIN * _FINE)
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
