"""Dense meshes of real pieces, like those of Hunyuan3D: marching cubes of a voxel grid."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

_SAMPLES = 3_000_000
_CELLS, _MARGIN = 160, 6
# In cells: how far the mesh lies around the piece, and how much it is smoothed.
_AROUND, _SMOOTHING = 1.6, 0.8
_NEIGHBOURS = 24


def dense(path: Path, faces: int) -> trimesh.Trimesh:
    """The closed mesh around a piece, its longest side 1, of about so many faces."""
    piece = trimesh.load(path, force="mesh")
    points, _ = trimesh.sample.sample_surface(piece, _SAMPLES, seed=0)
    first = _around(points, _CELLS)
    made = _around(points, round(_CELLS * (faces / len(first.faces)) ** 0.5))
    made.vertices = (made.vertices - made.bounds.mean(0)) / made.extents.max()
    return made


def _around(points: np.ndarray, cells: int) -> trimesh.Trimesh:
    low, high = points.min(0), points.max(0)
    scale = cells / (high - low).max()
    at = np.floor((points - low) * scale).astype(int) + _MARGIN
    empty = np.ones(tuple(at.max(0) + _MARGIN + 1), bool)
    empty[tuple(at.T)] = False
    field = gaussian_filter(distance_transform_edt(empty).astype(np.float32), _SMOOTHING)
    vertices, faces, _, _ = marching_cubes(field, _AROUND)
    return trimesh.Trimesh(vertices, faces[:, ::-1], process=False)


def textured(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A copy with a texture: its front half and its back half are projected onto it."""
    copy = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    low, high = copy.bounds
    is_front = copy.triangles_center[:, 2] > 0
    faces = np.asarray(copy.faces).copy()
    back = np.unique(faces[~is_front])
    twin = np.arange(len(copy.vertices))
    twin[back] = len(copy.vertices) + np.arange(len(back))
    faces[~is_front] = twin[faces[~is_front]]
    vertices = np.vstack([copy.vertices, copy.vertices[back]])
    uv = ((vertices - low) / (high - low))[:, :2] * (0.5, 1)
    uv[len(copy.vertices) :, 0] = 1 - uv[len(copy.vertices) :, 0]
    wave = np.sin(np.arange(1024) / 20)
    shade = (128 + 60 * wave[:, None] * wave[None, :]).astype(np.uint8)
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(np.dstack([shade, shade // 2, 255 - shade])),
        metallicFactor=0.0,
        roughnessFactor=0.9,
    )
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return trimesh.Trimesh(vertices, faces, visual=visual, process=False)


def load(content: bytes) -> trimesh.Trimesh:
    """The one mesh of a GLB."""
    return trimesh.load(io.BytesIO(content), file_type="glb", force="mesh", process=False)


def error(made: trimesh.Trimesh, truth: trimesh.Trimesh, count: int = 40_000) -> np.ndarray:
    """Distances between the surfaces, both ways, in per mille of the longest side, (2 * count,)."""
    ways = [
        _to_surface(trimesh.sample.sample_surface(one, count, seed=1)[0], other)
        for one, other in ((made, truth), (truth, made))
    ]
    return np.concatenate(ways) / truth.extents.max() * 1000


def _to_surface(points: np.ndarray, mesh: trimesh.Trimesh) -> np.ndarray:
    """The distance of each point to the nearest of the triangles whose middles are near.

    A large triangle is divided first: its middle is far from much of it.
    """
    longest = float(np.percentile(mesh.edges_unique_length, 50)) * 2
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, longest)
    triangles = vertices[faces]
    _, near = cKDTree(triangles.mean(1)).query(points, _NEIGHBOURS)
    repeated = np.repeat(points, _NEIGHBOURS, 0)
    closest = trimesh.triangles.closest_point(triangles[near.ravel()], repeated)
    distances = np.linalg.norm(closest - repeated, axis=1)
    return np.asarray(distances.reshape(-1, _NEIGHBOURS).min(1))
