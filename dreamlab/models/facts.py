"""The facts of a model that a list shows, read from its file."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from dreamlab.errors import ModelUnsupported
from dreamlab.models import accessors, glb, scene
from dreamlab.models.accessors import Tree
from dreamlab.models.size import SIDES
from dreamlab.models.vertices import Box, box_of, measure

_TRIANGLES, _STRIP, _FAN = 4, 5, 6


class Facts(NamedTuple):
    """A model's triangles, its size and whether it has a texture. None is what cannot be read."""

    triangles: Optional[int]
    size_cm: Optional[Dict[str, float]]
    texture: bool


def read(content: bytes) -> Facts:
    """Return the facts of a GLB, whatever is wrong with it."""
    try:
        tree, data = glb.split(content)
    except glb.InvalidGlb:
        return Facts(None, None, False)
    return Facts(
        triangles(tree), size_cm(box(tree, memoryview(content)[data])), bool(tree.get("textures"))
    )


def box(tree: Tree, binary: memoryview) -> Optional[Box]:
    """Return the box around the scene, None where it cannot be measured."""
    try:
        with accessors.damage_is_unsupported():
            return box_of(measure(tree, binary, scene.places(tree)))
    except ModelUnsupported:
        return None


def size_cm(found: Optional[Box]) -> Optional[Dict[str, float]]:
    """Return the sides of a box in centimetres. A glTF is in metres."""
    if found is None:
        return None
    sides = zip(SIDES, found.extents)
    return {side: round(float(length) * 100, 2) for side, length in sides}


def triangles(tree: Tree) -> Optional[int]:
    """Return how many triangles are in the file, None where its description is damaged."""
    try:
        with accessors.damage_is_unsupported():
            return sum(triangles_of(tree, primitive) for primitive in scene.primitives(tree))
    except ModelUnsupported:
        return None


def vertices(tree: Tree) -> Optional[int]:
    """Return how many vertices the primitives of the file have, None where it is damaged."""
    try:
        with accessors.damage_is_unsupported():
            positions = (each["attributes"].get("POSITION") for each in scene.primitives(tree))
            counts = [tree["accessors"][each]["count"] for each in positions if each is not None]
            return int(sum(counts))
    except ModelUnsupported:
        return None


def triangles_of(tree: Tree, primitive: Mapping[str, Any]) -> int:
    """Return how many triangles a primitive has."""
    mode = primitive.get("mode", _TRIANGLES)
    accessor = primitive.get("indices", primitive["attributes"].get("POSITION"))
    count = 0 if accessor is None else int(tree["accessors"][accessor]["count"])
    if mode in (_STRIP, _FAN):
        return max(count - 2, 0)
    return count // 3 if mode == _TRIANGLES else 0
