"""A picture of a model on transparent ground: three-quarter view from a little above.

Embree finds what each ray of an orthographic camera hits first. Light is Lambert's, from the side
of the camera, with a weaker one from above. Rays are the same on every run, so the picture is.
"""

from __future__ import annotations

import io
from typing import Callable, NamedTuple, Sequence, Tuple

import numpy as np
from PIL import Image

from dreamlab.errors import NotAvailable
from dreamlab.formats import images
from dreamlab.formats.parts import MASK, OPAQUE, Part
from dreamlab.models.mesh import Array

# Degrees from the front towards the model's own left, and above the horizon.
_AROUND, _ABOVE = 30.0, 20.0
# The share of the picture's side that the model takes.
_FILL = 0.92
# Rays per pixel, along each side.
_RAYS = 2
# Rays at once: they and what they hit take some 100 bytes each.
_ROWS = 256
_AMBIENT, _KEY, _TOP = 0.35, 0.45, 0.2
# Where the key light is, from the camera: right, up, towards it.
_KEY_FROM = (-0.45, 0.55, 0.7)
_MISS = -1
# A ray through what is cut out starts again this far behind it, of the model's size.
_STEP, _LAYERS = 1e-4, 8


class View(NamedTuple):
    """An orthographic camera: its axes in the model, the point it looks at, half its width."""

    right: Array
    up: Array
    back: Array
    centre: Array
    half: float


def png(parts: Sequence[Part], side: int) -> bytes:
    """Return a picture of `side` pixels as PNG."""
    return _encoded(render(parts, side), "PNG", compress_level=6)


def webp(parts: Sequence[Part], side: int) -> bytes:
    """Return a picture of `side` pixels as WebP."""
    return _encoded(render(parts, side), "WEBP", quality=85, method=4)


