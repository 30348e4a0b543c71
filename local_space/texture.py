"""Colours a mesh with its photos: each projected onto the surfaces that face it, in one atlas.

Every photo is a page of the atlas. A face takes the page that it faces most and is seen in; the
pages themselves are blended where a surface turns from one to the next, so that both sides of a
seam have one colour (view-dependent weights: Debevec, Taylor and Malik, SIGGRAPH 1996). A side that
no photo shows takes the opposite one's page, or the nearest colour that the front shows.
"""

from __future__ import annotations

import io
from typing import Dict, List, Mapping, NamedTuple, Tuple

import numpy as np
from PIL import Image
from scipy import ndimage

from local_space import outlines
from local_space.segmentation import View
from local_space.surface import Mesh

_ATLAS = 2048
_GUTTER = 4
_JPEG = {"quality": 92, "subsampling": 0}
# The longer side of the small copy in which the background takes the object's nearest colour.
_SMALL = 256
# Cells by which a point may lie behind what a view sees and still be it.
_SEEN_WITHIN = 3.0
# What a face that a view does not see has left of its score, and what the front has before others.
_HIDDEN, _FRONT_BONUS = 0.2, 0.05

# Where each camera is: axis (0 x, 1 y, 2 z) and sign.
_CAMERAS = {"front": (2, 1), "back": (2, -1), "left": (0, 1), "right": (0, -1)}
_OPPOSITE = {"front": "back", "back": "front", "left": "right", "right": "left"}


class Skin(NamedTuple):
    """A mesh cut along the atlas's seams, and the atlas."""

    vertices: np.ndarray  # (n, 3) float
    faces: np.ndarray  # (m, 3) int
    normals: np.ndarray  # (n, 3) float
    uv: np.ndarray  # (n, 2) float, v up
    atlas: Image.Image  # JPEG


class _Page(NamedTuple):
    colours: np.ndarray  # (h, w, 3) float32, as the camera sees it
    depth: np.ndarray  # (rows, across): cells from the box's middle towards the camera
    corner: Tuple[int, int]  # row and column in the atlas


def paint(mesh: Mesh, views: Mapping[str, View]) -> Skin:
    """The mesh with the colours of `views`, of which `front` is one."""
    pages, size = _pages(mesh, views)
    atlas = np.zeros((size[1], size[0], 3), np.uint8)
    for name, page in pages.items():
        blended = _blended(name, pages).clip(0, 255).astype(np.uint8)
        gutter = min(_GUTTER, page.corner[1])
        padded = np.pad(blended, ((gutter, gutter), (gutter, gutter), (0, 0)), "edge")
        row, column = page.corner[0] - gutter, page.corner[1] - gutter
        atlas[row : row + padded.shape[0], column : column + padded.shape[1]] = padded
    names = list(pages)
    chosen = _choose(mesh, pages)
    vertex, page_of_vertex, faces = _cut(mesh.faces, chosen)
    uv = np.zeros((len(vertex), 2))
    for index, name in enumerate(names):
        of_page = page_of_vertex == index
        across, up = _seen(name, mesh.in_box[vertex[of_page]])
        (height, width), (row, column) = pages[name].colours.shape[:2], pages[name].corner
        uv[of_page, 0] = (column + across * width) / size[0]
        uv[of_page, 1] = 1 - (row + (1 - up) * height) / size[1]
    return Skin(mesh.vertices[vertex], faces, mesh.normals[vertex], uv, _jpeg(atlas))


