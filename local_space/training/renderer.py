"""Pictures of shapes in rooms, by ray casting: what the network sees in training.

A camera looks from the front, somewhat to a side and from above, with perspective. Colours, lights,
folds, gloss, floors and walls are random; every picture comes with its exact silhouette.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from local_space.camera import Camera
from local_space.recognition import FILL, SIDE

# Rays per pixel and axis.
_FINE = 2
_EPSILON = 1e-3


class Picture(NamedTuple):
    """A square crop around the piece."""

    colours: np.ndarray  # (SIDE, SIDE, 3) uint8
    mask: np.ndarray  # (SIDE, SIDE) uint8: share of the pixel that is the piece
    camera: Camera


def random_camera(rng: np.random.Generator) -> Tuple[float, float, float]:
    """Degrees around (0 is the front) and above, and one over the distance in longest sides."""
    kind = rng.random()
    if kind < 0.14:
        # A view straight from the front, as shops have it: from far away, hardly from above.
        return rng.normal(0, 3), rng.uniform(-2, 10) * (rng.random() < 0.7), 1 / rng.uniform(2, 40)
    around = rng.uniform(-180, 180) if kind < 0.2 else rng.uniform(-75, 75)
    return around, rng.uniform(2, 36), 1 / rng.uniform(1.5, 4.5)


def render(
    vertices: np.ndarray, faces: np.ndarray, material: np.ndarray, rng: np.random.Generator
) -> Picture:
    """A picture of a mesh whose longest side is 1, centred."""
    camera = Camera(*random_camera(rng), 1.0, (0.0, 0.0))
    u, v, _ = camera.project(vertices)
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    scale = FILL * SIDE / (high - low).max() * rng.uniform(0.93, 1.04)
    shift = SIDE / 2 - scale * (low + high) / 2 + rng.normal(0, 0.012, 2) * SIDE
    camera = camera._replace(scale=scale, centre=(shift[0], shift[1]))
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces))
    origins, directions = _rays(camera)
    hit = scene.run(origins, directions, output=1)
    share = (hit["primID"] >= 0).reshape(SIDE, _FINE, SIDE, _FINE).mean((1, 3))
    # Two of four rays per pixel are enough for its colour.
    some = _diagonal()
    origins, directions = origins[some], directions[some]
    hit = {name: hit[name][some] for name in ("primID", "tfar", "Ng")}
    seen = hit["primID"] >= 0
    colours = np.zeros((len(origins), 3))
    light = _light(rng, camera)
    floor = vertices[:, 1].min()
    room = _Room(rng, floor, camera)
    far, ground = room.hit(origins, directions)
    points = origins + directions * np.where(seen, hit["tfar"], far)[:, None]
    normals = np.zeros_like(points)
    normals[seen] = _normals(hit, seen, directions)
    normals[~seen] = room.normals(ground[~seen])
    lit = np.maximum(normals @ light, 0)
    jitter = light + rng.normal(0, rng.choice([0.0, 0.03, 0.1]), (len(points), 3))
    start = (points + normals * _EPSILON).astype(np.float32)
    dark = scene.run(start, jitter.astype(np.float32), output=1)["primID"] >= 0
    shadow = rng.uniform(0.2, 1.0)
    lit *= 1 - shadow * dark
    colours[seen] = _piece_colours(rng, points[seen], material[hit["primID"][seen]])
    colours[~seen] = room.colours(points[~seen], ground[~seen])
    bumps = _bumps(rng, points) if rng.random() < 0.5 else 0.0
    ambient = rng.uniform(0.35, 0.75)
    shade = ambient * (0.75 + 0.25 * normals[:, 1]) + (1.1 - ambient) * (lit + seen * bumps)
    gloss = np.zeros(len(points))
    if rng.random() < 0.4:
        mirror = 2 * (normals @ light)[:, None] * normals - light
        gloss = np.maximum(-(mirror * directions).sum(1), 0) ** rng.choice([8, 20, 60])
        gloss *= rng.uniform(0.1, 0.6) * seen * ~dark
    colours = colours * shade[:, None] * rng.uniform(0.9, 1.4) + gloss[:, None]
    return _finished(rng, colours, share, camera)


def _rays(camera: Camera) -> Tuple[np.ndarray, np.ndarray]:
    n = SIDE * _FINE
    line = (np.arange(n) + 0.5) / _FINE
    right, down = np.meshgrid(line, line)
    x = (right.ravel() - camera.centre[0]) / camera.scale
    y = -(down.ravel() - camera.centre[1]) / camera.scale
    distance = 1 / camera.nearness
    turn = camera.rotation()
    directions = np.column_stack([x, y, np.full(n * n, -distance)])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    eye = np.array([0, 0, distance]) @ turn
    return (
        np.tile(eye, (n * n, 1)).astype(np.float32),
        np.ascontiguousarray(directions @ turn, np.float32),
    )


def _diagonal() -> np.ndarray:
    """The rays through two opposite corners of each pixel: all first ones, then all second ones."""
    index = np.arange((SIDE * _FINE) ** 2).reshape(SIDE, _FINE, SIDE, _FINE)
    return np.concatenate([index[:, k, :, k].ravel() for k in range(_FINE)])


def _normals(hit: Dict[str, np.ndarray], seen: np.ndarray, directions: np.ndarray) -> np.ndarray:
    normals = hit["Ng"][seen].astype(float)
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    away = (normals * directions[seen]).sum(1) > 0
    normals[away] *= -1
    return normals


def _light(rng: np.random.Generator, camera: Camera) -> np.ndarray:
    """The direction to the light: from above, mostly from the camera's side."""
    around = np.radians(camera.around + rng.normal(0, 55))
    above = np.radians(rng.uniform(20, 80))
    return np.array([np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)])


