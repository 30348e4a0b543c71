"""How near a mesh is to the truth: distances of surfaces, overlap of silhouettes, parts."""

from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np
import trimesh
from PIL import Image
from scipy.spatial import cKDTree

SAMPLES = 20_000
NEAR = 0.03
# Silhouettes are compared on their own box, its longer side in pixels.
_SIDE = 512
# A part has at least this share of the vertices.
_PART = 0.005


def load(path: str) -> trimesh.Trimesh:
    """The one mesh of a GLB, in its place."""
    return trimesh.load(path, force="mesh", process=False)


def aligned(mesh: trimesh.Trimesh, truth: trimesh.Trimesh, known: Sequence[int]) -> trimesh.Trimesh:
    """`mesh` brought to the truth's place by its bounding box alone.

    One uniform scale makes the longest of the `known` axes (0 x, 1 y, 2 z: those that the views
    show) as long as the truth's; the middles of the boxes then coincide. A front view says nothing
    about depth: along z its result keeps the depth that it came with and only its middle is moved.
    """
    axes = list(known)
    moved = mesh.copy()
    scale = truth.extents[axes].max() / mesh.extents[axes].max()
    moved.vertices = (mesh.vertices - mesh.bounds.mean(0)) * scale + truth.bounds.mean(0)
    return moved


def distances(
    mesh: trimesh.Trimesh, truth: trimesh.Trimesh, near: float = NEAR
) -> Tuple[float, float]:
    """(F-score at `near`, chamfer distance: the mean of both ways' mean distances).

    F-score: Knapitsch et al., «Tanks and Temples», ACM TOG 36(4), 2017.
    """
    made, _ = trimesh.sample.sample_surface(mesh, SAMPLES, seed=0)
    true, _ = trimesh.sample.sample_surface(truth, SAMPLES, seed=1)
    to_truth, to_made = cKDTree(true).query(made)[0], cKDTree(made).query(true)[0]
    precision, recall = (to_truth < near).mean(), (to_made < near).mean()
    f_score = 2 * precision * recall / max(1e-9, precision + recall)
    return float(f_score), float((to_truth.mean() + to_made.mean()) / 2)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two silhouettes (h, w) as they are."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def overlap_in_box(one: np.ndarray, other: np.ndarray) -> float:
    """The same after both were moved and uniformly scaled to the same bounding box."""
    return overlap(_boxed(one), _boxed(other))


def _boxed(silhouette: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(silhouette.any(1)), np.flatnonzero(silhouette.any(0))
    box = Image.fromarray(silhouette).crop(
        (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    )
    scale = _SIDE / max(box.size)
    size = (max(1, round(box.width * scale)), max(1, round(box.height * scale)))
    canvas = Image.new("L", (_SIDE, _SIDE))
    resized = box.convert("L").resize(size, Image.Resampling.BILINEAR)
    canvas.paste(resized, ((_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2))
    return np.asarray(canvas) >= 128


def colour_error(seen: np.ndarray, photo: np.ndarray, where: np.ndarray) -> float:
    """The mean difference of a channel, 0 to 255, `where` both show the object."""
    return float(np.abs(seen[where].astype(float) - photo[where]).mean())


def parts(mesh: trimesh.Trimesh) -> int:
    """The connected pieces, without those of under 0.5 % of the vertices."""
    whole = welded(mesh)
    count = len(whole.vertices)
    labels = trimesh.graph.connected_component_labels(whole.edges, node_count=count)
    return int((np.bincount(labels) > _PART * count).sum())


def welded(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A copy whose vertices at one place are one, also along the seams of a texture."""
    whole = trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)
    whole.merge_vertices(merge_tex=True, merge_norm=True)
    return whole