def _seen(name: str, in_box: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Where the camera `name` sees points of the box: from its picture's left, from its bottom."""
    axis, sign = _CAMERAS[name]
    across = in_box[:, 0] if axis == 2 else in_box[:, 2]
    # The front view has x to its right, the one from the right (-x) has z to its right.
    return (across if (sign > 0) == (axis == 2) else 1 - across), in_box[:, 1]


def _pages(mesh: Mesh, views: Mapping[str, View]) -> Tuple[Dict[str, _Page], Tuple[int, int]]:
    """A page for every view, all of one scale, and the atlas's width and height."""
    boxes = {name: outlines.box(view.silhouette) for name, view in views.items()}
    sizes = {name: view.silhouette[boxes[name]].shape for name, view in views.items()}
    shape = {name: width / height for name, (height, width) in sizes.items()}
    # Two shelves at most, of pages that are one high.
    one, two = [list(views)], [list(views)[:2], list(views)[2:]]
    shelves = min((one, two) if len(views) > 2 else (one,), key=lambda it: _longest(it, shape))
    gutter = _GUTTER if len(views) > 1 else 0
    room = _ATLAS - 2 * gutter * len(views)
    height = int(min(room / _longest(shelves, shape), max(size[0] for size in sizes.values())))
    pages: Dict[str, _Page] = {}
    right = bottom = 0
    for shelf in shelves:
        left = gutter
        for name in shelf:
            width = max(1, round(height * shape[name]))
            colours = _filled(views[name], boxes[name], height, width)
            pages[name] = _Page(colours, _depth(name, mesh.solid), (bottom + gutter, left))
            left += width + 2 * gutter
        right = max(right, left - gutter)
        bottom += height + 2 * gutter
    return pages, (right, bottom)


def _longest(shelves: List[List[str]], shape: Mapping[str, float]) -> float:
    """The longer side of an atlas with these shelves."""
    widths = [sum(shape[name] for name in shelf) for shelf in shelves]
    return max(*widths, len(shelves))


def _filled(view: View, box: outlines.Box, height: int, width: int) -> np.ndarray:
    """The object's box in (height, width) pixels, its background in the nearest colours of it."""
    colours = Image.fromarray(view.colours[box]).resize((width, height), Image.Resampling.LANCZOS)
    inside = outlines.resized(view.silhouette[box], height, width)
    # The outermost pixels are a mixture with the background.
    core = ndimage.binary_erosion(inside, iterations=2)
    core = core if core.any() else inside
    shrink = max(1, max(height, width) // _SMALL)
    size = (max(1, width // shrink), max(1, height // shrink))
    small_core = np.asarray(Image.fromarray(core).resize(size, Image.Resampling.NEAREST))
    small = np.asarray(colours.resize(size, Image.Resampling.NEAREST))
    if not small_core.any():
        return np.asarray(colours, dtype=np.float32)
    nearest = ndimage.distance_transform_edt(
        ~small_core, return_distances=False, return_indices=True
    )
    around = Image.fromarray(small[tuple(nearest)]).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return np.where(core[..., None], np.asarray(colours), np.asarray(around)).astype(np.float32)


def _depth(name: str, solid: np.ndarray) -> np.ndarray:
    """How far towards the camera the solid reaches, in cells from the box's middle."""
    axis, sign = _CAMERAS[name]
    cells = solid if axis == 2 else solid.transpose(0, 2, 1)
    length = cells.shape[2]
    towards = cells[:, :, ::-1] if sign > 0 else cells
    reach = length / 2 - towards.argmax(2)
    reach = np.where(towards.any(2), reach, -length / 2)
    mirrored = (sign > 0) != (axis == 2)
    return (reach[:, ::-1] if mirrored else reach).astype(np.float32)


def _blended(name: str, pages: Mapping[str, _Page]) -> np.ndarray:
    """The page, mixed with those of the cameras beside it where the surface turns to them."""
    page = pages[name]
    # The slope of the surface as this camera sees it: to its right and out of the picture.
    right = -ndimage.gaussian_filter(page.depth, 1.0, order=(0, 1))
    facing = 1 / np.sqrt(1 + right**2)
    mixed, total = page.colours * 1.0, np.ones(page.colours.shape[:2], np.float32)
    axis, sign = _CAMERAS[name]
    for other, (other_axis, other_sign) in _CAMERAS.items():
        if other not in pages or other_axis == axis:
            continue
        # Whether this picture's right is towards the other camera.
        towards = other_sign * sign * (1 if axis == 2 else -1)
        turned = np.maximum(0, towards * right) * facing
        row, across = np.mgrid[: page.depth.shape[0], : page.depth.shape[1]]
        width = page.depth.shape[1]
        own = (across + 0.5 - width / 2) * towards
        there = _column(page.depth - 0.5, pages[other].depth.shape[1], name, other)
        seen = np.abs(pages[other].depth[row, there] - own) < _SEEN_WITHIN
        weight = (turned**2 / np.maximum(facing**2, 1e-3)).clip(0, 1) * seen
        weight = _stretched(ndimage.gaussian_filter(weight, 1.0), page.colours.shape[:2])
        used = weight > 0.02
        at_row, at_column = np.nonzero(used)
        height, pixels = page.colours.shape[:2]
        deep = page.depth[
            at_row * page.depth.shape[0] // height, at_column * page.depth.shape[1] // pixels
        ]
        source = pages[other].colours
        cells = pages[other].depth.shape[1]
        column = _column(deep - 0.5, cells, name, other) * source.shape[1] // cells
        shares = weight[used][:, None]
        mixed[used] += shares * source[at_row.clip(0, source.shape[0] - 1), column]
        total[used] += shares[:, 0]
    return mixed / total[..., None]


def _column(depth: np.ndarray, cells: int, name: str, other: str) -> np.ndarray:
    """The other picture's column, of `cells`, that shows what is `depth` towards camera `name`."""
    sign = _CAMERAS[name][1]
    other_axis, other_sign = _CAMERAS[other]
    to_the_right = sign * other_sign * (1 if other_axis == 2 else -1)
    return np.clip(np.round(cells / 2 - 0.5 + to_the_right * depth), 0, cells - 1).astype(int)


def _stretched(weights: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    image = Image.fromarray(weights.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def _choose(mesh: Mesh, pages: Mapping[str, _Page]) -> np.ndarray:
    """The page of each face, (m,) int."""
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    middles = mesh.in_box[mesh.faces].mean(1)
    rows, columns, layers = mesh.solid.shape
    scores = []
    for name, page in pages.items():
        axis, sign = _CAMERAS[name]
        facing = normals[:, axis] * sign
        across, up = _seen(name, middles)
        wide = page.depth.shape[1]
        row = np.clip((1 - up) * rows, 0, rows - 1).astype(int)
        column = np.clip(across * wide, 0, wide - 1).astype(int)
        deep = (middles[:, axis] - 0.5) * sign * (layers if axis == 2 else columns)
        seen = page.depth[row, column] - deep < _SEEN_WITHIN
        score = np.maximum(facing, 0) * np.where(seen, 1.0, _HIDDEN)
        if _OPPOSITE[name] not in pages:
            # Stands in for the side that no photo shows.
            score = np.maximum(score, np.maximum(-facing, 0) * 0.9)
        scores.append(score + (_FRONT_BONUS if name == "front" else 0.0))
    return np.argmax(scores, axis=0)


def _cut(faces: np.ndarray, chosen: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(old vertex, page) of each new vertex and the faces of these: one vertex per page."""
    pages = int(chosen.max()) + 1
    key = faces.astype(np.int64) * pages + chosen[:, None]
    used, new_faces = np.unique(key, return_inverse=True)
    return used // pages, used % pages, new_faces.reshape(faces.shape)


def _jpeg(atlas: np.ndarray) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(atlas).save(file, "JPEG", **_JPEG)
    return Image.open(file)