class _Room:
    """A floor and two walls that meet at a corner behind the piece, or a plain ground."""

    def __init__(self, rng: np.random.Generator, floor: float, camera: Camera) -> None:
        self._plain = rng.random() < 0.25
        self._floor = floor - _EPSILON
        first = np.radians(camera.around + 180 + rng.uniform(-50, 50))
        self._facing = [-np.array([np.sin(a), 0, np.cos(a)]) for a in (first, first + np.pi / 2)]
        self._away = [-rng.uniform(0.6, 2.5), -rng.uniform(0.8, 5)]
        base = rng.uniform(0.75, 1.0)
        self._tones = [_muted(rng) for _ in range(3)]
        if self._plain:
            self._tones = [np.full(3, base)] * 3
        self._period, self._swing = rng.uniform(0.1, 0.6), rng.choice([0, 0.05, 0.15, 0.3])
        self._turn = rng.uniform(0, np.pi)

    def hit(self, origins: np.ndarray, directions: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Distance along each ray, and which plane it meets first: 0 floor, 1 and 2 walls."""
        planes = [(np.array([0.0, 1, 0]), self._floor), *zip(self._facing, self._away)]
        times = []
        for normal, level in planes:
            towards = directions @ normal
            t = (level - origins @ normal) / np.where(np.abs(towards) < 1e-9, 1e-9, towards)
            times.append(np.where((t > 0) & (towards < 0), t, 50.0))
        stacked = np.stack(times)
        return stacked.min(0), stacked.argmin(0)

    def normals(self, plane: np.ndarray) -> np.ndarray:
        if self._plain:
            return np.tile([0.0, 1, 0], (len(plane), 1))
        return np.stack([np.array([0.0, 1, 0]), *self._facing])[plane]

    def colours(self, points: np.ndarray, plane: np.ndarray) -> np.ndarray:
        colours = np.stack(self._tones)[plane]
        along = points @ np.array([np.cos(self._turn), 0, np.sin(self._turn)])
        stripes = 1 - self._swing * (np.floor(along / self._period) % 2 == 0)
        return colours * np.where(plane == 0, stripes, 1.0)[:, None]


def _muted(rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(0.25, 1.0) + rng.normal(0, 0.07, 3), 0.05, 1.0)


def _vivid(rng: np.random.Generator) -> np.ndarray:
    """A material's colour: wood, cloth, white, black, or anything."""
    kind = rng.random()
    if kind < 0.3:
        return np.array([0.62, 0.42, 0.25]) * rng.uniform(0.4, 1.7) + rng.normal(0, 0.04, 3)
    if kind < 0.6:
        return _muted(rng) * rng.uniform(0.3, 1.2)
    return rng.uniform(0.05, 1.0, 3)


def _piece_colours(
    rng: np.random.Generator, points: np.ndarray, material: np.ndarray
) -> np.ndarray:
    tones = np.stack([_vivid(rng) for _ in range(int(material.max(initial=0)) + 1)])
    if rng.random() < 0.4:
        tones[:] = tones[0]
    colours = tones[material]
    for _ in range(rng.integers(0, 3)):
        wave = rng.normal(0, 1, 3) * rng.choice([8, 25, 80])
        grain = np.sin(points @ wave + 2 * np.sin(points @ rng.normal(0, 10, 3)))
        colours = colours * (1 + rng.uniform(0, 0.12) * grain[:, None])
    return colours


def _bumps(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """What folds and seams change in the light that falls on a surface."""
    total = np.zeros(len(points))
    for _ in range(3):
        total += np.sin(points @ rng.normal(0, rng.choice([15, 30, 60]), 3) + rng.uniform(0, 6))
    return total * rng.uniform(0.0, 0.12)


def _finished(
    rng: np.random.Generator, colours: np.ndarray, share: np.ndarray, camera: Camera
) -> Picture:
    image = colours.reshape(_FINE, SIDE, SIDE, 3).mean(0)
    image = np.clip(image, 0, None) ** rng.uniform(0.75, 1.2)
    image = image + rng.normal(0, rng.choice([0.0, 0.01, 0.03]), image.shape)
    image = image * (1 + rng.normal(0, 0.03, 3))
    return Picture(
        (image.clip(0, 1) * 255).astype(np.uint8), (share * 255).round().astype(np.uint8), camera
    )
