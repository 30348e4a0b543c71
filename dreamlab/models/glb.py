"""GLB files: the container of glTF 2.0, section 4 «GLB File Format Specification»."""

from __future__ import annotations

import io
import json
import os
import struct
from typing import Any, BinaryIO, Dict, Sequence, Tuple

SUFFIX = ".glb"
MIMETYPE = "model/gltf-binary"
_HEADER = struct.Struct("<4sIIII")
_CHUNK = struct.Struct("<II")
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
# A scene's description is much smaller. What is larger is not read.
_MAX_JSON = 64 << 20


class InvalidGlb(ValueError):
    """The file is no GLB. The message says what is wrong with it."""


def check(file: BinaryIO) -> Dict[str, Any]:
    """Return the glTF's JSON. Raise InvalidGlb unless `file` has a header, its length and JSON."""
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
    if chunk_type != _JSON_CHUNK or chunk_length > min(size - _HEADER.size, _MAX_JSON):
        raise InvalidGlb("its first chunk is not JSON")
    try:
        tree = json.loads(file.read(chunk_length))
    except (ValueError, RecursionError) as error:
        raise InvalidGlb("its first chunk is not JSON") from error
    if not isinstance(tree, dict):
        raise InvalidGlb("its first chunk is no glTF")
    return tree


def split(content: bytes) -> Tuple[Dict[str, Any], slice]:
    """Return the glTF's JSON, and where its binary data is in `content`. Raises InvalidGlb."""
    tree = check(io.BytesIO(content))
    start = _HEADER.size + _HEADER.unpack_from(content)[3] + _CHUNK.size
    if start > len(content):
        return tree, slice(0, 0)
    length, chunk_type = _CHUNK.unpack_from(content, start - _CHUNK.size)
    if chunk_type != _BINARY_CHUNK or start + length > len(content):
        raise InvalidGlb("its second chunk is not its data")
    return tree, slice(start, start + length)


def join(tree: Dict[str, Any], chunks: Sequence[memoryview]) -> bytes:
    """Return a GLB whose binary data are these `chunks`, one behind the other."""
    text = _json_chunk(tree)
    length = sum(map(len, chunks))
    size = _HEADER.size + len(text) + _CHUNK.size + length
    head = _HEADER.pack(b"glTF", 2, size, len(text), _JSON_CHUNK)
    return b"".join((head, text, _CHUNK.pack(length, _BINARY_CHUNK), *chunks))


def is_coloured(tree: Dict[str, Any]) -> bool:
    """Return whether a glTF has a texture, or colours at its vertices."""
    return bool(tree.get("textures")) or '"COLOR_0"' in json.dumps(tree.get("meshes", []))


def add_root(file: BinaryIO, tree: Dict[str, Any]) -> None:
    """Put a root node above the scene's nodes if the first of them is a mesh itself.

    Clients of Hunyuan3D take the first child of the scene's first node as the mesh, and show
    nothing without it. Only the JSON chunk of `file` changes, whose content is `tree`. Raises
    InvalidGlb.
    """
    try:
        scene = tree["scenes"][tree.get("scene", 0)] if tree.get("scenes") else {}
        tops, nodes = scene.get("nodes"), tree.get("nodes", [])
        if not tops or "mesh" not in nodes[tops[0]]:
            return
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise InvalidGlb("its scene refers to what is not in it") from error
    scene["nodes"] = [len(nodes)]
    nodes.append({"name": "world", "children": tops})
    _replace_json(file, tree)


def _replace_json(file: BinaryIO, tree: Dict[str, Any]) -> None:
    file.seek(0)
    *_, old_length, _ = _HEADER.unpack(file.read(_HEADER.size))
    file.seek(old_length, os.SEEK_CUR)
    rest, text = file.read(), _json_chunk(tree)
    size = _HEADER.size + len(text) + len(rest)
    file.seek(0)
    file.write(_HEADER.pack(b"glTF", 2, size, len(text), _JSON_CHUNK) + text)
    file.write(rest)
    file.truncate(size)
    file.flush()


def _json_chunk(tree: Dict[str, Any]) -> bytes:
    text = json.dumps(tree, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 4)
