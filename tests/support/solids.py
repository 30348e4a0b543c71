"""Models whose shape and texture are known by formulas, written by trimesh."""

from __future__ import annotations

import io
from typing import Any, Tuple

import numpy as np
import trimesh
from PIL import Image

# Half the extents of the ellipsoid, and its middle.
RADII = np.array([0.5, 1.0, 0.7])
MIDDLE = np.array([0.2, -0.1, 0.4])
LEFT_COLOUR, RIGHT_COLOUR = (200, 40, 30), (30, 60, 190)


def texture() -> Image.Image:
    """Return an image whose colour says on which side of the ellipsoid it lies."""
    image = Image.new("RGB", (256, 128), LEFT_COLOUR)
    image.paste(RIGHT_COLOUR, (128, 0, 256, 128))
    return image


def ellipsoid(rings: int = 40, is_textured: bool = True) -> bytes:
    """Return a GLB of an ellipsoid with some 4 * rings² triangles and a seam at its back.

    Its texture is wound around y: u = 0 and 1 at the back, the left colour at negative x.
    """
    u, v = np.meshgrid(np.linspace(0, 1, 2 * rings + 1), np.linspace(0, 1, rings + 1))
    around, down = 2 * np.pi * (u - 0.5), np.pi * v
    sphere = np.stack(
        [np.sin(around) * np.sin(down), np.cos(down), np.cos(around) * np.sin(down)], -1
    )
    sphere[[0, -1], :, ::2] = 0
    sphere[:, -1] = sphere[:, 0]
    columns = 2 * rings + 1
    corner = (np.arange(rings)[:, None] * columns + np.arange(2 * rings)).ravel()
    right, below = corner + 1, corner + columns
    upper = np.stack([corner, below, right], 1)[2 * rings :]
    lower = np.stack([right, below, below + 1], 1)[: -2 * rings]
    faces = np.concatenate([upper, lower])
    points = sphere.reshape(-1, 3)
    normals = points / RADII
    mesh = trimesh.Trimesh(
        points * RADII + MIDDLE,
        faces,
        vertex_normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        process=False,
    )
    if is_textured:
        material = trimesh.visual.material.PBRMaterial(
            baseColorTexture=texture(), metallicFactor=0.0, roughnessFactor=0.9
        )
        # trimesh's v runs up.
        uv = np.stack([u.ravel(), 1 - v.ravel()], 1)
        mesh.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    else:
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return glb(mesh)


def glb(mesh: Any) -> bytes:
    """Return a mesh or a scene as a GLB."""
    content: bytes = trimesh.Scene(mesh).export(file_type="glb", include_normals=True)
    return content


def load(content: bytes, kind: str, **options: Any) -> Any:
    """Return the mesh in a file as trimesh reads it, its vertices as they are."""
    return trimesh.load(io.BytesIO(content), file_type=kind, force="mesh", process=False, **options)


def off_the_surface(points: np.ndarray) -> np.ndarray:
    """Return how far points are from the ellipsoid, about, in shares of its longest side."""
    on_sphere = np.linalg.norm((points - MIDDLE) / RADII, axis=1)
    return np.abs(on_sphere - 1) * RADII.min() / (2 * RADII.max())


def extents(content: bytes, kind: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest coordinates in a file."""
    low, high = load(content, kind).bounds
    return low, high
