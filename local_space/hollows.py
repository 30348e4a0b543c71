"""Carves what a visual hull cannot know: seats between arm rests, shelves, open compartments.

The front photo is cut into patches of one surface (watershed on the colour gradient: Beucher and
Meyer, 1993). A patch is set back on one of three kinds of evidence: it goes on, without an edge, in
rows where the side view is set back already; it is the same material in shade, framed by lit parts;
or it is a darker back between arms above a lit seat. Nothing is carved behind the side view's own
back, nor from a row that would have no front left, so that what remains explains both silhouettes
(the condition of space carving: Kutulakos and Seitz, IJCV 38(3), 2000).
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.segmentation import watershed

from local_space.outlines import MARGIN, Grid, resized

# Gaussian, in cells, and the gradient of Lab per cell from which on there is an edge in what is
# white; what is dark has less contrast.
_BLUR, _EDGE, _DARK = 1.0, 2.4, 15.0
# A patch below this share of the silhouette is no surface of its own.
_MIN_AREA = 0.006
# How far the side view must be set back, of the depth, to pull a patch along; and in how many rows.
_JUMP, _SET_BACK_ROWS = 0.15, 0.06
# How much of a seat must be seen below a back that goes on down to it, of the height.
_LIP = 0.015
# What a shaded compartment is: darker by this much (Lab), not below this share of the frame's
# lightness, with the frame's hue, open to the background along less than this share of its rim.
_DARKER, _NOT_BLACK, _HUE, _OPEN = 9.0, 0.25, 0.45, 0.4
_GREY = 6.0
_MIN_COMPARTMENT = 0.012
# What remains behind a compartment, and of a back behind a seat, of the depth.
_PANEL, _SOFA_BACK = 0.05, 0.3
# A back above a seat: darker than it by this much, this wide and high, ending in these parts of the
# height; arms beside this share of its rows, nothing above this share of its columns.
_SHADED, _SEAT_WIDTH, _BACK_HEIGHT, _SEAT_AT = 2.0, 0.4, 0.15, (0.25, 0.7)
_ARMS, _NOTHING_ABOVE = 0.5, 0.6
# How far a hollow reaches into the background, in cells.
_FIN = 4


class Patch(NamedTuple):
    """One surface in the photo."""

    where: np.ndarray  # (rows, columns) bool
    colour: np.ndarray  # (3,) Lab
    frame: np.ndarray  # (3,) Lab, of the object around it
    open: float  # the share of its rim that is background


def carve(
    field: np.ndarray, photo: np.ndarray, front: np.ndarray, side: np.ndarray, grid: Grid
) -> None:
    """Take hollows out of `field` in place; `photo` and `front` are cropped to the object."""
    shape = resized(front, grid.rows, grid.columns)
    profile = resized(side, grid.rows, grid.layers)
    # The foremost and the hindmost layer of each row.
    shown = profile.any(1)
    foremost = np.where(shown, grid.layers - np.argmax(profile[:, ::-1], axis=1), 0)
    hindmost = np.where(shown, np.argmax(profile, axis=1), 0)
    limit = np.full(shape.shape, np.inf)
    lab = _lab(photo, front, grid)
    patches = _patches(lab, shape)
    for patch in patches:
        depth = _setback(patch, patches, lab, shape, foremost, hindmost, grid)
        if depth is not None:
            limit[patch.where] = np.minimum(limit, depth[:, None])[patch.where]
    limit[~(np.isinf(limit) & shape).any(1)] = np.inf
    if np.isfinite(limit).any():
        _apply(field, limit, shape)


def _lab(photo: np.ndarray, front: np.ndarray, grid: Grid) -> np.ndarray:
    """The photo in Lab on the grid, the background filled with the object's nearest colour."""
    size = (grid.columns, grid.rows)
    small = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))
    core = ndimage.binary_erosion(resized(front, grid.rows, grid.columns))
    nearest = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
    lab = rgb2lab(small[tuple(nearest)])
    return np.stack([ndimage.median_filter(channel, 3) for channel in lab.transpose(2, 0, 1)], 2)


def _patches(lab: np.ndarray, shape: np.ndarray) -> List[Patch]:
    gradient = np.sqrt(
        sum(ndimage.gaussian_gradient_magnitude(lab[..., c], _BLUR) ** 2 for c in range(3))
    )
    lightness = ndimage.gaussian_filter(lab[..., 0], _BLUR)
    flat = gradient < _EDGE * (lightness + _DARK) / (100 + _DARK)
    seeds, _ = ndimage.label(ndimage.binary_erosion(shape & flat))
    patches = watershed(gradient, seeds, mask=shape)
    found = []
    for label, window in enumerate(ndimage.find_objects(patches), start=1):
        if window is None:
            continue
        area = tuple(slice(max(0, side.start - 5), side.stop + 5) for side in window)
        here = patches[area] == label
        if here.sum() < _MIN_AREA * shape.sum():
            continue
        near = ndimage.binary_dilation(here, iterations=4) & ~here
        around = near & ~ndimage.binary_dilation(here) & shape[area]
        if around.any():
            colour, frame = np.median(lab[area][here], 0), np.median(lab[area][around], 0)
            open_share = float((near & ~shape[area]).sum() / near.sum())
            found.append(Patch(patches == label, colour, frame, open_share))
    return found


