"""The accessors of a glTF as arrays: glTF 2.0, section 3.6 «Binary Data Storage»."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple

import numpy as np
from numpy.typing import NDArray

from dreamlab.errors import ModelUnsupported

Tree = Dict[str, Any]
Array = NDArray[Any]

FLOAT = 5126
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", FLOAT: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
# So many vertices at a time are converted, so that a large model needs little memory.
BLOCK = 1 << 15
# A sparse accessor may claim any number of vertices.
MAX_COUNT = 1 << 25


@contextmanager
def damage_is_unsupported() -> Iterator[None]:
    """Turn what a description that does not fit its data leads to into ModelUnsupported."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ModelUnsupported("The description of this model does not fit its data.") from error


class Vectors(NamedTuple):
    """The values of an accessor as they are stored, and what normalised integers are divided by."""

    stored: Array
    divisor: float = 1.0

    def blocks(self) -> Iterator[Tuple[slice, Array]]:
        """Yield slices of the vectors and their real values."""
        for start in range(0, len(self.stored), BLOCK):
            part = slice(start, start + BLOCK)
            values = self.stored[part].astype(float)
            if self.divisor != 1:
                values = np.maximum(values / self.divisor, -1.0)
            yield part, values


def read(tree: Tree, binary: memoryview, index: int) -> Vectors:
    """Return the values of an accessor, which are those in `binary` itself where possible."""
    accessor = tree["accessors"][index]
    dtype, count = np.dtype(_DTYPES[accessor["componentType"]]), accessor["count"]
    if not 0 <= count <= MAX_COUNT:
        raise ModelUnsupported("This model has too many vertices.")
    width = _WIDTHS[accessor["type"]]
    if "bufferView" in accessor:
        stored = view(tree, binary, accessor, dtype, (count, width))
    else:
        stored = np.zeros((count, width), dtype)
    if "sparse" in accessor:
        sparse = accessor["sparse"]
        size, places = sparse["count"], sparse["indices"]
        indices = view(tree, binary, places, np.dtype(_DTYPES[places["componentType"]]), (size, 1))
        stored = stored.copy()
        stored[indices[:, 0]] = view(tree, binary, sparse["values"], dtype, (size, width))
    is_scaled = accessor.get("normalized") and dtype.kind in "iu"
    return Vectors(stored, float(np.iinfo(dtype).max) if is_scaled else 1.0)


def component_type(dtype: np.dtype[Any]) -> int:
    """Return what a glTF calls a type."""
    return next(number for number, name in _DTYPES.items() if np.dtype(name) == dtype)


def view(
    tree: Tree, binary: memoryview, place: Tree, dtype: np.dtype[Any], shape: Tuple[int, int]
) -> Array:
    """Return an array over `binary`, where a buffer view and an offset in it say."""
    buffer_view = tree["bufferViews"][place["bufferView"]]
    if buffer_view["buffer"] != 0 or "uri" in tree["buffers"][0]:
        raise ModelUnsupported("The vertices of this model are not in the file itself.")
    offset = buffer_view.get("byteOffset", 0) + place.get("byteOffset", 0)
    stride = buffer_view.get("byteStride", dtype.itemsize * shape[1])
    if not shape[0]:
        return np.zeros(shape, dtype)
    return np.ndarray(shape, dtype, binary, offset, (stride, dtype.itemsize))


def sharing_bytes(tree: Tree) -> Set[int]:
    """Return the accessors whose bytes are, at least in part, those of another one, too."""
    spans = []
    for index, accessor in enumerate(tree.get("accessors", [])):
        if "bufferView" in accessor:
            buffer_view = tree["bufferViews"][accessor["bufferView"]]
            item = np.dtype(_DTYPES[accessor["componentType"]]).itemsize
            width = item * _WIDTHS.get(accessor["type"], 16)
            start = buffer_view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
            stride = buffer_view.get("byteStride", width)
            end = start + (accessor["count"] - 1) * stride + width
            spans.append((start, end, stride, width, index))
    found: Set[int] = set()
    active: List[Tuple[int, int, int, int, int]] = []
    for span in sorted(spans):
        start, _, stride, width, index = span
        active = [other for other in active if other[1] > start]
        for other in active:
            phase = start - other[0]
            is_interleaved = stride == other[2] and other[3] <= phase % stride <= stride - width
            if not is_interleaved:
                found |= {index, other[4]}
        active.append(span)
    return found
