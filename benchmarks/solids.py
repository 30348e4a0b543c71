"""Compares a mesh with the true shape in the canonical frame: surfaces and filled solids.

Canonical frame: the bounding box is centred on the origin, its longest side is 1, y is up, the
front looks along +z. Rays are cast by Embree (Wald et al., ACM TOG 33(4), 2014).
"""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np
import trimesh
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from benchmarks import measures, rendering

CELLS = 64
SAMPLES = 20_000
# Rays per side of the square that a slanted direction is looked at through.
_RAYS = 160
# How far, in lengths, a cell must lie before the surface that a slanted ray hits to be outside.
_SLACK = 0.012
# Samples that find the sheets that are thinner than a cell.
_SHEET_SAMPLES = 200_000


class Score(NamedTuple):
    f3: float  # F-score at 0.03 of the longest side
    f5: float  # the same at 0.05
    iou: float  # of the filled solids, on CELLS a side
    closed: bool
    parts: int


def score(made: trimesh.Trimesh, truth: trimesh.Trimesh) -> Score:
    """How near `made` is to `truth`; neither is turned, each is scaled to its own longest side.

    F-score: Knapitsch et al., «Tanks and Temples», ACM TOG 36(4), 2017.
    """
    made, truth = canonical(made), canonical(truth)
    points, true_points = samples(made, seed=1), samples(truth, seed=0)
    to_truth, to_made = cKDTree(true_points).query(points)[0], cKDTree(points).query(true_points)[0]
    solid, true_solid = filled(made), filled(truth)
    return Score(
        _f_score(to_truth, to_made, 0.03),
        _f_score(to_truth, to_made, 0.05),
        float((solid & true_solid).sum() / (solid | true_solid).sum()),
        bool(measures.welded(made).is_watertight),
        measures.parts(made),
    )


def canonical(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A copy without colours in the canonical frame; it is scaled and moved, not turned."""
    low, high = mesh.bounds
    vertices = (mesh.vertices - (low + high) / 2) / (high - low).max()
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


def samples(mesh: trimesh.Trimesh, seed: int, count: int = SAMPLES) -> np.ndarray:
    """`count` points (n, 3), uniform on the surface."""
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=seed)
    return np.asarray(points)


def filled(mesh: trimesh.Trimesh) -> np.ndarray:
    """The solid of a canonical mesh that may be open, (CELLS, CELLS, CELLS) bool by x, y, z.

    A cell is outside where a ray from outside reaches it, from the sides, from above or slanted
    from above, never from below. Sheets thinner than a cell are added as their cells.
    """
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
    middles = (np.arange(CELLS) + 0.5) / CELLS - 0.5
    solid = np.ones((CELLS, CELLS, CELLS), bool)
    for axis, sign in ((0, 1), (0, -1), (1, 1), (2, 1), (2, -1)):
        _carve_along(scene, solid, middles, axis, sign)
    cells = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), -1).reshape(-1, 3)
    for direction in _slanted():
        _carve_slanted(scene, solid, cells, direction)
    sheets = np.zeros_like(solid)
    touched = np.floor((samples(mesh, 1, _SHEET_SAMPLES) + 0.5) * CELLS).astype(int)
    sheets[tuple(touched.clip(0, CELLS - 1).T)] = True
    return solid | (sheets & ~binary_dilation(solid, np.ones((3, 3, 3))))


def _f_score(to_truth: np.ndarray, to_made: np.ndarray, limit: float) -> float:
    precision, recall = (to_truth < limit).mean(), (to_made < limit).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def _slanted() -> List[np.ndarray]:
    """The rotations (3, 3) that turn each slanted direction of view into z."""
    rings = ((4, 45.0, 0.0), (8, 22.5, 0.0), (8, 0.0, 25.0), (8, 22.5, 50.0))
    return [
        rendering.turned(turn, above)
        for count, first, above in rings
        for turn in first + np.arange(count) * 360 / count
    ]


def _carve_along(
    scene: object, solid: np.ndarray, middles: np.ndarray, axis: int, sign: int
) -> None:
    """Empty the cells of `solid` before the first hits of the rays against `axis`, in place."""
    a, b = (grid.ravel() for grid in np.meshgrid(middles, middles, indexing="ij"))
    origins, directions = np.zeros((a.size, 3)), np.zeros((a.size, 3))
    origins[:, [i for i in range(3) if i != axis]] = np.column_stack([a, b])
    origins[:, axis], directions[:, axis] = 2 * sign, -sign
    depth = np.expand_dims(2 - _hits(scene, origins, directions).reshape(CELLS, CELLS), axis)
    along = np.expand_dims(middles * sign, [i for i in range(3) if i != axis])
    solid &= along <= depth


def _carve_slanted(
    scene: object, solid: np.ndarray, cells: np.ndarray, rotation: np.ndarray
) -> None:
    """The same for parallel rays from the direction that `rotation` turns into z."""
    radius = np.sqrt(3) / 2
    line = ((np.arange(_RAYS) + 0.5) / _RAYS * 2 - 1) * radius
    u, v = (grid.ravel() for grid in np.meshgrid(line, line, indexing="ij"))
    origins = np.column_stack([u, v, np.full(u.size, 2.0)]) @ rotation
    hits = _hits(scene, origins, np.tile(-rotation[2], (u.size, 1)))
    depth = (2 - hits).reshape(_RAYS, _RAYS)
    left = np.flatnonzero(solid.ravel())
    turned = cells[left] @ rotation.T
    at = ((turned[:, :2] / radius + 1) / 2 * _RAYS).astype(int).clip(0, _RAYS - 1)
    solid.ravel()[left[turned[:, 2] > depth[at[:, 0], at[:, 1]] + _SLACK]] = False


def _hits(scene: object, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The length of each ray to the first surface, 1e9 where there is none."""
    hit = scene.run(  # type: ignore[attr-defined]
        origins.astype(np.float32), directions.astype(np.float32), output=1
    )
    return np.where(hit["primID"] >= 0, hit["tfar"], 1e9)
