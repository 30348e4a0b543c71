"""What a change of vertices does to the directions of a surface."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Tuple

import numpy as np

from dreamlab.models.accessors import Array, Vectors
from dreamlab.models.scene import Matrix

TRIANGLES, STRIP, FAN = 4, 5, 6

Turn = Callable[[Vectors, Matrix], Iterator[Tuple[slice, Array]]]


def _normals(old: Vectors, linear: Matrix) -> Iterator[Tuple[slice, Array]]:
    """Yield normals that are upright on the changed surface."""
    x, y, z = linear.T
    # The inverse transposed, but for its length: a flat matrix has no inverse.
    cofactors = np.array((np.cross(y, z), np.cross(z, x), np.cross(x, y))) * _side(linear)
    for part, values in old.blocks():
        yield part, _unit(values @ cofactors)


def _tangents(old: Vectors, linear: Matrix) -> Iterator[Tuple[slice, Array]]:
    """Yield tangents, whose fourth number says on which side the third axis is."""
    for part, values in old.blocks():
        yield part, np.c_[_unit(values[:, :3] @ linear.T), values[:, 3] * _side(linear)]


TURNED: Dict[str, Turn] = {"NORMAL": _normals, "TANGENT": _tangents}


def rewound(indices: Array, mode: int) -> Array:
    """Return the indices of the same triangles, seen from the other side."""
    if mode == TRIANGLES:
        indices = indices.reshape(-1, 3)[:, ::-1].ravel()
    elif mode == STRIP:
        # A first triangle without an area makes the others change sides.
        indices = np.r_[indices[:1], indices]
    elif mode == FAN:
        indices = np.r_[indices[:1], indices[:0:-1]]
    return indices


def _side(linear: Matrix) -> float:
    """Return -1 where the matrix is a mirror."""
    return -1.0 if np.linalg.det(linear) < 0 else 1.0


def _unit(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit
