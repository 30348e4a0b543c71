"""Colours a mesh with its photos, in an atlas in which every point of the surface has its texel.

A texel that a photo shows takes the photo's colour (z-buffer: Catmull, 1974). One that no photo
shows takes that of its mirror image across x = 0, where a photo shows this. On what is left the
colours around it spread along the surface (harmonic interpolation: Zhu, Ghahramani and Lafferty,
ICML 2003). All three pass into each other gradually.
"""

from __future__ import annotations

import io
from typing import NamedTuple, Sequence, Tuple

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import splu

from local_space import atlas, raster
from local_space.camera import Camera
from local_space.segmentation import bounding_box
from local_space.surface import Mesh

# Pixels a side of the atlas, at most.
_SIDE = 1024
_JPEG_QUALITY = 85
# Texels a length of 1; what a photo of 640 px shows of the surface.
_DENSITY = 384.0
# The longer side of the object, in cells, of the grid that tells what a photo shows.
_CELLS = 384
# By how much, in lengths, a point may lie behind what the photo shows and still be it.
_BEHIND = 0.03
# The cosine between normal and camera at which a photo begins to count.
_COUNTS_FROM = 0.08
# The cosine from which on it counts fully.
_COUNTS_FULLY = 0.35
# Cells from the silhouette's edge, or from that of a nearer surface, that mix with what is beside.
_RIM = 3.0
# Next to nothing, but more than what no photo shows.
_LEAST = 0.02
# The cells a length of 1 of the grid on which colours spread.
_SPACE = 40
# How many texels pull at a node of this grid as strongly as a node beside it.
_STIFFNESS = 2.0
# The share of this that remains round an edge.
_ROUND_AN_EDGE = 0.03


class Photo(NamedTuple):
    """What one camera took: `colours` (h, w, 3) uint8, `silhouette` (h, w) bool."""

    colours: np.ndarray
    silhouette: np.ndarray
    camera: Camera


class Skin(NamedTuple):
    """A mesh cut along the atlas's seams, and the atlas."""

    vertices: np.ndarray  # (n, 3) float
    faces: np.ndarray  # (m, 3) int
    normals: np.ndarray  # (n, 3) float
    uv: np.ndarray  # (n, 2) float, v up
    atlas: bytes  # JPEG


class _Shown(NamedTuple):
    """A photo cropped to the object, and on a coarser grid what it shows of the mesh."""

    colours: np.ndarray  # (h, w, 3) uint8
    camera: Camera  # in the pixels of `colours`
    step: float  # pixels of `colours` a cell
    depth: np.ndarray  # (rows, columns) float: the nearest surface, or a nearer one beside it
    share: np.ndarray  # (rows, columns) float: 1 well inside the silhouette, 0 outside


def paint(mesh: Mesh, photos: Sequence[Photo]) -> Skin:
    """The mesh with the colours of `photos`, of which there is at least one."""
    chart = atlas.unwrap(mesh.vertices, mesh.faces, _DENSITY, _SIDE)
    corners = mesh.vertices[mesh.faces].astype(np.float32)
    points = np.einsum("tc,tcx->tx", chart.weights, corners[chart.face])
    normals = atlas.face_normals(mesh.vertices, mesh.faces).astype(np.float32)[chart.face]
    shown = [_shown(mesh, photo) for photo in photos]
    colours, share = _seen(shown, points, normals)
    rest = np.flatnonzero(share < 1)
    flip = np.array([-1, 1, 1], np.float32)
    mirrored, mirrored_share = _seen(shown, points[rest] * flip, normals[rest] * flip)
    mirrored_share *= 1 - share[rest]
    colours *= share[:, None]
    colours[rest] += mirrored_share[:, None] * mirrored
    share[rest] += mirrored_share
    direction = chart.direction[chart.face]
    smooth = _spread(points, normals, direction, colours, share)
    rest = np.flatnonzero(share < 1)
    colours[rest] += (1 - share[rest, None]) * _sampled(smooth, points[rest], direction[rest])
    height, width = chart.shape
    image = np.empty((height * width, 3), np.uint8)
    image[:] = colours.mean(0)
    image[chart.texels] = colours.clip(0, 255)
    uv = chart.uv / [width, height]
    uv[:, 1] = 1 - uv[:, 1]
    return Skin(
        mesh.vertices[chart.vertex],
        chart.faces,
        mesh.normals[chart.vertex],
        uv,
        _jpeg(image.reshape(height, width, 3)),
    )


