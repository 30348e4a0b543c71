"""Writes USD's binary layers (crate files) of version 0.8.0, which USD has written for years.

The format is that of pxr/usd/sdf/crateFile.cpp and crateDataTypes.h.
"""

from __future__ import annotations

import struct
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from dreamlab.models import crate_ints
from dreamlab.models.accessors import Array

PSEUDO_ROOT, PRIM, ATTRIBUTE, RELATIONSHIP = 7, 6, 1, 8
ROOT = "/"
_IDENT, _VERSION = b"PXR-USDC", (0, 8, 0)
_BOOT_BYTES, _BOOT = 88, struct.Struct("<8s8sq64x")
# crateDataTypes.h
_BOOL, _INT, _FLOAT, _DOUBLE, _STRING, _TOKEN, _ASSET = 1, 3, 8, 9, 10, 11, 12
_VEC2F, _VEC3F, _VEC4F = 20, 24, 28
_TOKEN_LIST_OP, _PATH_LIST_OP, _TOKEN_VECTOR, _SPECIFIER, _VARIABILITY = 32, 34, 41, 42, 44
_VECTORS = {2: _VEC2F, 3: _VEC3F, 4: _VEC4F}
_IS_ARRAY, _IS_INLINED, _IS_COMPRESSED = 1 << 63, 1 << 62, 1 << 61
_TYPE_SHIFT = 48
# Shorter arrays of integers are never compressed.
_LEAST_COMPRESSED = 16
# What follows a path: nothing, or only its first child. Its next sibling alone is 0; the distance
# of that where both follow.
_NOTHING, _CHILD, _SIBLING = -2, -1, 0
_EXPLICIT = 1 | 2
_END_OF_SET = -1
_ALIGNMENT = 8

Fields = Dict[str, int]


class _Spec(NamedTuple):
    path: str
    kind: int
    fields: Fields