def _setback(
    patch: Patch,
    patches: List[Patch],
    lab: np.ndarray,
    shape: np.ndarray,
    foremost: np.ndarray,
    hindmost: np.ndarray,
    grid: Grid,
) -> Optional[np.ndarray]:
    """The foremost layer (rows,) that the patch may have, None where nothing says so."""
    rows = np.flatnonzero(patch.where.any(1))
    along = _goes_on(patch, rows, shape, foremost, grid)
    if along is not None:
        return np.maximum(along, hindmost + _PANEL * grid.layers)
    if _is_compartment(patch, patches, shape):
        return hindmost + max(1.5, _PANEL * grid.layers)
    if _is_back_of_a_seat(patch, lab, shape):
        return hindmost + _SOFA_BACK * grid.layers
    return None


def _goes_on(
    patch: Patch, rows: np.ndarray, shape: np.ndarray, foremost: np.ndarray, grid: Grid
) -> Optional[np.ndarray]:
    """The surface of the patch's upper rows that the side view shows set back, carried on down."""
    if not _has_something_below(patch.where, shape):
        return None
    depths = foremost[rows[0] : rows[-1] + 1]
    jumps = np.flatnonzero(depths > depths[0] + _JUMP * grid.layers)
    if not jumps.size or jumps[0] < _SET_BACK_ROWS * grid.rows:
        return None
    seen = np.arange(rows[0], rows[0] + jumps[0])
    # The outermost rows of a profile are rounded.
    inner = seen[len(seen) // 5 : -max(1, len(seen) // 8)]
    slope, start = np.polyfit(inner, foremost[inner], 1)
    along = slope * np.arange(grid.rows) + start
    along[: seen[-1] + 1] = np.inf
    return along


def _has_something_below(where: np.ndarray, shape: np.ndarray) -> bool:
    """Whether a seat is to be seen under the patch; without it both are one flat colour."""
    height = len(where)
    columns = np.flatnonzero(where.any(0))
    beneath = height - where[::-1].argmax(0)[columns] + max(1, round(_LIP * height))
    return bool(shape[beneath.clip(0, height - 1), columns].mean() > _NOTHING_ABOVE)


def _is_compartment(patch: Patch, patches: List[Patch], shape: np.ndarray) -> bool:
    """Whether its rim is brighter and the same material is seen in the light elsewhere."""
    lightness, frame = patch.colour[0], patch.frame[0]
    if patch.open > _OPEN or not _NOT_BLACK * frame < lightness < frame - _DARKER:
        return False
    if patch.where.sum() < _MIN_COMPARTMENT * shape.sum():
        return False
    return any(
        other.colour[0] > lightness + _DARKER and _same_material(patch.colour, other.colour)
        for other in patches
    )


def _same_material(colour: np.ndarray, frame: np.ndarray) -> bool:
    """Whether both are grey or have one hue."""
    strength, frame_strength = np.hypot(*colour[1:]), np.hypot(*frame[1:])
    if frame_strength < _GREY or strength < _GREY:
        return bool(abs(strength - frame_strength) < _GREY)
    apart = np.arctan2(*colour[1:]) - np.arctan2(*frame[1:])
    return bool(abs((apart + np.pi) % (2 * np.pi) - np.pi) < _HUE)


def _is_back_of_a_seat(patch: Patch, lab: np.ndarray, shape: np.ndarray) -> bool:
    height, width = shape.shape
    columns = np.flatnonzero(patch.where.any(0))
    tops = patch.where.argmax(0)[columns]
    bottoms = height - 1 - patch.where[::-1].argmax(0)[columns]
    ends = float(np.median(bottoms))
    if len(columns) < _SEAT_WIDTH * width or np.median(bottoms - tops) < _BACK_HEIGHT * height:
        return False
    if not _SEAT_AT[0] * height < ends < _SEAT_AT[1] * height:
        return False
    if (tops - shape.argmax(0)[columns] > 2).mean() > 1 - _NOTHING_ABOVE:
        return False
    rows = np.flatnonzero(patch.where.any(1))
    left, right = patch.where[rows].argmax(1), patch.where[rows][:, ::-1].argmax(1)
    arms = (left - shape[rows].argmax(1) > 2) & (right - shape[rows][:, ::-1].argmax(1) > 2)
    if arms.mean() < _ARMS:
        return False
    below = np.zeros_like(shape)
    for column, bottom in zip(columns, bottoms):
        below[bottom + 2 : bottom + round(0.1 * height), column] = True
    below &= shape
    seat = np.median(lab[below], axis=0) if below.any() else patch.colour
    return bool(seat[0] > patch.colour[0] + _SHADED and _same_material(patch.colour, seat))


def _apply(field: np.ndarray, limit: np.ndarray, shape: np.ndarray) -> None:
    """No surface before `limit`, its steps as sharp as a cell."""
    known = np.isfinite(limit)
    # Where a hollow meets the background it goes on there: no fin may stand at the outline.
    near = ndimage.binary_dilation(known, iterations=_FIN)
    hollow = known | (near & ~ndimage.binary_erosion(shape))
    window = ndimage.find_objects(near.astype(int))[0]
    known, rim = known[window], np.where(known, limit, 0)[window]
    hollow = hollow[window]
    # Beside a hollow, the wall is as far away as the hollow's rim.
    padded = np.pad(hollow, 1, mode="edge")
    inside = ndimage.distance_transform_edt(padded) - ndimage.distance_transform_edt(~padded)
    inside = (inside - 0.5 * np.sign(inside))[1:-1, 1:-1].astype(np.float32)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    rim = rim[tuple(nearest)].astype(np.float32)
    layers = np.arange(field.shape[2], dtype=np.float32) - MARGIN
    kept = np.maximum(rim[:, :, None] - 0.5 - layers, -inside[:, :, None])
    part = field[MARGIN:-MARGIN, MARGIN:-MARGIN][window]
    np.minimum(part, kept, out=part)