def _shown(mesh: Mesh, photo: Photo) -> _Shown:
    box = bounding_box(photo.silhouette)
    silhouette, colours = photo.silhouette[box], photo.colours[box]
    # Twice the texels: the nearest pixel is near enough then.
    zoom = 2 * _DENSITY / photo.camera.scale
    height, width = (max(1, round(size * zoom)) for size in silhouette.shape)
    step = max(width, height) / _CELLS
    shape = int(np.ceil(height / step)), int(np.ceil(width / step))
    rows, columns = box
    across, down = photo.camera.centre
    camera = photo.camera._replace(
        scale=photo.camera.scale * zoom,
        centre=((across - columns.start) * zoom, (down - rows.start) * zoom),
    )
    inside = Image.fromarray(silhouette).convert("L").resize(shape[::-1], Image.Resampling.BOX)
    cells = np.asarray(inside) > 127
    distance = ndimage.distance_transform_edt(np.pad(cells, 1))[1:-1, 1:-1]
    share = np.where(cells, ((distance - 0.5) / _RIM).clip(_LEAST, 1), 0)
    zoomed = Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC)
    depth = ndimage.grey_dilation(_depth(mesh, camera, step, shape), size=(3, 3))
    return _Shown(np.asarray(zoomed), camera, step, depth, share.astype(np.float32))


def _depth(mesh: Mesh, camera: Camera, step: float, shape: Tuple[int, int]) -> np.ndarray:
    """The depth of the surface that the camera sees in each cell, -1 where there is none."""
    u, v, depth = camera.project(mesh.vertices)
    corners = (np.stack([u, v], 1) / step)[mesh.faces]
    a, b, c = (corners[:, corner] for corner in range(3))
    # The front of a face is counter-clockwise, and v runs down.
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    front = area < 0
    pixels = raster.covered(corners[front], *shape)
    weights = raster.weights(corners[front], pixels)
    # What runs straight across a picture is the inverse of the distance.
    near = 1 / (1 - depth * camera.nearness) if camera.nearness else depth
    seen = (weights * near[mesh.faces[front]][pixels[0]]).sum(1)
    order = np.argsort(seen, kind="stable")
    buffer = np.full(shape[0] * shape[1], np.nan)
    buffer[(pixels[1] * shape[1] + pixels[2])[order]] = seen[order]
    found = (1 - 1 / buffer) / camera.nearness if camera.nearness else buffer
    return np.where(np.isnan(found), -1.0, found).reshape(shape).astype(np.float32)


