"""The compression of USD's binary layers.

The formats are those of pxr/usd/sdf/integerCoding.cpp and pxr/base/tf/fastCompression.cpp.
"""

from __future__ import annotations

import struct
from typing import Sequence, Union

import numpy as np

from dreamlab.models.accessors import Array

# What a two-bit code says of an integer: it is the common one, or it has so many bytes.
_COMMON, _BYTE, _SHORT, _INT = range(4)
_WIDTHS = np.array([0, 1, 2, 4])
_DTYPES = {_BYTE: "<i1", _SHORT: "<i2", _INT: "<i4"}
_LITERALS, _MORE = 15, 255


def fast(content: bytes) -> bytes:
    """Return an LZ4 block, in one chunk, that repeats nothing: what is large is compact already."""
    rest = len(content) - _LITERALS
    if rest < 0:
        return b"\0" + bytes([len(content) << 4]) + content
    length = bytes([_LITERALS << 4]) + bytes([_MORE]) * (rest // _MORE) + bytes([rest % _MORE])
    return b"\0" + length + content


def sized(content: bytes) -> bytes:
    """Return the block with its length before it."""
    block = fast(content)
    return struct.pack("<Q", len(block)) + block


def integers(values: Union[Sequence[int], Array]) -> bytes:
    """Return 32-bit integers as their differences, with the length of this before it.

    The common difference, which takes no bytes, is 0: faces all have three corners.
    """
    differences = np.diff(np.asarray(values, np.int64), prepend=0).astype(np.int32)
    codes = np.full(len(differences), _INT, np.uint8)
    codes[np.abs(differences) < 1 << 15] = _SHORT
    codes[np.abs(differences) < 1 << 7] = _BYTE
    codes[differences == 0] = _COMMON
    ends = np.cumsum(_WIDTHS[codes])
    packed = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for code, dtype in _DTYPES.items():
        chosen = codes == code
        starts, width = ends[chosen] - _WIDTHS[code], int(_WIDTHS[code])
        content = differences[chosen].astype(dtype).view(np.uint8).reshape(-1, width)
        for byte in range(width):
            packed[starts + byte] = content[:, byte]
    four = np.pad(codes, (0, -len(codes) % 4)).reshape(-1, 4)
    bits = (four << np.array([0, 2, 4, 6], np.uint8)).sum(1).astype(np.uint8)
    return sized(struct.pack("<i", 0) + bits.tobytes() + packed.tobytes())