def _encoded(picture: Array, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def render(parts: Sequence[Part], side: int) -> Array:
    """Return the picture (side, side, 4) as bytes. Raises NotAvailable without Embree."""
    view = _framed(parts)
    scene = _Scene(parts, view)
    count = side * _RAYS
    rows = []
    for top in range(0, count, _ROWS):
        colours = scene.trace(_starts(view, count, range(top, min(top + _ROWS, count))))
        # Transparent rays have no colour to mix in.
        colours[:, :3] *= colours[:, 3:]
        blocks = colours.reshape(-1, _RAYS, side, _RAYS, 4)
        rows.append(blocks.mean((1, 3)))
    mixed = np.concatenate(rows).reshape(-1, 4)
    mixed[:, :3] /= np.maximum(mixed[:, 3:], 1e-6)
    return images.to_bytes(mixed).reshape(side, side, 4)


def _framed(parts: Sequence[Part]) -> View:
    turn, tilt = np.radians([_AROUND, _ABOVE])
    back = np.array([np.sin(turn) * np.cos(tilt), np.sin(tilt), np.cos(turn) * np.cos(tilt)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    axes = np.stack([right, np.cross(back, right), back])
    lows, highs = [], []
    for part in parts:
        seen = part.positions[np.unique(part.faces)] @ axes.T
        lows.append(seen.min(0))
        highs.append(seen.max(0))
    low, high = np.min(lows, 0), np.max(highs, 0)
    half = max(float((high - low)[:2].max()) / 2 / _FILL, 1e-9)
    # The camera's plane is before the model.
    centre = np.array([*(low + high)[:2] / 2, high[2] + half * 0.01]) @ axes
    return View(axes[0], axes[1], axes[2], centre, half)


def _starts(view: View, count: int, rows: range) -> Array:
    """Return where the rays of some rows start."""
    along = ((np.arange(count) + 0.5) / count * 2 - 1) * view.half
    down = -((np.asarray(rows) + 0.5) / count * 2 - 1) * view.half
    points = along[None, :, None] * view.right + down[:, None, None] * view.up + view.centre
    return points.reshape(-1, 3).astype(np.float32)


class _Scene:
    """The parts in one mesh, and the light."""

    def __init__(self, parts: Sequence[Part], view: View) -> None:
        try:
            from embreex import rtcore_scene
            from embreex.mesh_construction import TriangleMesh
        except ImportError as error:
            raise NotAvailable(
                "Pictures cannot be made here: that needs the package embreex, which has no "
                "release for this Python or this processor."
            ) from error
        self._parts = parts
        self._view = view
        self._textures = [
            None if part.material.texture is None else images.pixels(part.material.texture.content)
            for part in parts
        ]
        counts = [len(part.faces) for part in parts]
        self._ends = np.cumsum(counts)
        self._embree = rtcore_scene.EmbreeScene()
        corners = np.concatenate([part.positions[part.faces] for part in parts])
        self._mesh = TriangleMesh(self._embree, np.ascontiguousarray(corners, np.float32))
        key = np.asarray(_KEY_FROM) @ np.stack([view.right, view.up, view.back])
        self._key = key / np.linalg.norm(key)

    def trace(self, starts: Array) -> Array:
        """Return the linear colours (n, 4) that rays from there see."""
        colours = np.zeros((len(starts), 4), np.float32)
        rays = np.arange(len(starts))
        for _ in range(_LAYERS):
            faces, distances, weights = self._hits(starts)
            is_hit = faces != _MISS
            rays, starts = rays[is_hit], starts[is_hit]
            if not len(rays):
                break
            seen = self._shaded(faces[is_hit], weights[is_hit])
            # What is nearer covers what is behind it.
            share = seen[:, 3:] * (1 - colours[rays, 3:])
            colours[rays, :3] += seen[:, :3] * share
            colours[rays, 3:] += share
            goes_on = colours[rays, 3] < 1
            step = distances[is_hit][goes_on, None] + _STEP * self._view.half
            rays = rays[goes_on]
            starts = (starts[goes_on] - step * self._view.back).astype(np.float32)
        colours[:, :3] /= np.maximum(colours[:, 3:], 1e-6)
        return colours

    def _hits(self, starts: Array) -> Tuple[Array, Array, Array]:
        """Return for each ray the face that it hits first, how far that is, and where on it."""
        direction = np.tile(-self._view.back.astype(np.float32), (len(starts), 1))
        found = self._embree.run(starts, direction, query="INTERSECT", output=True)
        second, third = found["u"], found["v"]
        weights = np.stack([1 - second - third, second, third], 1)
        return found["primID"], found["tfar"], weights

    def _shaded(self, faces: Array, weights: Array) -> Array:
        """Return the colours (n, 4) of points on faces."""
        colours = np.zeros((len(faces), 4), np.float32)
        owner = np.searchsorted(self._ends, faces, side="right")
        for index in np.unique(owner):
            chosen = owner == index
            first = self._ends[index] - len(self._parts[index].faces)
            corners = self._parts[index].faces[faces[chosen] - first]
            colours[chosen] = self._part(index, corners, weights[chosen])
        return colours

    def _part(self, index: int, corners: Array, weights: Array) -> Array:
        part = self._parts[index]

        def mixed(values: Array) -> Array:
            result: Array = np.einsum("nc,nck->nk", weights, values[corners])
            return result

        colours = np.tile(np.asarray(part.material.colour, np.float32), (len(corners), 1))
        texture = self._textures[index]
        if texture is not None and part.uv is not None:
            colours *= images.sample(texture, mixed(part.uv))
        if part.colours is not None:
            colours *= mixed(part.colours)
        if part.material.alpha_mode == OPAQUE:
            colours[:, 3] = 1
        elif part.material.alpha_mode == MASK:
            colours[:, 3] = colours[:, 3] >= part.material.alpha_cutoff
        colours[:, :3] *= self._light(part, corners, mixed)[:, None]
        return colours

    def _light(self, part: Part, corners: Array, mixed: Callable[[Array], Array]) -> Array:
        first, second, third = (part.positions[corners[:, corner]] for corner in range(3))
        flat = np.cross(second - first, third - first)
        normals = flat if part.normals is None else mixed(part.normals)
        # Both sides are lit. Which one is seen, the face itself says.
        normals = normals * np.sign(flat @ self._view.back)[:, None]
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        key = np.maximum(normals @ self._key, 0)
        top = np.maximum(normals[:, 1], 0)
        light: Array = _AMBIENT + _KEY * key + _TOP * top
        return light
