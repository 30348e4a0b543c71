"""The report of a model: what is in its file, and where it can be shown."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from PIL import Image

from dreamlab.models import accessors, checks, facts, glb, targets
from dreamlab.models.accessors import Tree
from dreamlab.models.size import SIDES

_PICTURES = ("PNG", "JPEG", "WEBP")
_LIGHTS = "KHR_lights_punctual"


def report(content: bytes) -> Dict[str, Any]:
    """Return the report of a GLB. What cannot be measured is None. Raises ModelUnsupported."""
    with accessors.damage_is_unsupported():
        tree, data = glb.split(content)
        described = _describe(tree, memoryview(content)[data])
        described = {"bytes": len(content), **described}
        return {**described, "targets": targets.judge(_measured(tree, described))}


def _describe(tree: Tree, binary: memoryview) -> Dict[str, Any]:
    """Return what is in a file."""
    box = facts.box(tree, binary)
    return {
        "triangles": facts.triangles(tree),
        "vertices": facts.vertices(tree),
        "meshes": len(tree.get("meshes", [])),
        "materials": len(tree.get("materials", [])),
        "textures": [_picture(tree, binary, image) for image in tree.get("images", [])],
        "extents_m": None if box is None else dict(zip(SIDES, map(_metres, box.extents))),
        "lowest_m": None if box is None else _metres(box.low[1]),
        "extensions": sorted(tree.get("extensionsUsed", [])),
        "errors": checks.errors(tree, binary),
    }


def _metres(length: float) -> float:
    return round(float(length), 6)


def _picture(tree: Tree, binary: memoryview, image: Tree) -> Dict[str, Any]:
    """Return the size of a picture in pixels and bytes, None where it cannot be read."""
    content = _content(tree, binary, image)
    size: Tuple[Optional[int], Optional[int]] = None, None
    with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        size = Image.open(io.BytesIO(content), formats=_PICTURES).size
    return {"width": size[0], "height": size[1], "bytes": len(content)}


def _content(tree: Tree, binary: memoryview, image: Tree) -> bytes:
    """Return the bytes of a picture, none where they are in another file."""
    if "bufferView" in image:
        view = tree["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        return bytes(binary[start : start + view["byteLength"]])
    head, _, text = image["uri"].partition(";base64,")
    return base64.b64decode(text) if head.startswith("data:") else b""


def _measured(tree: Tree, described: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the rules of the targets are about."""
    sizes = [(each["width"], each["height"]) for each in described["textures"]]
    sides = [side for size in sizes for side in size]
    is_readable, lowest = None not in sides, described["lowest_m"]
    sets = {frozenset(_textures(material)) for material in tree.get("materials", [])}
    return {
        **described,
        "errors": len(described["errors"]),
        "largest_texture": max(sides, default=0) if is_readable else None,
        "textures_not_square": sum(width != height for width, height in sizes),
        "textures_not_power_of_two": sum(map(_is_odd, sizes)) if is_readable else None,
        "texture_sets": len(sets - {frozenset()}),
        "off_floor_mm": None if lowest is None else round(abs(lowest) * 1000, 3),
        "lights": len(tree.get("extensions", {}).get(_LIGHTS, {}).get("lights", [])),
        "cameras": len(tree.get("cameras", [])),
        "animations": len(tree.get("animations", [])),
    }


def _is_odd(size: Tuple[int, int]) -> bool:
    """Return whether a side is no power of two."""
    return any(side & (side - 1) for side in size)


def _textures(material: Tree) -> Iterator[int]:
    """Yield the textures of a material and of its extensions."""
    for name, value in material.items():
        if name.endswith("Texture"):
            yield value["index"]
        elif isinstance(value, dict):
            yield from _textures(value)
