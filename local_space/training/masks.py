"""Damages silhouettes as a segmentation network does: the shape is learned in spite of it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_WHOLE = 0.35
_DISC = ndimage.generate_binary_structure(2, 1)


def damaged(mask: np.ndarray, colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`mask` (h, w) from 0 to 1 with faults: lost parts, filled gaps, shadows, soft edges."""
    if rng.random() < _WHOLE:
        return mask
    inside = mask > rng.uniform(0.25, 0.75)
    if not inside.any():
        return mask
    before = inside
    if rng.random() < 0.15:
        inside = ndimage.binary_opening(inside, _DISC, iterations=int(rng.integers(1, 3)))
    if rng.random() < 0.25:
        inside = ndimage.binary_closing(inside, _DISC, iterations=int(rng.integers(1, 6)))
    if not inside.any():
        return mask
    if rng.random() < 0.15:
        inside = _without_a_colour(inside, colours, rng)
    if rng.random() < 0.15:
        inside = inside | _shadow(inside, rng)
    if rng.random() < 0.06:
        inside = _cut(inside, rng)
    kind = rng.random()
    if kind < 0.15:
        inside = ndimage.binary_dilation(inside, _DISC)
    elif kind < 0.27:
        inside = ndimage.binary_erosion(inside, _DISC)
    if inside.sum() < 0.3 * before.sum():
        inside = before
    return ndimage.gaussian_filter(inside.astype(np.float32), rng.uniform(0.3, 1.0))


def _without_a_colour(
    inside: np.ndarray, colours: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """One connected region of similar colour is taken for the room's."""
    rows, columns = np.nonzero(inside)
    at = rng.integers(len(rows))
    difference = np.abs(colours - colours[rows[at], columns[at]]).max(2)
    similar = inside & (difference < rng.uniform(0.03, 0.12))
    labels, _ = ndimage.label(similar)
    region = labels == labels[rows[at], columns[at]]
    return inside & ~region if region.sum() < 0.45 * inside.sum() else inside


def _shadow(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An ellipse at the foot of the piece."""
    rows, columns = np.nonzero(inside)
    wide = columns.max() - columns.min()
    centre = rng.uniform(columns.min() - 0.1 * wide, columns.max() + 0.1 * wide)
    y, x = np.mgrid[: inside.shape[0], : inside.shape[1]]
    across, down = wide * rng.uniform(0.1, 0.35), wide * rng.uniform(0.03, 0.12)
    row = rows.max() - rng.uniform(0, 0.15) * (rows.max() - rows.min())
    return ((x - centre) / across) ** 2 + ((y - row) / (down + 1)) ** 2 < 1


def _cut(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What lies outside a line near the silhouette's edge is lost."""
    rows, columns = np.nonzero(inside)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[: inside.shape[0], : inside.shape[1]]
    along = np.cos(angle) * x + np.sin(angle) * y
    return inside & (along < np.quantile(along[rows, columns], rng.uniform(0.88, 0.98)))