def _seen(
    photos: Sequence[_Shown], points: np.ndarray, normals: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """The colour (n, 3) that the photos show of each point, and how far they show it, 0 to 1."""
    total = np.zeros((len(points), 3), np.float32)
    weight, most = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
    for photo in photos:
        towards = photo.camera.rotation()[2].astype(np.float32) - photo.camera.nearness * points
        facing = np.einsum("ij,ij->i", normals, towards) / np.linalg.norm(towards, axis=1)
        front = np.flatnonzero(facing > _COUNTS_FROM)
        u, v, depth = photo.camera.project(points[front])
        height, width = photo.colours.shape[:2]
        column, row = u.astype(int).clip(0, width - 1), v.astype(int).clip(0, height - 1)
        cell = (row / photo.step).astype(int), (column / photo.step).astype(int)
        behind = (photo.depth[cell] - depth) / _BEHIND
        faced = (facing[front] - _COUNTS_FROM) / (_COUNTS_FULLY - _COUNTS_FROM)
        share = photo.share[cell] * faced.clip(0, 1) * (2 - 2 * behind).clip(0, 1)
        share = share.astype(np.float32)
        # Of several photos, that which a surface faces most counts most.
        power = share * facing[front] ** 4
        total[front] += power[:, None] * photo.colours[row, column]
        weight[front] += power
        most[front] = np.maximum(most[front], share)
    return total / np.maximum(weight, 1e-9)[:, None], most


def _spread(
    points: np.ndarray,
    normals: np.ndarray,
    direction: np.ndarray,
    colours: np.ndarray,
    share: np.ndarray,
) -> np.ndarray:
    """The colours (4, 6, s, s, s) that spread from what is known of the texels along the surface.

    Texels of one cell in space that look along one of the six directions are a node of a graph.
    Nodes of the same cell or of cells side by side are linked: strongly where the surface goes
    smoothly on, weakly round an edge, not at all from one face of a thin board to the other. The
    nodes' colours minimise the sum of share * (difference to a texel)² and of stiffness *
    (difference of linked nodes)². `colours` (t, 3) come multiplied by `share` (t,). The fourth
    channel is 1 where there is a node, else all are 0.
    """
    shape = (6, _SPACE + 2, _SPACE + 2, _SPACE + 2)
    cell = ((points + 0.5) * _SPACE).astype(int).clip(0, _SPACE - 1) + 1
    key = np.ravel_multi_index((direction, *cell.T), shape)
    nodes = np.flatnonzero(np.bincount(key))
    number = np.full(shape, -1)
    number.ravel()[nodes] = np.arange(len(nodes))
    node = number.ravel()[key]
    _, *place = np.unravel_index(nodes, shape)
    starts, ends = [], []
    for step in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        beside = tuple(axis + move for axis, move in zip(place, step))
        for other in range(6):
            end = number[(other, *beside)]
            linked = np.flatnonzero(end >= 0)
            starts.append(linked)
            ends.append(end[linked])
    start, end = np.concatenate(starts), np.concatenate(ends)
    looks = _sums(node, normals)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
    same = np.einsum("ij,ij->i", looks[start], looks[end])
    stiff = _STIFFNESS * np.where(same < -0.5, 0, np.maximum(same, _ROUND_AN_EDGE))
    links = coo_matrix((stiff, (start, end)), (len(nodes),) * 2)
    known, wanted = np.bincount(node, share), _sums(node, colours)
    # A part that no photo shows at all has the mean of all colours.
    mean = wanted.sum(0) / max(known.sum(), 1e-9)
    system = laplacian(links.tocsr(), symmetrized=True) + diags(known + _LEAST**2)
    solver = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    solved = solver.solve(wanted + _LEAST**2 * mean).astype(np.float32)
    grid = np.zeros((4, *shape), np.float32)
    grid.reshape(4, -1)[:3, nodes] = solved.T
    grid.reshape(4, -1)[3, nodes] = 1
    return grid


def _sums(node: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sums (n, 3) of the `values` (t, 3) of each node."""
    return np.stack([np.bincount(node, channel) for channel in values.T], 1)


def _sampled(grid: np.ndarray, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The colours (n, 3) of `_spread` at points, between the nodes of their direction."""
    at = (points + 0.5) * _SPACE + 0.5
    low = at.astype(np.int32)
    high = at - low
    shares = 1 - high, high
    flat = np.ascontiguousarray(grid.reshape(4, -1).T)
    side = grid.shape[-1]
    strides = np.array([side * side, side, 1])
    first = direction * side**3 + low @ strides
    total = np.zeros((len(points), 4), np.float32)
    for x, y, z in np.ndindex(2, 2, 2):
        weight = shares[x][:, 0] * shares[y][:, 1] * shares[z][:, 2]
        total += weight[:, None] * flat[first + strides @ (x, y, z)]
    return total[:, :3] / total[:, 3:]


def _jpeg(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
