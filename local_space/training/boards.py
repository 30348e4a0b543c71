"""Solids of boards for the catalogue's pieces: slabs and panels of any outline, curved shells."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from local_space.training.parts import Part, Span, grid_faces, part, rotation


def slab(outline: np.ndarray, y: Span, material: int = 0) -> Part:
    """A board with a (n, 2) outline in x and z that its middle sees all of."""
    outline = np.asarray(outline, float)
    n = len(outline)
    a, b = outline, np.roll(outline, -1, axis=0)
    if (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() < 0:
        return slab(outline[::-1], y, material)
    middle = outline.mean(0)
    rings = [np.column_stack([outline[:, 0], np.full(n, h), outline[:, 1]]) for h in y]
    ends = [[middle[0], h, middle[1]] for h in y]
    i = np.arange(n)
    j = (i + 1) % n
    faces = np.concatenate(
        [
            np.stack([i, j, np.full(n, 2 * n)], 1),
            np.stack([n + j, n + i, np.full(n, 2 * n + 1)], 1),
            np.stack([i, n + i, n + j], 1),
            np.stack([i, n + j, j], 1),
        ]
    )

    def test(p: np.ndarray) -> np.ndarray:
        px, pz = p[:, 0, None], p[:, 2, None]
        rising = (a[:, 1] > pz) != (b[:, 1] > pz)
        step = np.where(b[:, 1] == a[:, 1], 1e-9, b[:, 1] - a[:, 1])
        crossed = rising & (px < a[:, 0] + (pz - a[:, 1]) / step * (b[:, 0] - a[:, 0]))
        return (crossed.sum(1) % 2 == 1) & (p[:, 1] >= y[0]) & (p[:, 1] <= y[1])

    return part(np.concatenate([*rings, ends]), faces, test, material)


def panel(outline: np.ndarray, z: Span, material: int = 0) -> Part:
    """An upright board with a (n, 2) outline in x and y."""
    # A slab in (x, -y), then turned up: its thickness becomes depth.
    outline = np.asarray(outline, float) * [1, -1]
    return slab(outline, z, material).changed(rotation("x", 90), (0, 0, 0))


def side_panel(outline: np.ndarray, x: Span, material: int = 0) -> Part:
    """An upright board with a (n, 2) outline in z and y, its thickness along x."""
    outline = np.asarray(outline, float) * [-1, 1]
    return panel(outline, x, material).changed(rotation("y", 90), (0, 0, 0))


def shell(
    radii: Tuple[float, float],
    thickness: float,
    y: Span,
    reach: float,
    drop: float = 0.0,
    flare: float = 0.0,
    power: float = 2.0,
    sharp: float = 2.0,
    material: int = 0,
) -> Part:
    """A wall around the back (-z), `reach` degrees to either side, as of a tub chair.

    Its top falls by `drop` (power law) to its ends; it widens upwards by `flare`. `sharp` over 2
    makes the plan more rectangular.
    """
    bottom, top = y
    limit = np.radians(reach)
    inner = 1 - thickness / min(radii)
    angle = np.linspace(-limit, limit, 33)

    def height(at: np.ndarray) -> np.ndarray:
        return top - drop * (np.abs(at) / limit) ** power

    def bulge(at: np.ndarray) -> np.ndarray:
        return (np.abs(np.sin(at)) ** sharp + np.abs(np.cos(at)) ** sharp) ** (-1 / sharp)

    loops = []
    for at in angle:
        high = float(height(at))
        for share, level in ((inner, bottom), (1.0, bottom), (1.0, high), (inner, high)):
            r = share * float(bulge(at)) * (1 + flare * (level - bottom) / (top - bottom))
            loops.append([r * radii[0] * np.sin(at), level, -r * radii[1] * np.cos(at)])
    vertices = np.array(loops)
    n = len(angle)
    sides = grid_faces(n, 4, closed=True)
    last = 4 * (n - 1)
    ends = [[0, 1, 2], [0, 2, 3], [last, last + 2, last + 1], [last, last + 3, last + 2]]

    def test(p: np.ndarray) -> np.ndarray:
        at = np.arctan2(p[:, 0] / radii[0], -p[:, 2] / radii[1])
        wide = 1 + flare * (p[:, 1] - bottom) / (top - bottom)
        r = np.hypot(p[:, 0] / radii[0], p[:, 2] / radii[1]) / wide / bulge(at)
        tall = (p[:, 1] >= bottom) & (p[:, 1] <= height(at))
        return tall & (np.abs(at) <= limit) & (r >= inner) & (r <= 1)

    return part(vertices, np.concatenate([sides, ends]), test, material)
