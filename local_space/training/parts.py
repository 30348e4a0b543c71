"""Simple solids of which the catalogue's pieces are made: boxes, turned profiles, cushions.

Each part has a triangle mesh, for the renderer, and an exact inside test, for the occupancy.
Lengths are in centimetres; x is to the piece's left, y up, z to its front.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

Span = Tuple[float, float]
Point = Union[Sequence[float], np.ndarray]
_SEGMENTS = 20


class Part(NamedTuple):
    """A solid: its surface, and whether points are inside."""

    vertices: np.ndarray  # (n, 3) float
    faces: np.ndarray  # (m, 3) int
    test: Callable[[np.ndarray], np.ndarray]  # (n, 3) local points to (n,) bool
    inverse: np.ndarray  # (3, 4): world to local points
    material: int

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether (n, 3) points are inside, (n,) bool; tested only in the bounding box."""
        found = np.zeros(len(points), bool)
        low, high = self.vertices.min(0), self.vertices.max(0)
        near = np.ones(len(points), bool)
        for axis in range(3):
            near &= (points[:, axis] >= low[axis] - 1e-6) & (points[:, axis] <= high[axis] + 1e-6)
        found[near] = self.test(points[near] @ self.inverse[:, :3].T + self.inverse[:, 3])
        return found

    def changed(self, matrix: np.ndarray, shift: Point) -> Part:
        """The part after x -> matrix @ x + shift."""
        back = np.linalg.inv(matrix)
        linear = self.inverse[:, :3] @ back
        inverse = np.column_stack([linear, self.inverse[:, 3] - linear @ np.asarray(shift)])
        faces = self.faces if np.linalg.det(matrix) > 0 else self.faces[:, ::-1]
        vertices = self.vertices @ matrix.T + np.asarray(shift)
        return self._replace(vertices=vertices, faces=faces, inverse=inverse)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        return self.changed(np.eye(3), (x, y, z))

    def turned(self, axis: str, degrees: float, about: Optional[Point] = None) -> Part:
        """Turned about an axis through `about` (the part's middle where that is None)."""
        low, high = self.vertices.min(0), self.vertices.max(0)
        centre = (low + high) / 2 if about is None else np.asarray(about, float)
        matrix = rotation(axis, degrees)
        return self.changed(matrix, centre - matrix @ centre)

    def mirrored(self) -> Part:
        return self.changed(np.diag([-1.0, 1.0, 1.0]), (0, 0, 0))


def rotation(axis: str, degrees: float) -> np.ndarray:
    """The matrix (3, 3) that turns about `axis`, counter-clockwise as seen from its tip."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    matrix = np.eye(3)
    matrix[j, j], matrix[j, k], matrix[k, j], matrix[k, k] = c, -s, s, c
    return matrix


def both(*parts: Part) -> List[Part]:
    """The parts and their mirror images."""
    return [*parts, *(part.mirrored() for part in parts)]


def part(
    vertices: np.ndarray, faces: np.ndarray, test: Callable[[np.ndarray], np.ndarray], material: int
) -> Part:
    return Part(np.asarray(vertices, float), np.asarray(faces), test, np.eye(3, 4), material)


def grid_faces(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Two triangles per cell of a grid of vertices; `closed` joins the last column to the first."""
    wide = columns if closed else columns - 1
    i, j = (k.ravel() for k in np.meshgrid(np.arange(rows - 1), np.arange(wide), indexing="ij"))
    a, b = i * columns + j, i * columns + (j + 1) % columns
    return np.concatenate(
        [np.stack([a, b, b + columns], 1), np.stack([a, b + columns, a + columns], 1)]
    )


def box(x: Span, y: Span, z: Span, rounding: float = 0.0, material: int = 0) -> Part:
    """A box, its edges rounded by a radius."""
    low, high = (np.array([side[i] for side in (x, y, z)], float) for i in (0, 1))
    half, centre = (high - low) / 2, (low + high) / 2
    radius = min(rounding, 0.98 * half.min())
    steps = [-1.0, 1.0] if radius <= 0 else [-1.0, -0.4, 0.0, 0.0, 0.4, 1.0]
    vertices, faces, count = [], [], 0
    for axis in range(3):
        others = [(axis + 1) % 3, (axis + 2) % 3]
        lines = []
        for other in others:
            line = np.array(steps) * half[other]
            if radius > 0:
                line = np.sign([-1, -1, -1, 1, 1, 1]) * (half[other] - radius)
                line = line + np.array([-1.0, -0.4, 0, 0, 0.4, 1.0]) * radius
            lines.append(line)
        a, b = np.meshgrid(*lines, indexing="ij")
        for sign in (1.0, -1.0):
            side = np.zeros((a.size, 3))
            side[:, axis] = sign * half[axis]
            side[:, others[0]], side[:, others[1]] = a.ravel(), b.ravel()
            cells = grid_faces(*a.shape) + count
            faces.append(cells if sign < 0 else cells[:, ::-1])
            vertices.append(side)
            count += len(side)
    points = np.concatenate(vertices)
    core = half - radius
    if radius > 0:
        inner = points.clip(-core, core)
        out = points - inner
        points = inner + radius * out / np.maximum(np.linalg.norm(out, axis=1), 1e-9)[:, None]

    def test(p: np.ndarray) -> np.ndarray:
        over = np.maximum(np.abs(p) - core, 0)
        return (np.abs(p) <= half).all(1) & (np.linalg.norm(over, axis=1) <= radius + 1e-9)

    return part(points, np.concatenate(faces), test, material).moved(*centre)


