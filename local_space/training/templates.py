"""The catalogue's pieces as the engine keeps them: their solids on a grid."""

from __future__ import annotations

import zlib
from typing import Dict, List

import numpy as np

from local_space.recognition import CLASSES, NOTHING
from local_space.templates import CELLS, COARSE
from local_space.training.catalogue import random_piece
from local_space.training.parts import Part


def made(first_seed: int, count: int) -> Dict[str, np.ndarray]:
    """Class, size, and solid of each piece; of a symmetric one the left half alone.

    A half is CELLS / 2 * CELLS * CELLS packed bits, x outwards from the middle, by zlib; `halves`
    has all of them one after the other, and half i ends at `ends[i]`. `left` and `right` say which
    of them are each piece's. `coarse` is the whole on COARSE cells.
    """
    halves: List[bytes] = []
    kinds, sizes, left, right, coarse = [], [], [], [], []
    for seed in range(first_seed, first_seed + count):
        piece = random_piece(seed)
        if piece.kind == NOTHING:
            continue
        low = np.min([part.vertices.min(0) for part in piece.parts], 0)
        high = np.max([part.vertices.max(0) for part in piece.parts], 0)
        solid = _solid(piece.parts, low, high, CELLS)
        coarse.append(np.packbits(_solid(piece.parts, low, high, COARSE)))
        outwards = (solid[CELLS // 2 :], solid[: CELLS // 2][::-1])
        left.append(len(halves))
        halves.append(zlib.compress(np.packbits(outwards[0]).tobytes(), 9))
        differs = (outwards[0] != outwards[1]).sum() > 0.01 * solid.sum()
        right.append(len(halves) if differs else left[-1])
        if differs:
            halves.append(zlib.compress(np.packbits(outwards[1]).tobytes(), 9))
        kinds.append(CLASSES.index(piece.kind))
        sizes.append(high - low)
    return {
        "kinds": np.array(kinds, np.uint8),
        "sizes_cm": np.array(sizes, np.float16),
        "coarse": np.array(coarse),
        "halves": np.frombuffer(b"".join(halves), np.uint8),
        "ends": np.cumsum([len(half) for half in halves]),
        "left": np.array(left, np.uint16),
        "right": np.array(right, np.uint16),
    }


def _solid(parts: List[Part], low: np.ndarray, high: np.ndarray, cells: int) -> np.ndarray:
    solid = np.zeros((cells, cells, cells), bool)
    for part in parts:
        _add(solid, part, low, high)
    return solid


def _add(solid: np.ndarray, part: Part, low: np.ndarray, high: np.ndarray) -> None:
    """Fill the cells whose middles are inside the part; a thin part fills the nearest ones."""
    cells = len(solid)
    cell = (high - low) / cells
    a = (part.vertices.min(0) - low) / cell
    b = (part.vertices.max(0) - low) / cell
    lines, places = [], []
    for axis in range(3):
        inside = np.arange(np.ceil(a[axis] - 0.5), np.floor(b[axis] - 0.5) + 1).clip(0, cells - 1)
        at = inside + 0.5
        if b[axis] - a[axis] < 1.5 and len(inside) < 2:
            middle = (a[axis] + b[axis]) / 2
            inside, at = np.array([np.floor(middle).clip(0, cells - 1)]), np.array([middle])
        lines.append(low[axis] + at * cell[axis])
        places.append(inside.astype(int))
    points = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    found = part.inside(points).reshape([len(line) for line in lines])
    solid[np.ix_(*places)] |= found
