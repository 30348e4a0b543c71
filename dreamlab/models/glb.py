"""Checks GLB files: the container of glTF 2.0, section 4 «GLB File Format Specification»."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

SUFFIX = ".glb"
MIMETYPE = "model/gltf-binary"
_HEADER = struct.Struct("<4sIIII")
_JSON_CHUNK = 0x4E4F534A


class InvalidGlb(ValueError):
    """The file is no GLB. The message says what is wrong with it."""


def check(file: BinaryIO) -> None:
    """Raise InvalidGlb unless `file` has a GLB's header, its own length and a JSON chunk first."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise InvalidGlb(f"it ends after {size} bytes")
    magic, version, length, chunk_length, chunk_type = _HEADER.unpack(head)
    if magic != b"glTF":
        raise InvalidGlb("it does not begin with the magic word glTF")
    if version != 2:
        raise InvalidGlb(f"it is of version {version}, not 2")
    if length != size:
        raise InvalidGlb(f"it says that it has {length} bytes and has {size}")
    if chunk_type != _JSON_CHUNK or chunk_length > size - _HEADER.size:
        raise InvalidGlb("its first chunk is not JSON")
    if not file.read(min(chunk_length, 64)).lstrip().startswith(b"{"):
        raise InvalidGlb("its first chunk is not JSON")
