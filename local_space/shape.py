"""Photos of a piece of furniture to its closed surface.

One photo: the network says what it is and from where it is seen; camera and proportions are then
fitted to the silhouette (Nelder and Mead, 1965); the surface is the zero level of the network's
field, or that of the catalogue's piece that agrees with it, where the field falls into fragments.
With a view from a side: the visual hull, without what the field says is empty.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Tuple

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize

from local_space import geometry, recognition, surface, templates
from local_space.camera import Camera, framed
from local_space.outlines import MARGIN
from local_space.recognition import FILL, SIDE, Hypothesis, Recognised
from local_space.segmentation import View
from local_space.surface import Mesh
from local_space.templates import COARSE

# Cells of the longest side of the surface: of the octree resolution, and at least.
_CELLS_PER_OCTREE, _MIN_CELLS = 80 / 256, 32
# A field with fewer surface cells than this is nothing that could be fitted.
_FEWEST = 20
# The share of a field outside its largest part that makes it rubble, and how many pieces of the
# catalogue are fitted then.
_RUBBLE, _TEMPLATES = 0.055, 4
# Surfaces are compared on this many cells, and are the same within this share of the longest side.
# What explaining the photo counts beside agreeing with the field.
_CUBE, _NEAR, _EXPLAINS = 32, 0.05, 0.5
# Fits whose silhouettes overlap less with the photo's explain nothing, and a class that is less
# likely is none. All validation pieces are above both; thin pieces overlap little. What is likelier
# no furniture than this is refused: validation pieces and photos of furniture reach 0.64.
_MIN_OVERLAP, _MIN_PROBABILITY, _NO_FURNITURE = 0.3, 0.25, 0.8
# Of the largest part's area: what stands beside it is a second piece if it is larger.
_BESIDE = 0.25
# How far a fit may go from what the network says before it costs a hundredth of the overlap:
# degrees around and above, logarithms of nearness and of two proportions.
_FREEDOM = np.array([5.0, 4.0, 0.25, 0.08, 0.08])
_COST = 0.01
_STEPS = 60
# Pixels of the silhouettes that are compared, half of the network's.
_SIDE = SIDE // 2
# What a likelier angle is worth, in overlap, per factor of e.
_LIKELY = 0.015
# How near the camera of a view straight from the front is; the cells of the longest side that carve
# a visual hull; by how many of the hull's cells something must be empty before the hull loses it.
_FAR, _CARVING_CELLS, _DOUBT = 0.1, 40, 1.0
# Cells of the Gaussian over the network's field, which is ragged.
_RAGGED = 0.7
# Cells whose coarse logits are nearer to 0 than this are looked at more closely.
_SURE = 1.5


class NothingLikeFurniture(ValueError):
    """No piece of furniture explains the photo."""


class SeveralPieces(ValueError):
    """The photo shows more than one thing."""


class _Fit(NamedTuple):
    hypothesis: Hypothesis
    template: Optional[int]  # a piece of the catalogue; None for the network's own field
    overlap: float  # of the silhouettes, 0 to 1
    value: float  # the overlap, and what the likelihood of the angle adds


def build(
    views: Mapping[str, View], octree_resolution: int = 256
) -> Tuple[Mesh, Camera, Recognised]:
    """The mesh, the front photo's camera in its pixels, and what was recognised there.

    Views from a side make it a visual hull, and the cameras orthographic ones. Raises
    NothingLikeFurniture, SeveralPieces and geometry.NothingInCommon.
    """
    if _are_apart(views["front"].silhouette):
        raise SeveralPieces
    recognised = recognition.recognise(views["front"])
    if "left" in views or "right" in views:
        silhouettes = {name: view.silhouette for name, view in views.items()}
        field = _carved(geometry.hull(silhouettes, octree_resolution), recognised)
        mesh = surface.extract(field, octree_resolution)
        return mesh, framed(0.0, 0.0, 0.0, mesh.vertices, views["front"].silhouette), recognised
    if recognised.nothing > _NO_FURNITURE or recognised.probability < _MIN_PROBABILITY:
        raise NothingLikeFurniture
    fits = [_of_field(recognised, hypothesis) for hypothesis in recognised.hypotheses]
    best = max((fit for fit in fits if fit), key=lambda fit: fit.value, default=None)
    if best is None or best.overlap < _MIN_OVERLAP:
        raise NothingLikeFurniture
    best = _without_rubble(recognised, best)
    field = _field(recognised, best, octree_resolution)
    if field.max() <= 0:
        raise NothingLikeFurniture
    mesh = surface.extract(field, octree_resolution)
    return mesh, recognised.in_photo(best.hypothesis.camera), recognised


def _are_apart(silhouette: np.ndarray) -> bool:
    """Whether large parts of a silhouette stand side by side with a gap from top to bottom."""
    column, _ = ndimage.label(silhouette.any(0))
    areas = np.bincount(column, silhouette.sum(0))[1:]
    return int((areas > _BESIDE * areas.max()).sum()) > 1


def _carved(hull: np.ndarray, recognised: Recognised) -> np.ndarray:
    """A visual hull without what the network says is empty; its silhouettes stay whole."""
    counts = np.array(hull.shape)[[1, 0, 2]] - 2 * MARGIN
    half = counts / counts.max() / 2
    camera = Camera(0.0, 0.0, _FAR, FILL / 2 / half[:2].max(), (0.5, 0.5))
    few = np.maximum(8, np.round(2 * half * _CARVING_CELLS)).astype(int)
    logits = recognised.logits(templates.grid(few), Hypothesis(camera, half, 1.0)).reshape(few)
    smooth = ndimage.gaussian_filter(logits, 1.0)
    fine = ndimage.zoom(smooth, counts / few, order=1, mode="nearest", grid_mode=True)
    carved = np.minimum(hull, _distances(fine) + _DOUBT)
    for axis in (2, 1):
        lost = (hull > 0).any(axis) & ~(carved > 0).any(axis)
        carved = np.where(np.expand_dims(lost, axis), hull, carved)
    return carved


def _of_field(recognised: Recognised, start: Hypothesis) -> Optional[_Fit]:
    """The network's own field, fitted to the photo; None where there is next to nothing in it."""
    solid = recognised.logits(templates.grid(np.full(3, COARSE)), start) > 0
    rim = templates.on_rim(solid.reshape(COARSE, COARSE, COARSE))
    return _fitted(recognised, start, rim, None) if len(rim) >= _FEWEST else None


