"""Silhouettes to a closed surface: a solid for one view, a visual hull for more.

Both are the zero level of a field of signed distances on a grid (positive inside), taken out with
marching cubes (Lewiner et al., «Efficient implementation of Marching Cubes' cases with topological
guarantees», 2003). Visual hull: Laurentini, IEEE PAMI 16(2), 1994. x is to the object's left, that
is the right of the front view, y up, z towards the front view's camera.
"""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, Optional

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.measure import marching_cubes

# Depth of a solid made of one view, and the radius of its rim, of the silhouette's shorter side.
DEPTH, RIM = 0.4, 0.06
# The longest side in cells, of the octree resolution that was asked for.
_CELLS_PER_OCTREE = 0.5
_MIN_CELLS = 32
_MARGIN = 2
# No surface point may fall on a grid point: its neighbours would become one when vertices merge.
_OFF_GRID = 1e-3


class Mesh(NamedTuple):
    """A closed triangle mesh, its longest side 1, centred."""

    vertices: np.ndarray  # (n, 3) float
    faces: np.ndarray  # (m, 3) int, counter-clockwise from outside
    normals: np.ndarray  # (n, 3) float
    uv: np.ndarray  # (n, 2) float: in the front silhouette's box, v up


def build(silhouettes: Mapping[str, np.ndarray], octree_resolution: int) -> Mesh:
    """The surface that fits `silhouettes`: (h, w) bool under `front`, `back`, `left`, `right`."""
    cells = max(_MIN_CELLS, round(octree_resolution * _CELLS_PER_OCTREE))
    cropped = {name: _crop(silhouette) for name, silhouette in silhouettes.items()}
    side = _side(cropped)
    # Sizes are relative to the height, which every view shows.
    height, width = cropped["front"].shape
    across = width / height
    deep = side.shape[1] / side.shape[0] if side is not None else DEPTH * min(1.0, across)
    rows = max(1, round(cells / max(1.0, across, deep)))
    columns = max(1, round(rows * across))
    front = _distances(cropped["front"], rows, columns)
    if "back" in cropped:
        front = np.minimum(front, _distances(cropped["back"][:, ::-1], rows, columns))
    if side is not None:
        layers = max(1, round(rows * deep))
        field = np.minimum(front[:, :, None], _distances(side, rows, layers)[:, None, :])
    else:
        field = _solid(front, rows)
    return _surface(field, rows, columns)


def _crop(silhouette: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(silhouette.any(1)), np.flatnonzero(silhouette.any(0))
    return silhouette[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _side(cropped: Dict[str, np.ndarray]) -> Optional[np.ndarray]:
    """The silhouette from the side, with the front (+z) at its right edge."""
    left = cropped["left"][:, ::-1] if "left" in cropped else None
    right = cropped.get("right")
    if left is None or right is None:
        return left if right is None else right
    height, width = right.shape
    same_size = Image.fromarray(left).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(same_size) & right


def _distances(silhouette: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Signed distance to the outline in cells, (rows, columns) plus a margin on each side."""
    fine = 2
    size = (columns * fine, rows * fine)
    resized = Image.fromarray(silhouette.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    inside = np.pad(np.asarray(resized) >= 128, _MARGIN * fine)
    signed = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    # The outline lies between pixels: half a pixel nearer than the next one's centre.
    signed -= 0.5 * np.sign(signed)
    height, width = signed.shape
    means: np.ndarray = signed.reshape(height // fine, fine, width // fine, fine).mean((1, 3))
    return means / fine


def _solid(front: np.ndarray, rows: int) -> np.ndarray:
    """The front view pushed through, its rim rounded: the extrusion of a rounded 2D distance."""
    shorter = min(side - 2 * _MARGIN for side in front.shape)
    half = max(1.5, DEPTH * shorter / 2)
    rim = RIM * shorter
    layers = int(np.ceil(half)) + _MARGIN
    z = np.abs(np.arange(-layers, layers + 1))
    flat = rim - front[:, :, None]
    deep = (z - half + rim)[None, None, :]
    outside = np.hypot(np.maximum(flat, 0), np.maximum(deep, 0))
    field: np.ndarray = rim - outside - np.minimum(np.maximum(flat, deep), 0)
    return field


def _surface(field: np.ndarray, rows: int, columns: int) -> Mesh:
    field = np.where(np.abs(field) < _OFF_GRID, _OFF_GRID, field).astype(np.float32)
    points, faces, normals, _ = marching_cubes(field, 0.0)
    y, x, z = points.T
    uv = np.column_stack([(x - _MARGIN + 0.5) / columns, 1 - (y - _MARGIN + 0.5) / rows])
    vertices = np.column_stack([x, -y, z])
    low, high = vertices.min(0), vertices.max(0)
    vertices = (vertices - (low + high) / 2) / (high - low).max()
    normals = np.column_stack([normals[:, 1], -normals[:, 0], normals[:, 2]])
    return Mesh(vertices, faces[:, ::-1], normals, np.clip(uv, 0.0, 1.0))
