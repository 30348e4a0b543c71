"""Photos of a piece of furniture to its closed surface.

One photo: the network says what it is and from where it is seen; camera and proportions are then
fitted to the silhouette (Nelder and Mead, 1965); the surface is the zero level of its occupancy.
"""

from __future__ import annotations

from typing import List, Mapping, NamedTuple, Tuple

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize

from local_space import geometry, recognition, surface
from local_space.camera import Camera
from local_space.camera import framed as camera_of
from local_space.outlines import MARGIN
from local_space.recognition import SIDE, Hypothesis, Recognised
from local_space.segmentation import View
from local_space.surface import Mesh

# Cells of the longest side: while fitting, and of the surface.
_COARSE, _CELLS = 24, 72
# How far a fit may go from what the network says before it costs a hundredth of the overlap:
# degrees around and above, logarithms of nearness and of two proportions.
_FREEDOM = np.array([5.0, 4.0, 0.25, 0.08, 0.08])
_COST = 0.01
_STEPS = 80
# What a likelier angle is worth, in overlap, per factor of e.
_LIKELY = 0.015
# Cells whose coarse logits are nearer to 0 than this are looked at more closely.
_SURE = 4.0


class NothingLikeFurniture(ValueError):
    """No piece of furniture explains the photo."""


class _Fit(NamedTuple):
    hypothesis: Hypothesis
    overlap: float
    value: float  # overlap less what it costs


def build(
    views: Mapping[str, View], octree_resolution: int = 256
) -> Tuple[Mesh, Camera, Recognised]:
    """The mesh, the front photo's camera in its pixels, and what was recognised there.

    Views from a side make it a visual hull, and the cameras orthographic ones. Raises
    NothingLikeFurniture and geometry.NothingInCommon.
    """
    recognised = recognition.recognise(views["front"])
    if "left" in views or "right" in views:
        silhouettes = {name: view.silhouette for name, view in views.items()}
        mesh = geometry.build(silhouettes, octree_resolution)
        camera = camera_of(0.0, 0.0, 0.0, mesh.vertices, views["front"].silhouette)
        return mesh, camera, recognised
    fits = [_fitted(recognised, hypothesis) for hypothesis in recognised.hypotheses]
    best = max(fits, key=lambda fit: fit.value)
    field = _field(recognised, best.hypothesis)
    if field.max() <= 0:
        raise NothingLikeFurniture
    mesh = surface.extract(field, octree_resolution)
    return mesh, recognised.in_photo(best.hypothesis.camera), recognised


def _fitted(recognised: Recognised, start: Hypothesis) -> _Fit:
    """Camera and proportions whose silhouette overlaps most with the photo's."""
    boxed = _grid(np.full(3, _COARSE))
    logits = recognised.logits(boxed, start).reshape(_COARSE, _COARSE, _COARSE)
    solid = logits > 0
    rim = solid & ~ndimage.binary_erosion(solid, iterations=1)
    points = boxed.reshape(*solid.shape, 3)[rim]
    mask = recognised.crop.image[3]
    if len(points) < 20:
        return _Fit(start, 0.0, -1.0)
    first = _numbers(start)

    def loss(step: np.ndarray) -> float:
        tried = _with_numbers(start, first + step * _FREEDOM, points, mask)
        return _COST * float(step @ step) - _overlap(tried, points, mask)

    corners = np.concatenate([np.zeros((1, 5)), np.eye(5)])
    found = minimize(
        loss, np.zeros(5), method="Nelder-Mead", options={"maxfev": _STEPS, "initial_simplex": corners}
    )
    best = _with_numbers(start, first + found.x * _FREEDOM, points, mask)
    overlap = _overlap(best, points, mask)
    return _Fit(best, overlap, -float(found.fun) + _LIKELY * float(np.log(start.probability)))


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
        around=numbers[0], above=float(np.clip(numbers[1], -5, 60)), nearness=float(np.exp(numbers[2]))
    )
    u, v, _ = camera._replace(scale=1.0, centre=(0.0, 0.0)).project(points * half)
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    rows, columns = np.flatnonzero((mask > 0.5).any(1)), np.flatnonzero((mask > 0.5).any(0))
    first = np.array([columns[0], rows[0]]) / SIDE
    last = np.array([columns[-1] + 1, rows[-1] + 1]) / SIDE
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
    return ndimage.binary_closing(drawn, np.ones((3, 3)), iterations=2)


def _grid(counts: np.ndarray) -> np.ndarray:
    """The middles of the box's cells, (n, 3), -1 to 1."""
    lines = [(np.arange(n) + 0.5) / n * 2 - 1 for n in counts]
    return np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)


def _field(recognised: Recognised, hypothesis: Hypothesis) -> np.ndarray:
    """Signed distances in cells, positive inside, (rows, columns, layers) with MARGIN around."""
    counts = np.maximum(8, np.round(hypothesis.half * 2 * _CELLS)).astype(int)
    few = np.maximum(8, np.round(counts / 3)).astype(int)
    coarse = recognised.logits(_grid(few), hypothesis).reshape(few)
    zoomed = ndimage.zoom(coarse, counts / few, order=1, mode="nearest", grid_mode=True)
    low = ndimage.minimum_filter(coarse, 3)
    high = ndimage.maximum_filter(coarse, 3)
    open_question = (low < _SURE) & (high > -_SURE)
    look = ndimage.zoom(open_question, counts / few, order=0, mode="nearest", grid_mode=True)
    fine = zoomed.ravel()
    at = np.flatnonzero(look.ravel())
    fine[at] = recognised.logits(_grid(counts)[at], hypothesis)
    logits = np.pad(fine.reshape(counts), MARGIN, constant_values=-8.0).astype(np.float32)
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(logits)))
    distance = logits / np.maximum(slope, 0.5)
    return distance.clip(-4, 4).transpose(1, 0, 2)[::-1].copy()
