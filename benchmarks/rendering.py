"""Draws a mesh on the CPU, orthographically: what measurements and tests look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import trimesh

# Pixels that are worked on at a time.
_BATCH = 4_000_000
_GROUND = 236


class Drawing(NamedTuple):
    """`face` (h, w) int, -1 where there is none; `weights` (h, w, 3) of its corners."""

    face: np.ndarray
    weights: np.ndarray

    @property
    def silhouette(self) -> np.ndarray:
        return self.face >= 0


def turned(degrees: float, down: float = 0.0) -> np.ndarray:
    """The rotation (3, 3) that shows an object turned about its height, seen from `down` above."""
    turn, tilt = np.radians([degrees, down])
    about_y = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    return np.asarray(about_x @ about_y)


# What the camera of each view sees: `left` shows the object's own left side, its front on the left.
VIEWS = {"front": turned(0), "left": turned(-90), "back": turned(180), "right": turned(90)}


def draw(vertices: np.ndarray, faces: np.ndarray, side: int, frame: float = 1.15) -> Drawing:
    """The faces nearest to a camera on +z, on `side` by `side` pixels that show `frame` units."""
    x = (vertices[:, 0] / frame + 0.5) * side - 0.5
    y = (0.5 - vertices[:, 1] / frame) * side - 0.5
    corners = np.stack([x, y, vertices[:, 2]], 1)[faces]
    low = np.ceil(corners[..., :2].min(1)).astype(int).clip(0, side)
    high = np.floor(corners[..., :2].max(1)).astype(int).clip(-1, side - 1)
    size = (high - low + 1).max(1, initial=0)
    seen = np.full(side * side, -np.inf)
    face, weights = np.full(side * side, -1), np.zeros((side * side, 3))
    drawable = (high >= low).all(1)
    for level in range(int(np.ceil(np.log2(side))) + 1):
        reach = 2**level
        of_level = np.flatnonzero(drawable & (size <= reach) & (size > reach // 2))
        for part in np.array_split(of_level, len(of_level) * reach * reach // _BATCH + 1):
            _draw_small(corners, low, part, reach, side, seen, face, weights)
    return Drawing(face.reshape(side, side), weights.reshape(side, side, 3))


def _draw_small(
    corners: np.ndarray,
    low: np.ndarray,
    part: np.ndarray,
    reach: int,
    side: int,
    seen: np.ndarray,
    face: np.ndarray,
    weights: np.ndarray,
) -> None:
    step = np.arange(reach)
    px = (low[part, 0, None, None] + step[None, None, :]) + np.zeros((1, reach, 1), int)
    py = (low[part, 1, None, None] + step[None, :, None]) + np.zeros((1, 1, reach), int)
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (
        corners[part, corner].T[:, :, None, None] for corner in range(3)
    )
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # A face seen edge-on has no area and covers no pixel.
    with np.errstate(divide="ignore", invalid="ignore"):
        wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
        wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
        wa = 1 - wb - wc
        inside = (wa >= 0) & (wb >= 0) & (wc >= 0) & (px < side) & (py < side)
        z = (wa * az + wb * bz + wc * cz)[inside]
    pixel = (py * side + px)[inside]
    order = np.flatnonzero(z > seen[pixel])
    order = order[np.argsort(z[order])]
    seen[pixel[order]] = z[order]
    face[pixel[order]] = np.broadcast_to(part[:, None, None], inside.shape)[inside][order]
    weights[pixel[order]] = np.stack([wa[inside], wb[inside], wc[inside]], 1)[order]


def silhouette(mesh: trimesh.Trimesh, view: np.ndarray, side: int = 640) -> np.ndarray:
    """Where the mesh is, (side, side) bool, as a camera turned by `view` sees it."""
    return draw(mesh.vertices @ view.T, mesh.faces, side).silhouette


def colours(mesh: trimesh.Trimesh, view: np.ndarray, side: int = 640) -> np.ndarray:
    """The texture alone, without light, (side, side, 3) uint8; grey where there is nothing."""
    drawing = draw(mesh.vertices @ view.T, mesh.faces, side)
    return _on_ground(_texels(mesh, drawing), drawing)


def shades(mesh: trimesh.Trimesh, view: np.ndarray, side: int = 640) -> np.ndarray:
    """Clay under a lamp, (side, side, 3) uint8, by the mesh's own normals."""
    drawing = draw(mesh.vertices @ view.T, mesh.faces, side)
    grey = 70 + 160 * _light(mesh, view, drawing)
    return _on_ground(np.repeat(grey[..., None], 3, 2), drawing)


def lit(mesh: trimesh.Trimesh, view: np.ndarray, side: int = 640) -> np.ndarray:
    """The texture under a soft lamp beside the camera, (side, side, 3) uint8."""
    drawing = draw(mesh.vertices @ view.T, mesh.faces, side)
    light = 0.65 + 0.4 * _light(mesh, view, drawing)
    return _on_ground((_texels(mesh, drawing) * light[..., None]).clip(0, 255), drawing)


def _texels(mesh: trimesh.Trimesh, drawing: Drawing) -> np.ndarray:
    """The texture's colour of each pixel; white for a mesh without a texture."""
    texture = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
    if texture is None:
        return np.full((*drawing.face.shape, 3), 230, np.uint8)
    picture = np.asarray(texture.convert("RGB"))
    height, width = picture.shape[:2]
    uv = (mesh.visual.uv[mesh.faces[drawing.face]] * drawing.weights[..., None]).sum(2)
    column = np.clip(uv[..., 0] * width, 0, width - 1).astype(int)
    row = np.clip((1 - uv[..., 1]) * height, 0, height - 1).astype(int)
    return np.asarray(picture[row, column])


def _light(mesh: trimesh.Trimesh, view: np.ndarray, drawing: Drawing) -> np.ndarray:
    """How much light each pixel's surface gets from a lamp beside the camera, 0 to 1."""
    normals = (mesh.vertex_normals[mesh.faces[drawing.face]] * drawing.weights[..., None]).sum(2)
    lamp = np.array([-0.35, 0.6, 0.72])
    lit_share = (normals @ view.T) @ lamp / (np.linalg.norm(normals, axis=2) + 1e-9)
    return np.asarray(lit_share.clip(0, 1))


def _on_ground(picture: np.ndarray, drawing: Drawing) -> np.ndarray:
    return np.where(drawing.silhouette[..., None], picture, _GROUND).astype(np.uint8)