class Crate:
    """A layer: specs at paths, each with fields. The methods of values return their encoding."""

    def __init__(self) -> None:
        # The root's name. A property's token is negative, which 0 cannot be.
        self._tokens: Dict[str, int] = {"": 0}
        self._strings: List[int] = []
        self._specs: List[_Spec] = []
        self._values = bytearray(_BOOT_BYTES)
        self._paths: Dict[str, int] = {}
        self._path(ROOT)

    def add(self, path: str, kind: int, fields: Fields) -> None:
        """Add a spec. A property's path is its prim's, a dot and its name."""
        self._path(path)
        self._specs.append(_Spec(path, kind, fields))

    # Values

    def flag(self, value: bool) -> int:
        return _inlined(_BOOL, int(value))

    def defines(self) -> int:
        """Return the specifier `def`."""
        return _inlined(_SPECIFIER, 0)

    def uniform(self) -> int:
        """Return the variability of what cannot be animated."""
        return _inlined(_VARIABILITY, 1)

    def real(self, value: float) -> int:
        return _inlined(_FLOAT, struct.unpack("<I", struct.pack("<f", value))[0])

    def token(self, value: str) -> int:
        return _inlined(_TOKEN, self._token(value))

    def asset(self, value: str) -> int:
        return _inlined(_ASSET, self._token(value))

    def string(self, value: str) -> int:
        self._strings.append(self._token(value))
        return _inlined(_STRING, len(self._strings) - 1)

    def double(self, value: float) -> int:
        return self._stored(_DOUBLE, struct.pack("<d", value))

    def vector(self, values: Sequence[float]) -> int:
        """Return a vector of two, three or four floats."""
        return self._stored(_VECTORS[len(values)], struct.pack(f"<{len(values)}f", *values))

    def tokens(self, values: Sequence[str]) -> int:
        return self._stored(_TOKEN_VECTOR, _counted([self._token(value) for value in values]))

    def applied(self, schemas: Sequence[str]) -> int:
        """Return the list of a prim's API schemas."""
        indices = [self._token(schema) for schema in schemas]
        return self._stored(_TOKEN_LIST_OP, bytes([_EXPLICIT]) + _counted(indices))

    def targets(self, path: str) -> int:
        """Return what a connection or a relationship leads to."""
        return self._stored(_PATH_LIST_OP, bytes([_EXPLICIT]) + _counted([self._path(path)]))

    def array(self, values: Array) -> int:
        """Return an array of integers (n) or of vectors (n, k)."""
        size = struct.pack("<Q", len(values))
        if values.ndim > 1:
            content = np.ascontiguousarray(values, "<f4").tobytes()
            return _IS_ARRAY | self._stored(_VECTORS[values.shape[1]], size + content)
        if len(values) < _LEAST_COMPRESSED:
            return _IS_ARRAY | self._stored(_INT, size + values.astype("<i4").tobytes())
        content = crate_ints.integers(values)
        return _IS_ARRAY | _IS_COMPRESSED | self._stored(_INT, size + content)

    # The file

    def write(self) -> bytes:
        """Return the file."""
        file, sections = self._values, []
        fields, specs = self._field_sections()
        for name, section in (
            ("TOKENS", self._token_section()),
            ("STRINGS", _counted(self._strings)),
            *fields,
            ("PATHS", self._path_section()),
            ("SPECS", specs),
        ):
            sections.append(struct.pack("<16sqq", name.encode(), len(file), len(section)))
            file += section
        toc = len(file)
        file += struct.pack("<Q", len(sections)) + b"".join(sections)
        _BOOT.pack_into(file, 0, _IDENT, bytes(_VERSION), toc)
        return bytes(file)

    def _field_sections(self) -> Tuple[List[Tuple[str, bytes]], bytes]:
        """Return the sections of fields and of sets of them, and that of specs."""
        fields: Dict[Tuple[str, int], int] = {}
        sets: List[int] = []
        specs: List[Tuple[int, int, int]] = []
        for spec in self._specs:
            specs.append((self._path(spec.path), len(sets), spec.kind))
            sets += [fields.setdefault(field, len(fields)) for field in spec.fields.items()]
            sets.append(_END_OF_SET)
        names = crate_ints.integers([self._token(name) for name, _ in fields])
        values = crate_ints.sized(struct.pack(f"<{len(fields)}Q", *(value for _, value in fields)))
        return [
            ("FIELDS", struct.pack("<Q", len(fields)) + names + values),
            ("FIELDSETS", struct.pack("<Q", len(sets)) + crate_ints.integers(sets)),
        ], struct.pack("<Q", len(specs)) + b"".join(map(crate_ints.integers, zip(*specs)))

    def _token_section(self) -> bytes:
        text = b"".join(token.encode() + b"\0" for token in self._tokens)
        return struct.pack("<QQ", len(self._tokens), len(text)) + crate_ints.sized(text)

    def _path_section(self) -> bytes:
        """Return the tree of paths: each node before its children, these before its siblings."""
        children: Dict[str, List[str]] = {path: [] for path in self._paths}
        for path in self._paths:
            if path != ROOT:
                children[_parent(path)].append(path)
        nodes: List[List[int]] = []

        def list_nodes(siblings: List[str]) -> None:
            for number, path in enumerate(siblings, 1):
                below, is_last = children[path], number == len(siblings)
                # That of a property is negative.
                name = self._token(_name(path)) * (-1 if "." in path else 1)
                node = [self._paths[path], name, _SIBLING]
                nodes.append(node)
                place = len(nodes) - 1
                list_nodes(below)
                if is_last:
                    node[2] = _CHILD if below else _NOTHING
                elif below:
                    node[2] = len(nodes) - place

        list_nodes([ROOT])
        counts = struct.pack("<QQ", len(self._paths), len(nodes))
        return counts + b"".join(map(crate_ints.integers, zip(*nodes)))

    def _stored(self, kind: int, content: bytes) -> int:
        self._values += bytes(-len(self._values) % _ALIGNMENT)
        start = len(self._values)
        self._values += content
        return kind << _TYPE_SHIFT | start

    def _token(self, value: str) -> int:
        return self._tokens.setdefault(value, len(self._tokens))

    def _path(self, path: str) -> int:
        """Return the index of a path. Its parents get one, too."""
        if path != ROOT and path not in self._paths:
            self._path(_parent(path))
            self._token(_name(path))
        return self._paths.setdefault(path, len(self._paths))


def _inlined(kind: int, value: int) -> int:
    return _IS_INLINED | kind << _TYPE_SHIFT | value


def _counted(values: Sequence[int]) -> bytes:
    return struct.pack(f"<Q{len(values)}I", len(values), *values)


def _parent(path: str) -> str:
    prim, dot, _ = path.rpartition(".")
    return prim if dot else path.rpartition("/")[0] or ROOT


def _name(path: str) -> str:
    return path[len(_parent(path)) :].lstrip("/.")
