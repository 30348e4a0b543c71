"""Photos of a piece of furniture to its closed surface.

One photo: the network says what it is and from where it is seen; camera and proportions are then
fitted to the silhouette (Nelder and Mead, 1965); the surface is the zero level of the network's
field. With a view from a side: the visual hull, without what the field says is empty.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Tuple

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize
from skimage.graph import MCP_Geometric

from local_space import hull, recognition, surface
from local_space.camera import Camera, framed
from local_space.hull import MARGIN
from local_space.recognition import FILL, SIDE, Hypothesis, Recognised
from local_space.segmentation import View, bounding_box
from local_space.surface import Mesh

# Cells of the longest side of the surface, per unit of the octree resolution.
_CELLS_PER_OCTREE = 80 / 256
# And at least.
_MIN_CELLS = 32
# A box with a larger share of a cube gets as many cells as one with this share: the time grows with
# their number.
_SHARE = 0.3

# Cells a side of the field that is fitted to the silhouette.
_COARSE = 36
# A field with fewer surface cells than this is nothing to be fitted.
_FEWEST = 20
# Steps of a fit.
_STEPS = 60
# How far a fit may go from what the network says before it costs _COST of the overlap: degrees
# around and above, logarithms of nearness and of two proportions.
_FREEDOM = np.array([5.0, 4.0, 0.25, 0.08, 0.08])
_COST = 0.003
# Degrees above the horizon from which a photo may be taken.
_LOWEST = -5.0
_HIGHEST = 60.0
# What a likelier angle is worth, in overlap, per factor of e.
_LIKELY = 0.015

# What is likelier no furniture than this is refused. Validation pieces and photos of furniture
# reach 0.64.
_NO_FURNITURE = 0.8
# A class that is less likely is none. All validation pieces are above.
_MIN_PROBABILITY = 0.25
# A fit whose silhouette overlaps less with the photo's explains nothing. All validation pieces are
# above; thin ones overlap little.
_MIN_OVERLAP = 0.3
# What stands beside the largest part is a second piece if it has more than this of its area.
_BESIDE = 0.25

# How near the camera of a view straight from the front is.
_FAR = 0.1
# The cells of the longest side of the network's field that carves a visual hull.
_CARVING_CELLS = 40
# By how many of the hull's cells something must be empty before the hull loses it.
_DOUBT = 1.0

# Cells whose coarse logits are nearer to 0 than this are looked at more closely.
_SURE = 1.5
# Cells of the Gaussian over the network's field, which is ragged.
_RAGGED = 0.7
# What a way to a part that floats costs a cell, beside what the cells' logits are below 0.
_WAY_COST = 0.1
# A part is left out if the way to it costs more than this, in sides of a cube as large as the part.
_FARTHEST = 3.2
# So is a part of fewer cells.
_SPECK = 5
# The logits of the cells that join a part to the rest: the larger, the thicker the joint.
_JOINT = 2.0


class NothingLikeFurniture(ValueError):
    """No piece of furniture explains the photo."""


class SeveralPieces(ValueError):
    """The photo shows more than one thing."""


class _Fit(NamedTuple):
    hypothesis: Hypothesis
    overlap: float  # of the silhouettes, 0 to 1
    value: float  # the overlap, and what the likelihood of the angle adds


def build(
    views: Mapping[str, View], octree_resolution: int = 256
) -> Tuple[Mesh, Camera, Recognised]:
    """The mesh, the front photo's camera in its pixels, and what was recognised there.

    Views from a side make it a visual hull, and the cameras orthographic ones. Raises
    NothingLikeFurniture, SeveralPieces and hull.NothingInCommon.
    """
    if _are_apart(views["front"].silhouette):
        raise SeveralPieces
    recognised = recognition.recognise(views["front"])
    if "left" in views or "right" in views:
        silhouettes = {name: view.silhouette for name, view in views.items()}
        field = _carved(hull.field(silhouettes, octree_resolution), recognised)
        mesh = surface.extract(field, octree_resolution)
        return mesh, framed(0.0, 0.0, 0.0, mesh.vertices, views["front"].silhouette), recognised
    if recognised.nothing > _NO_FURNITURE or recognised.probability < _MIN_PROBABILITY:
        raise NothingLikeFurniture
    fits = [_fitted(recognised, hypothesis) for hypothesis in recognised.hypotheses]
    best = max((fit for fit in fits if fit), key=lambda fit: fit.value, default=None)
    if best is None or best.overlap < _MIN_OVERLAP:
        raise NothingLikeFurniture
    field = _field(recognised, best.hypothesis, octree_resolution)
    if field.max() <= 0:
        raise NothingLikeFurniture
    mesh = surface.extract(field, octree_resolution)
    return mesh, recognised.in_photo(best.hypothesis.camera), recognised


def _are_apart(silhouette: np.ndarray) -> bool:
    """Whether large parts of a silhouette stand side by side with a gap from top to bottom."""
    column, _ = ndimage.label(silhouette.any(0))
    areas = np.bincount(column, silhouette.sum(0))[1:]
    return int((areas > _BESIDE * areas.max()).sum()) > 1


def _carved(solid: np.ndarray, recognised: Recognised) -> np.ndarray:
    """A visual hull without what the network says is empty; its silhouettes stay whole."""
    counts = np.array(solid.shape)[[1, 0, 2]] - 2 * MARGIN
    half = counts / counts.max() / 2
    camera = Camera(0.0, 0.0, _FAR, FILL / 2 / half[:2].max(), (0.5, 0.5))
    few = np.maximum(8, np.round(2 * half * _CARVING_CELLS)).astype(int)
    logits = recognised.logits(_grid(few), Hypothesis(camera, half, 1.0)).reshape(few)
    smooth = ndimage.gaussian_filter(logits, 1.0)
    fine = ndimage.zoom(smooth, counts / few, order=1, mode="nearest", grid_mode=True)
    carved = np.minimum(solid, _distances(fine) + _DOUBT)
    for axis in (2, 1):
        lost = (solid > 0).any(axis) & ~(carved > 0).any(axis)
        carved = np.where(np.expand_dims(lost, axis), solid, carved)
    return carved


def _fitted(recognised: Recognised, start: Hypothesis) -> Optional[_Fit]:
    """Camera and proportions at which the field's silhouette overlaps most with the photo's."""
    points = _rim(recognised, start)
    if len(points) < _FEWEST:
        return None
    mask = recognised.crop.image[3]
    first = _numbers(start)

    def loss(step: np.ndarray) -> float:
        tried = _with_numbers(start, first + step * _FREEDOM, points, mask)
        return _COST * float(step @ step) - _overlap(tried, points, mask)

    corners = np.concatenate([np.zeros((1, 5)), np.eye(5)])
    options = {"maxfev": _STEPS, "initial_simplex": corners}
    found = minimize(loss, np.zeros(5), method="Nelder-Mead", options=options)
    best = _with_numbers(start, first + found.x * _FREEDOM, points, mask)
    overlap = _overlap(best, points, mask)
    return _Fit(best, overlap, overlap + _LIKELY * float(np.log(start.probability)))


def _rim(recognised: Recognised, hypothesis: Hypothesis) -> np.ndarray:
    """Points of the field's surface cells, in box coordinates, moved out so that they reach it."""
    counts = np.full(3, _COARSE)
    solid = _logits(recognised, hypothesis, counts, 2) > 0
    rim = (solid & ~ndimage.binary_erosion(solid)).ravel()
    return _grid(counts)[rim] * (_COARSE / (_COARSE - 1))


