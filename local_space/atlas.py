"""Cuts a mesh into charts and packs these: every point of the surface has its own texel.

A chart is a connected piece of the surface that looks along one of the six directions of the axes,
and is projected along it: furniture is boards and boxes, so most charts are not distorted at all.
"""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from local_space import raster

# Texels between charts; half of them take the chart's colours, so that no seam shows from afar.
_GUTTER = 4
# How often each face may change to the direction of its neighbours: fewer charts, fewer seams.
_ROUNDS = 8
# What a neighbour adds to the cosine between the face and the neighbour's direction.
_NEIGHBOURS = 0.3
# A face never takes a direction with a smaller cosine than this.
_LEAST_FACING = 0.2
# The two axes that a chart along each axis is drawn on.
_ACROSS = ((2, 1), (0, 2), (0, 1))


class Atlas(NamedTuple):
    """The cut mesh, and where each of its texels lies on the surface."""

    vertex: np.ndarray  # (n,) int: the mesh's vertex of each of the cut mesh's
    faces: np.ndarray  # (m, 3) int: of the cut mesh
    uv: np.ndarray  # (n, 2) float: texels from the left and from the top
    direction: np.ndarray  # (m,) int: where each face's chart looks, x, y, z, -x, -y or -z
    shape: Tuple[int, int]  # height and width in texels
    texels: np.ndarray  # (t,) int: index of each used texel of the flat image
    face: np.ndarray  # (t,) int: its face
    weights: np.ndarray  # (t, 3) float: of the face's corners


def unwrap(vertices: np.ndarray, faces: np.ndarray, density: float, side: int) -> Atlas:
    """An atlas of `density` texels a length of 1, of less where it would be larger than `side`."""
    direction, chart = _charts(vertices, faces)
    vertex, of_chart, cut = _cut(faces, chart)
    axis = np.zeros(chart.max() + 1, int)
    axis[chart] = direction % 3
    flat = np.take_along_axis(vertices[vertex], np.array(_ACROSS)[axis[of_chart]], 1)
    low, size = _boxes(flat, of_chart)
    # Charts lie on their long side, so that they fill the shelves.
    upright = size[:, 1] > size[:, 0]
    size[upright] = size[upright, ::-1]
    density, corner, height = _packed(size, density, side)
    placed = flat - low[of_chart]
    placed[upright[of_chart]] = placed[upright[of_chart], ::-1]
    uv = placed * density + corner[of_chart]
    texels, face = _texels(uv[cut], height, side)
    pixels = (face, texels // side, texels % side)
    weights = raster.weights(uv[cut], pixels).astype(np.float32)
    return Atlas(vertex, cut, uv, direction, (height, side), texels, face, weights)


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (m, 3); that of a face without area is 0."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _charts(vertices: np.ndarray, faces: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The direction, 0 to 5 (x, y, z, -x, -y, -z), and the chart of each face, (m,) int each."""
    normals = face_normals(vertices, faces)
    facing = np.concatenate([normals, -normals], 1)
    one, other = _neighbours(faces)
    direction = facing.argmax(1)
    for _ in range(_ROUNDS):
        votes = np.zeros_like(facing)
        np.add.at(votes, (one, direction[other]), _NEIGHBOURS)
        np.add.at(votes, (other, direction[one]), _NEIGHBOURS)
        votes[facing < _LEAST_FACING] = -np.inf
        direction = (facing + votes).argmax(1)
    same = direction[one] == direction[other]
    links = (np.ones(same.sum(), bool), (one[same], other[same]))
    _, chart = connected_components(coo_matrix(links, (len(faces),) * 2), directed=False)
    return direction, chart


def _neighbours(faces: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The pairs of faces that share an edge."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(start, end).astype(np.int64) * (faces.max() + 1) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    pairs = np.flatnonzero(np.diff(key[order]) == 0)
    return order[pairs] // 3, order[pairs + 1] // 3


def _cut(faces: np.ndarray, chart: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(old vertex, chart) of each new vertex and the faces of these: one vertex per chart."""
    charts = int(chart.max()) + 1
    used, new = np.unique(faces.astype(np.int64) * charts + chart[:, None], return_inverse=True)
    return used // charts, used % charts, new.reshape(faces.shape)


def _boxes(flat: np.ndarray, chart: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The lower corner and the size of each chart's box, (c, 2) each."""
    order = np.argsort(chart, kind="stable")
    first = np.flatnonzero(np.diff(chart[order], prepend=-1))
    low = np.minimum.reduceat(flat[order], first)
    return low, np.maximum.reduceat(flat[order], first) - low


def _packed(size: np.ndarray, density: float, side: int) -> Tuple[float, np.ndarray, int]:
    """(density, each box's corner in texels (c, 2), the height): `density` or what fits."""
    order = np.argsort(-size[:, 1])
    while True:
        boxes = np.ceil(size * density).astype(int) + 2 * _GUTTER
        corners, height = _shelves(boxes[order].tolist(), side)
        if height <= side and boxes.max() <= side:
            break
        density *= 0.95
    placed = np.empty(size.shape)
    placed[order] = np.array(corners) + _GUTTER
    return density, placed, height


def _shelves(boxes: List[List[int]], side: int) -> Tuple[List[Tuple[int, int]], int]:
    """The corners of boxes that come by falling height, and the height of all."""
    corners = []
    left = top = bottom = 0
    for width, height in boxes:
        if left + width > side:
            left, top = 0, bottom
        corners.append((left, top))
        left, bottom = left + width, max(bottom, top + height)
    return corners, bottom


def _texels(corners: np.ndarray, height: int, width: int) -> Tuple[np.ndarray, np.ndarray]:
    """(index in the flat image, face) of the texels that are used, with a rim around each chart."""
    owner = np.full((height, width), -1, np.int32)
    face, row, column = raster.covered(corners, height, width)
    owner[row, column] = face
    for _ in range(_GUTTER // 2):
        for target, source in (
            (owner[1:], owner[:-1]),
            (owner[:-1], owner[1:]),
            (owner[:, 1:], owner[:, :-1]),
            (owner[:, :-1], owner[:, 1:]),
        ):
            np.copyto(target, source.copy(), where=target < 0)
    texels = np.flatnonzero(owner.ravel() >= 0)
    return texels, owner.ravel()[texels]
