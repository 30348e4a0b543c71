"""Shapes to learn from: a mesh to draw, and points with their occupancy.

A shape is centred and its longest side is 1. Points are in box coordinates: -1 to 1 along each side
of its own bounding box, so that they stay true when the shape is stretched along its axes.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Tuple

import numpy as np

from local_space.training.catalogue import random_piece
from local_space.training.catalogue.dice import Piece

POINTS = 8_192
# The share of the points that are near the surface.
_NEAR = 0.6
# The share that are inside. The others are anywhere in the box and a little around.
_INSIDE = 0.2
# How far from the surface points lie, of the longest side: as many very near as near.
_SPREADS = (0.006, 0.02)
_AROUND = 1.06


class Shape(NamedTuple):
    """A piece, centred, longest side 1."""

    kind: str
    size_cm: np.ndarray  # (3,) width, height, depth
    vertices: np.ndarray  # (n, 3) float32
    faces: np.ndarray  # (m, 3) int32
    material: np.ndarray  # (m,) uint8
    points: np.ndarray  # (POINTS, 3) float16, box coordinates
    occupied: np.ndarray  # (POINTS,) bool


def procedural(seed: int) -> Shape:
    """The catalogue's piece of a seed."""
    piece = random_piece(seed)
    parts = piece.parts
    counts = np.cumsum([0] + [len(part.vertices) for part in parts])
    vertices = np.concatenate([part.vertices for part in parts])
    faces = np.concatenate([part.faces + first for part, first in zip(parts, counts)])
    material = np.concatenate([np.full(len(part.faces), part.material) for part in parts])

    def inside(points: np.ndarray) -> np.ndarray:
        found = np.zeros(len(points), bool)
        for part in parts:
            found |= part.inside(points)
        return found

    return _shape(piece, vertices, faces, material, inside, seed)


def _shape(
    piece: Piece,
    vertices: np.ndarray,
    faces: np.ndarray,
    material: np.ndarray,
    inside: Callable[[np.ndarray], np.ndarray],
    seed: int,
) -> Shape:
    low, high = vertices.min(0), vertices.max(0)
    centre, half, longest = (low + high) / 2, (high - low) / 2, (high - low).max()
    points, occupied = sample(vertices, faces, inside, np.random.default_rng(seed))
    return Shape(
        piece.kind,
        high - low,
        ((vertices - centre) / longest).astype(np.float32),
        faces.astype(np.int32),
        material.astype(np.uint8),
        ((points - centre) / half).astype(np.float16),
        occupied,
    )


def sample(
    vertices: np.ndarray,
    faces: np.ndarray,
    inside: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> Tuple[np.ndarray, np.ndarray]:
    """POINTS points (n, 3), and whether each is inside."""
    low, high = vertices.min(0), vertices.max(0)
    longest = (high - low).max()
    near, within = int(_NEAR * POINTS), int(_INSIDE * POINTS)
    on, normals = on_surface(vertices, faces, 2 * near, rng)
    # Where parts overlap, what is inside another is no surface.
    step = 0.002 * longest * normals
    outer = np.flatnonzero(inside(on + step) != inside(on - step))
    chosen = on[rng.choice(outer if len(outer) > 100 else len(on), near)]
    spread = np.repeat(np.array(_SPREADS), [near - near // 2, near // 2])[:, None] * longest
    close = chosen + rng.normal(size=(near, 3)) * spread
    full = np.concatenate([rng.uniform(low, high, (8 * within, 3)), close])
    full = full[inside(full)]
    full = full[rng.choice(len(full), within)] if len(full) else close[:within]
    middle = (low + high) / 2
    anywhere = (
        rng.uniform(-_AROUND, _AROUND, (POINTS - near - within, 3)) * (high - middle) + middle
    )
    points = np.concatenate([close, full, anywhere])
    points = points[rng.permutation(POINTS)]
    return points, inside(points)


def on_surface(
    vertices: np.ndarray, faces: np.ndarray, count: int, rng: np.random.Generator
) -> Tuple[np.ndarray, np.ndarray]:
    """Points on the surface by area (count, 3), and their unit normals."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    area = np.linalg.norm(cross, axis=1)
    total = np.cumsum(area)
    f = np.searchsorted(total, rng.random(count) * total[-1]).clip(0, len(faces) - 1)
    u, v = rng.random((2, count, 1))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    points = a[f] + u * (b - a)[f] + v * (c - a)[f]
    return points, cross[f] / np.maximum(area[f], 1e-12)[:, None]