def cushion(
    x: Span, y: Span, z: Span, flat: float = 4.0, puffy: float = 2.5, material: int = 0
) -> Part:
    """A pillow: a superellipsoid; larger exponents are boxier: `flat` around y, `puffy` along."""
    turn, rise = np.linspace(0, 2 * np.pi, 25)[:-1], np.linspace(-np.pi / 2, np.pi / 2, 13)
    t, r = np.meshgrid(turn, rise)
    unit = np.stack([np.cos(r) * np.cos(t), np.sin(r), np.cos(r) * np.sin(t)], -1).reshape(-1, 3)

    def level(p: np.ndarray) -> np.ndarray:
        around = (np.abs(p[:, 0]) ** flat + np.abs(p[:, 2]) ** flat) ** (puffy / flat)
        return around + np.abs(p[:, 1]) ** puffy

    points = unit * level(unit)[:, None] ** (-1 / puffy)
    half = [(side[1] - side[0]) / 2 for side in (x, y, z)]
    centre = [(side[0] + side[1]) / 2 for side in (x, y, z)]
    faces = grid_faces(13, 24, closed=True)[:, ::-1]
    return part(points, faces, lambda p: level(p) <= 1, material).changed(np.diag(half), centre)


def ball(centre: Point, radius: float, material: int = 0) -> Part:
    x, y, z = ((c - radius, c + radius) for c in centre)
    return cushion(x, y, z, 2.0, 2.0, material)


def tapered(
    low: Tuple[Point, float, float], high: Tuple[Point, float, float], material: int = 0
) -> Part:
    """A leg of rectangular section: (middle, width, depth) at the lower end and at the upper."""
    (foot, aw, ad), (head, bw, bd) = low, high
    a, b = np.asarray(foot, float), np.asarray(head, float)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    vertices = np.zeros((8, 3))
    vertices[:4, [0, 2]], vertices[4:, [0, 2]] = corners * [aw, ad], corners * [bw, bd]
    vertices[:4] += a
    vertices[4:] += b
    faces = [[0, 1, 2], [0, 2, 3], [4, 6, 5], [4, 7, 6]]
    for i in range(4):
        j = (i + 1) % 4
        faces += [[i, i + 4, j + 4], [i, j + 4, j]]

    def test(p: np.ndarray) -> np.ndarray:
        t = (p[:, 1] - a[1]) / (b[1] - a[1])
        middle = a + t[:, None] * (b - a)
        width, depth = aw + t * (bw - aw), ad + t * (bd - ad)
        across = np.abs(p[:, 0] - middle[:, 0]) <= width / 2 + 1e-9
        along = np.abs(p[:, 2] - middle[:, 2]) <= depth / 2 + 1e-9
        return across & along & (t >= -1e-9) & (t <= 1 + 1e-9)

    return part(vertices, np.array(faces), test, material)


def lathe(
    profile: Sequence[Tuple[float, float]],
    centre: Tuple[float, float] = (0.0, 0.0),
    oval: float = 1.0,
    ripples: Tuple[int, float] = (0, 0.0),
    material: int = 0,
) -> Part:
    """A turned solid from (height, radius) pairs upwards; depth is `oval` times the width.

    `ripples` are the number and relative height of folds, which grow downwards, as in a cloth.
    """
    heights, radii = np.array(profile, float).T
    heights = heights + np.arange(len(heights)) * 1e-6
    number, swing = ripples
    segments = max(_SEGMENTS, 8 * number)
    turn = np.linspace(0, 2 * np.pi, segments + 1)[:-1]
    span = max(heights[-1] - heights[0], 1e-6)

    def fold(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        return 1 + swing * np.sin(number * angle) * (heights[-1] - height) / span

    rings = np.stack(
        [
            np.outer(radii, np.cos(turn)) * fold(turn[None], heights[:, None]),
            np.repeat(heights[:, None], segments, 1),
            np.outer(radii, np.sin(turn)) * fold(turn[None], heights[:, None]) * oval,
        ],
        -1,
    ).reshape(-1, 3)
    n = len(rings)
    vertices = np.concatenate([rings, [[0, heights[0], 0], [0, heights[-1], 0]]])
    faces = [grid_faces(len(heights), segments, closed=True)[:, ::-1]]
    i = np.arange(segments)
    j = (i + 1) % segments
    faces.append(np.stack([i, j, np.full(segments, n)], 1))
    faces.append(np.stack([n - segments + j, n - segments + i, np.full(segments, n + 1)], 1))

    def test(p: np.ndarray) -> np.ndarray:
        radius = np.interp(p[:, 1], heights, radii)
        angle = np.arctan2(p[:, 2] / oval, p[:, 0])
        within = (p[:, 1] >= heights[0]) & (p[:, 1] <= heights[-1])
        return within & (np.hypot(p[:, 0], p[:, 2] / oval) <= radius * fold(angle, p[:, 1]))

    return part(vertices, np.concatenate(faces), test, material).moved(centre[0], 0, centre[1])


def rod(
    first: Point, last: Point, radius: float, end_radius: float = 0.0, material: int = 0
) -> Part:
    """A round bar between two points."""
    a, b = np.array(first, float), np.array(last, float)
    b[1] += 1e-3 * (np.abs(b - a).max() < 1e-3)
    length = float(np.linalg.norm(b - a))
    along = (b - a) / length
    other = np.array([1.0, 0, 0]) if abs(along[0]) < 0.9 else np.array([0, 0, 1.0])
    across = np.cross(other, along)
    across /= np.linalg.norm(across)
    matrix = np.column_stack([across, along, np.cross(across, along)])
    straight = lathe([(0, radius), (length, end_radius or radius)], material=material)
    return straight.changed(matrix, a)


def tube(points: Sequence[Point], radius: float, material: int = 0) -> List[Part]:
    """A bent bar through points."""
    bars = [rod(a, b, radius, material=material) for a, b in zip(points[:-1], points[1:])]
    return bars + [ball(point, radius, material) for point in points[1:-1]]
