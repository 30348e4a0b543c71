"""A field on a grid to a clean mesh: marching cubes, no crumbs, no needless faces, smooth normals.

Marching cubes: Lewiner et al., «Efficient implementation of Marching Cubes' cases with topological
guarantees», 2003. Simplification: Garland and Heckbert, «Surface simplification using quadric error
metrics», SIGGRAPH 1997, by fast-simplification.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

import fast_simplification
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

# No surface point may fall on a grid point: its neighbours would become one when vertices merge.
_OFF_GRID = 1e-3
# The faces of a surface at the default octree resolution, at most; their number grows with the
# square of the resolution.
_FACES = 40_000
_RESOLUTION = 256
# A plane of the grid is left out if it differs less than this, in cells, from the mean of those
# beside it.
_STRAIGHT = 0.05
# How far those are: faces grow to twice the last step.
_STEPS = (1, 2, 4)
# A part with less than this share of the largest part's volume may be a crumb.
_CRUMB_VOLUME = 0.002
# It is none if it is longer than this share of the whole.
_CRUMB_LENGTH = 0.08
# The share of the cells that is left of a surface that is too ragged to be simplified.
_FEWER = 0.75
# Vertices nearer than this, in cells, are taken for one by readers.
_TOUCHING = 0.005


class Mesh(NamedTuple):
    """A closed triangle mesh, its longest side 1, centred."""

    vertices: np.ndarray  # (n, 3) float
    faces: np.ndarray  # (m, 3) int, counter-clockwise from outside
    normals: np.ndarray  # (n, 3) float


def extract(field: np.ndarray, octree_resolution: int) -> Mesh:
    """The zero level of `field` (rows, columns, layers), which is negative at its border."""
    field[(field > -_OFF_GRID) & (field < _OFF_GRID)] = _OFF_GRID
    few, planes = field, []
    for axis in range(3):
        planes.append(_needed_planes(few, axis))
        few = few.take(planes[axis], axis)
    points, faces, _, _ = marching_cubes(few, 0.0)
    y, x, z = (np.interp(points[:, i], np.arange(len(planes[i])), planes[i]) for i in range(3))
    vertices, faces = _without_crumbs(np.column_stack([x, -y, z]), faces[:, ::-1])
    most = int(_FACES * (octree_resolution / _RESOLUTION) ** 2)
    if len(faces) > most:
        vertices, faces = _simplified(vertices, faces, most)
    if len(faces) > most:  # too ragged to be simplified: the same on fewer cells
        return extract(ndimage.zoom(field, _FEWER, order=1), octree_resolution)
    low, high = vertices.min(0), vertices.max(0)
    centred = (vertices - (low + high) / 2) / (high - low).max()
    return Mesh(centred, faces, _normals(vertices, faces))


def _needed_planes(field: np.ndarray, axis: int) -> np.ndarray:
    """The planes across `axis` that shape the surface: where it goes straight on, few are needed.

    Furniture is boards and boxes: marching cubes is faster on what remains, and so is what follows.
    """
    planes = field.swapaxes(0, axis)
    needed = np.ones(len(planes), bool)
    for step in _STEPS:
        for k in range(step, len(planes) - step, 2 * step):
            if needed[k - step + 1 : k + step].sum() > 1:
                continue
            # Only the field beside the surface decides where that is.
            near = np.abs(planes[k]) < step + 0.5
            bend = planes[k][near] - (planes[k - step][near] + planes[k + step][near]) / 2
            needed[k] = np.abs(bend).max(initial=0.0) > _STRAIGHT
    return np.flatnonzero(needed)


def _without_crumbs(vertices: np.ndarray, faces: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Leave out specks, and the walls of cavities that nobody can see."""
    count, part = _parts(len(vertices), faces)
    if count == 1:
        return vertices, faces
    corners = vertices[faces]
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    volume = np.bincount(part[faces[:, 0]], volumes, count)
    large = volume > _CRUMB_VOLUME * volume.max()
    longest = np.ptp(vertices, axis=0).max()
    for small in np.flatnonzero(~large & (volume > 0)):
        large[small] = np.ptp(vertices[part == small], axis=0).max() > _CRUMB_LENGTH * longest
    kept = large & (volume > 0)
    faces = faces[kept[part[faces[:, 0]]]]
    used = kept[part]
    return vertices[used], (np.cumsum(used) - 1)[faces]


def _parts(count: int, faces: np.ndarray) -> Tuple[int, np.ndarray]:
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges), bool), edges.T), (count, count))
    return connected_components(graph, directed=False)


def _simplified(
    vertices: np.ndarray, faces: np.ndarray, most: int
) -> Tuple[np.ndarray, np.ndarray]:
    """Fewer faces, unless that would open the surface."""
    fewer = fast_simplification.simplify(
        vertices.astype(np.float32), faces.astype(np.int32), target_count=most
    )
    if not _is_closed(fewer[1]):
        return vertices, faces
    return _apart(*fewer), fewer[1]


def _apart(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices that fell on one point moved into the solid, each a little further.

    A reader that merges equal vertices would otherwise join two surfaces that only touch.
    """
    places = np.round((vertices - vertices.min(0)) / _TOUCHING).astype(np.int64)
    across, along = places.max(0)[:2] + 1
    key = places[:, 0] + across * (places[:, 1] + along * places[:, 2])
    order = np.argsort(key, kind="stable")
    twins = order[1:][np.diff(key[order]) == 0]
    if twins.size:
        further = np.arange(1, twins.size + 1)[:, None] / twins.size + 1
        normals = _normals(vertices, faces)
        vertices[twins] -= 4 * _TOUCHING * further * normals[twins]
    return vertices


def _is_closed(faces: np.ndarray) -> bool:
    """Whether each edge has one face on either side."""
    count = np.int64(faces.max()) + 1
    start = faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    there, back = np.sort((start * count + end).ravel()), np.sort((end * count + start).ravel())
    return bool((there == back).all() and (np.diff(there) > 0).all())


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Per vertex, each face weighted by its area: large flat faces stay flat at rounded edges."""
    corners = vertices[faces]
    of_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.column_stack(
        [
            np.bincount(faces.ravel(), np.repeat(axis, 3), len(vertices))
            for axis in of_face.T.astype(float)
        ]
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 0, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])