def _without_rubble(recognised: Recognised, field: _Fit) -> _Fit:
    """The field, or the catalogue's piece that is like it where fragments would be lost with it."""
    solid = recognised.logits(templates.grid(np.full(3, _CUBE)), field.hypothesis) > 0
    parts, _ = ndimage.label(solid.reshape(_CUBE, _CUBE, _CUBE))
    cells = np.bincount(parts.ravel())[1:]
    if cells.max(initial=0) >= (1 - _RUBBLE) * cells.sum():
        return field
    largest = templates.on_rim(parts == cells.argmax() + 1)
    overlap = _overlap(field.hypothesis, largest, _small_mask(recognised))
    like = _like(recognised, field)
    return like if like.overlap > overlap else field


def _like(recognised: Recognised, field: _Fit) -> _Fit:
    """The catalogue's piece that explains the photo, and whose surface is most like the field's."""
    start = field.hypothesis
    logits = recognised.logits(templates.grid(np.full(3, COARSE)), start)
    found = templates.best(recognised, start, 1 / (1 + np.exp(-logits)), _TEMPLATES)
    fits = [_fitted(recognised, start, templates.rim(piece), piece) for piece in found]
    of_field = _surface(recognised, field)
    like = [(_agreement(_surface(recognised, fit), of_field), fit) for fit in fits]
    return max(like, key=lambda it: it[0] + _EXPLAINS * it[1].value)[1]


def _surface(recognised: Recognised, fit: _Fit) -> Tuple[np.ndarray, np.ndarray]:
    """The cells of the surface on a grid of the cube around the piece, and how far each is away."""
    boxed = templates.grid(np.full(3, _CUBE)) / 2 / fit.hypothesis.half
    within = (np.abs(boxed) < 1).all(1)
    filled = np.zeros(len(boxed), bool)
    if fit.template is None:
        filled[within] = recognised.logits(boxed[within], fit.hypothesis) > 0
    else:
        filled[within] = templates.inside(fit.template, boxed[within])
    solid = filled.reshape(_CUBE, _CUBE, _CUBE)
    cells = solid & ~ndimage.binary_erosion(solid)
    return cells, ndimage.distance_transform_edt(~cells) / _CUBE