def _numbers(hypothesis: Hypothesis) -> np.ndarray:
    camera, half = hypothesis.camera, hypothesis.half
    rest = np.log(half[[0, 2]] / half[1])
    return np.array([camera.around, camera.above, np.log(camera.nearness), *rest])


def _with_numbers(
    start: Hypothesis, numbers: np.ndarray, points: np.ndarray, mask: np.ndarray
) -> Hypothesis:
    """The hypothesis of these numbers; scale and middle make the silhouettes' boxes the same."""
    half = np.exp([numbers[3], 0.0, numbers[4]])
    half *= 0.5 / half.max()
    camera = start.camera._replace(
        around=numbers[0],
        above=float(np.clip(numbers[1], _LOWEST, _HIGHEST)),
        nearness=float(np.exp(numbers[2])),
    )
    u, v, _ = camera._replace(scale=1.0, centre=(0.0, 0.0)).project(points * half)
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    rows, columns = bounding_box(mask > 0.5)
    first = np.array([columns.start, rows.start]) / SIDE
    last = np.array([columns.stop, rows.stop]) / SIDE
    scale = float(((last - first).sum()) / (high - low).sum())
    middle = (first + last) / 2 - scale * (low + high) / 2
    return start._replace(
        camera=camera._replace(scale=scale, centre=(float(middle[0]), float(middle[1]))), half=half
    )


