"""The facts of a model that a session's list of models shows, read from its file."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, TypeVar

from dreamlab.errors import ModelUnsupported
from dreamlab.models import glb, mesh
from dreamlab.models.mesh import POSITION, Box, File, Tree
from dreamlab.models.size import SIDES

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
Fact = TypeVar("Fact")


class Facts(NamedTuple):
    """A model's triangles, its size and whether it has a texture. None is what cannot be read."""

    triangles: Optional[int]
    size_cm: Optional[Dict[str, float]]
    texture: bool


def read(content: bytes) -> Facts:
    """Return the facts of a GLB, whatever is wrong with it."""
    try:
        file = File.read(content)
    except glb.InvalidGlb:
        return Facts(None, None, False)
    size, found = None, box(file)
    if found is not None:
        # A glTF is in metres.
        sides = zip(SIDES, found.extents)
        size = {side: round(float(length) * 100, 2) for side, length in sides}
    return Facts(triangles(file.tree), size, bool(file.tree.get("textures")))


def box(file: File) -> Optional[Box]:
    """Return the box around the scene, None where it cannot be measured."""
    return _unless_damaged(file.box)


def triangles(tree: Tree) -> Optional[int]:
    """Return how many triangles are in the file, None where its description is damaged."""
    return _unless_damaged(
        lambda: sum(triangles_of(tree, primitive) for primitive in mesh.primitives(tree))
    )


def vertices(tree: Tree) -> Optional[int]:
    """Return how many vertices the primitives of the file have, None where it is damaged."""
    return _unless_damaged(
        lambda: sum(
            _count(tree, each["attributes"].get(POSITION)) for each in mesh.primitives(tree)
        )
    )


def triangles_of(tree: Tree, primitive: Mapping[str, Any]) -> int:
    """Return how many triangles a primitive has."""
    mode = primitive.get("mode", _TRIANGLES)
    count = _count(tree, primitive.get("indices", primitive["attributes"].get(POSITION)))
    if mode in (_STRIP, _FAN):
        return max(count - 2, 0)
    return count // 3 if mode == _TRIANGLES else 0


def _count(tree: Tree, accessor: Optional[int]) -> int:
    return 0 if accessor is None else int(tree["accessors"][accessor]["count"])


def _unless_damaged(read_fact: Callable[[], Fact]) -> Optional[Fact]:
    try:
        with mesh.damage_is_unsupported():
            return read_fact()
    except ModelUnsupported:
        return None
