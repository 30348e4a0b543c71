"""Pieces of the training catalogue that explain a photo: a crisp solid instead of a blurred field.

A few thousand solids in box coordinates, -1 to 1 along each side of their own box, are compared at
once with what the network says is inside the box and with the photo's silhouette.
"""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from typing import Dict, List

import numpy as np
from PIL import Image
from scipy import ndimage

from local_space import recognition
from local_space.recognition import Hypothesis, Recognised

# Cells a side of a finished piece, and of one that is compared with a photo.
CELLS, COARSE = 64, 24
# Classes less likely than this are not looked at.
_MIN_KIND = 0.03
# What agreement with the network's field counts against the overlap of silhouettes, and what a
# factor of e in the likelihood of the class does.
_FIELD_WEIGHT, _KIND_WEIGHT = 0.4, 0.02
_PICTURE = 24


def grid(counts: np.ndarray) -> np.ndarray:
    """The middles of the box's cells, (n, 3), -1 to 1."""
    lines = [(np.arange(n) + 0.5) / n * 2 - 1 for n in counts]
    return np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)


@lru_cache(maxsize=None)
def _pieces() -> Dict[str, np.ndarray]:
    with np.load(io.BytesIO(recognition.stored("pieces.npz"))) as arrays:
        return dict(arrays)


def best(
    recognised: Recognised, hypothesis: Hypothesis, inside: np.ndarray, count: int
) -> List[int]:
    """The `count` pieces that fit best; `inside` (COARSE ** 3,) is the network's, 0 to 1."""
    pieces = _pieces()
    likely = recognised.kinds > _MIN_KIND
    chosen = np.flatnonzero(likely[pieces["kinds"]])
    drawn_at = _pixels(hypothesis)
    order = np.argsort(drawn_at, kind="stable")
    starts = np.flatnonzero(np.diff(drawn_at[order], prepend=-1))
    pixels = drawn_at[order][starts]
    small = Image.fromarray(recognised.crop.image[3]).resize(
        (_PICTURE, _PICTURE), Image.Resampling.BOX
    )
    mask = np.asarray(small).ravel()
    agreements, overlaps = [], []
    for part in np.array_split(chosen, len(chosen) // 500 + 1):
        solids = np.unpackbits(pieces["coarse"][part], axis=1)
        both = solids.astype(np.float32) @ inside.astype(np.float32)
        agreements.append(both / (solids.sum(1) + inside.sum() - both))
        drawn = np.maximum.reduceat(solids[:, order], starts, axis=1)
        seen = drawn.astype(np.float32) @ mask[pixels]
        overlaps.append(seen / (drawn.sum(1) + mask.sum() - seen))
    likelihood = np.log(recognised.kinds[pieces["kinds"][chosen]])
    score = (
        np.concatenate(overlaps)
        + _FIELD_WEIGHT * np.concatenate(agreements)
        + _KIND_WEIGHT * likelihood
    )
    top = np.argsort(-score)[:count]
    return [int(chosen[i]) for i in top]


def _pixels(hypothesis: Hypothesis) -> np.ndarray:
    """The pixel of a small picture in which each coarse cell is seen."""
    u, v, _ = hypothesis.camera.project(grid(np.full(3, COARSE)) * hypothesis.half)
    column, row = (np.floor(at * _PICTURE).astype(int).clip(0, _PICTURE - 1) for at in (u, v))
    return row * _PICTURE + column


def rim(piece: int) -> np.ndarray:
    """Points (n, 3) of its surface on coarse cells, in box coordinates."""
    solid = np.unpackbits(_pieces()["coarse"][piece]).reshape(COARSE, COARSE, COARSE) > 0
    return on_rim(solid)


def on_rim(solid: np.ndarray) -> np.ndarray:
    """Points of the surface cells of a cube of cells, moved out so that they reach the box."""
    rim, cells = (solid & ~ndimage.binary_erosion(solid)).ravel(), len(solid)
    return grid(np.full(3, cells))[rim] * (cells / (cells - 1))


def field(piece: int, counts: np.ndarray) -> np.ndarray:
    """Over 0 inside, on `counts` cells a side, -0.5 to 0.5; thin parts stay."""
    solid = _solid(piece).astype(np.float32)
    padded = np.pad(solid, 2)
    smooth = ndimage.gaussian_filter(padded, 0.8)[2:-2, 2:-2, 2:-2]
    values = np.maximum(smooth - 0.5, 0.1 * solid - 0.5 * (1 - solid))
    return ndimage.zoom(values, np.asarray(counts) / CELLS, order=1, mode="nearest", grid_mode=True)


def inside(piece: int, boxed: np.ndarray) -> np.ndarray:
    """Whether points (n, 3), -1 to 1 in the piece's box, are inside it."""
    cells = np.floor((boxed + 1) / 2 * CELLS).astype(int).clip(0, CELLS - 1)
    return _solid(piece)[tuple(cells.T)] > 0


def _solid(piece: int) -> np.ndarray:
    left, right = (_half(_pieces()[side][piece]) for side in ("left", "right"))
    return np.concatenate([right[::-1], left])


def _half(number: int) -> np.ndarray:
    """Half a piece on (CELLS / 2, CELLS, CELLS) cells, x outwards from the middle."""
    pieces = _pieces()
    start = pieces["ends"][number - 1] if number else 0
    packed = zlib.decompress(pieces["halves"][start : pieces["ends"][number]].tobytes())
    return np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(CELLS // 2, CELLS, CELLS)