def _overlap(hypothesis: Hypothesis, points: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union of the points' silhouette and the mask."""
    drawn = _silhouette(hypothesis, points)
    return float(np.minimum(drawn, mask).sum() / np.maximum(drawn, mask).sum())


def _silhouette(hypothesis: Hypothesis, points: np.ndarray) -> np.ndarray:
    u, v, _ = hypothesis.camera.project(points * hypothesis.half)
    column, row = (np.floor(at * SIDE).astype(int).clip(0, SIDE - 1) for at in (u, v))
    drawn = np.zeros((SIDE, SIDE), bool)
    drawn[row, column] = True
    return ndimage.binary_closing(drawn, np.ones((3, 3)))


def _field(recognised: Recognised, hypothesis: Hypothesis, octree_resolution: int) -> np.ndarray:
    """The signed distances of the network's surface."""
    sides = hypothesis.half * 2
    fewer = min(1.0, (_SHARE / sides.prod()) ** (1 / 3))
    cells = max(_MIN_CELLS, _CELLS_PER_OCTREE * octree_resolution * fewer)
    counts = np.maximum(8, np.round(sides * cells)).astype(int)
    logits = _logits(recognised, hypothesis, counts, 3)
    return _distances(_whole(ndimage.gaussian_filter(logits, _RAGGED)))


def _whole(logits: np.ndarray) -> np.ndarray:
    """The field with its parts joined: furniture is one piece, and nothing of it floats.

    A part and the largest one are joined on the way that is least outside (Dijkstra, 1959). A part
    that is far for its size is left out.
    """
    parts, count = ndimage.label(logits > 0)
    if count < 2:
        return logits
    sizes = np.bincount(parts.ravel())
    order = np.argsort(-sizes[1:]) + 1
    largest, others = order[0], order[1:]
    ways = MCP_Geometric(_WAY_COST + np.maximum(0, -logits))
    solid = parts == largest
    costs, _ = ways.find_costs(np.argwhere(solid & ~ndimage.binary_erosion(solid)))
    joint = np.zeros(logits.shape, bool)
    for part, nearest in zip(others, ndimage.minimum_position(costs, parts, others)):
        if sizes[part] >= _SPECK and costs[nearest] < _FARTHEST * np.cbrt(sizes[part]):
            joint[tuple(np.transpose(ways.traceback(nearest)))] = True
        else:
            logits[parts == part] = -1
    return np.where(ndimage.binary_dilation(joint), np.maximum(logits, _JOINT), logits)


def _grid(counts: np.ndarray) -> np.ndarray:
    """The middles of the box's cells, (n, 3), -1 to 1."""
    lines = [(np.arange(n) + 0.5) / n * 2 - 1 for n in counts]
    return np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)


def _distances(logits: np.ndarray) -> np.ndarray:
    """Signed distances in cells of values (columns, rows, layers) that are over 0 inside.

    They are positive inside, (rows, columns, layers) with MARGIN around.
    """
    logits = np.pad(logits, MARGIN, constant_values=-abs(float(logits.min()))).astype(np.float32)
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(logits)))
    distance = logits / np.maximum(slope, 0.25)
    return distance.clip(-4, 4).transpose(1, 0, 2)[::-1].copy()


def _logits(
    recognised: Recognised, hypothesis: Hypothesis, counts: np.ndarray, step: int
) -> np.ndarray:
    """The network's field on `counts` cells a side.

    It is looked at closely where cells that are `step` times as large say the surface may be.
    """
    few = np.maximum(8, np.round(counts / step)).astype(int)
    coarse = recognised.logits(_grid(few), hypothesis).reshape(few)
    zoomed = ndimage.zoom(coarse, counts / few, order=1, mode="nearest", grid_mode=True)
    low = ndimage.minimum_filter(coarse, 3)
    high = ndimage.maximum_filter(coarse, 3)
    open_question = (low < _SURE) & (high > -_SURE)
    look = ndimage.zoom(open_question, counts / few, order=0, mode="nearest", grid_mode=True)
    fine = zoomed.ravel()
    at = np.flatnonzero(look.ravel())
    fine[at] = recognised.logits(_grid(counts)[at], hypothesis)
    return fine.reshape(counts)