def _agreement(one: Tuple[np.ndarray, np.ndarray], other: Tuple[np.ndarray, np.ndarray]) -> float:
    """The F-score of two surfaces on the cube's grid."""
    if not one[0].any() or not other[0].any():
        return 0.0
    shares = [
        float((away[cells] < _NEAR).mean())
        for cells, away in ((one[0], other[1]), (other[0], one[1]))
    ]
    return 2 * shares[0] * shares[1] / max(sum(shares), 1e-9)


def _fitted(
    recognised: Recognised, start: Hypothesis, points: np.ndarray, template: Optional[int]
) -> _Fit:
    """Camera and proportions at which the silhouette of `points` overlaps most with the photo's."""
    mask, first = _small_mask(recognised), _numbers(start)

    def loss(step: np.ndarray) -> float:
        tried = _with_numbers(start, first + step * _FREEDOM, points, mask)
        return _COST * float(step @ step) - _overlap(tried, points, mask)

    corners = np.concatenate([np.zeros((1, 5)), np.eye(5)])
    options = {"maxfev": _STEPS, "initial_simplex": corners}
    found = minimize(loss, np.zeros(5), method="Nelder-Mead", options=options)
    best = _with_numbers(start, first + found.x * _FREEDOM, points, mask)
    overlap = _overlap(best, points, mask)
    likely = _LIKELY * float(np.log(start.probability))
    return _Fit(best, template, overlap, overlap + likely)


def _small_mask(recognised: Recognised) -> np.ndarray:
    """The photo's silhouette (_SIDE, _SIDE), 0 to 1."""
    return np.asarray(recognised.crop.image[3].reshape(_SIDE, 2, _SIDE, 2).mean((1, 3)))


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
        above=float(np.clip(numbers[1], -5, 60)),
        nearness=float(np.exp(numbers[2])),
    )
    u, v, _ = camera._replace(scale=1.0, centre=(0.0, 0.0)).project(points * half)
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    rows, columns = np.flatnonzero((mask > 0.5).any(1)), np.flatnonzero((mask > 0.5).any(0))
    first = np.array([columns[0], rows[0]]) / _SIDE
    last = np.array([columns[-1] + 1, rows[-1] + 1]) / _SIDE
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
    column, row = (np.floor(at * _SIDE).astype(int).clip(0, _SIDE - 1) for at in (u, v))
    drawn = np.zeros((_SIDE, _SIDE), bool)
    drawn[row, column] = True
    return ndimage.binary_closing(drawn, np.ones((3, 3)))


def _field(recognised: Recognised, fit: _Fit, octree_resolution: int) -> np.ndarray:
    """The signed distances of a fit's surface."""
    cells = max(_MIN_CELLS, _CELLS_PER_OCTREE * octree_resolution)
    counts = np.maximum(8, np.round(fit.hypothesis.half * 2 * cells)).astype(int)
    if fit.template is None:
        return _distances(_logits(recognised, fit.hypothesis, counts))
    return _distances(templates.field(fit.template, counts))


def _distances(logits: np.ndarray) -> np.ndarray:
    """Signed distances in cells of values (columns, rows, layers) that are over 0 inside.

    They are positive inside, (rows, columns, layers) with MARGIN around.
    """
    logits = np.pad(logits, MARGIN, constant_values=-abs(float(logits.min()))).astype(np.float32)
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(logits)))
    distance = logits / np.maximum(slope, 0.25)
    return distance.clip(-4, 4).transpose(1, 0, 2)[::-1].copy()


def _logits(recognised: Recognised, hypothesis: Hypothesis, counts: np.ndarray) -> np.ndarray:
    """The network's field on `counts` cells a side, looked at closely where the surface may be."""
    few = np.maximum(8, np.round(counts / 3)).astype(int)
    coarse = recognised.logits(templates.grid(few), hypothesis).reshape(few)
    zoomed = ndimage.zoom(coarse, counts / few, order=1, mode="nearest", grid_mode=True)
    low = ndimage.minimum_filter(coarse, 3)
    high = ndimage.maximum_filter(coarse, 3)
    open_question = (low < _SURE) & (high > -_SURE)
    look = ndimage.zoom(open_question, counts / few, order=0, mode="nearest", grid_mode=True)
    fine = zoomed.ravel()
    at = np.flatnonzero(look.ravel())
    fine[at] = recognised.logits(templates.grid(counts)[at], hypothesis)
    return ndimage.gaussian_filter(fine.reshape(counts), _RAGGED)
