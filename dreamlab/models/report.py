"""The report of a model: what is in its file, and where it can be shown."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import numpy as np
from PIL import Image

from dreamlab.errors import ModelUnsupported
from dreamlab.models import facts, mesh, targets
from dreamlab.models.mesh import POSITION, Array, File, Tree
from dreamlab.models.size import SIDES

_PICTURES = ("PNG", "JPEG", "WEBP")
_LIGHTS = "KHR_lights_punctual"


def report(content: bytes) -> Dict[str, Any]:
    """Return the report of a GLB. What cannot be measured is None. Raises ModelUnsupported."""
    with mesh.damage_is_unsupported():
        file = File.read(content)
        described = {"bytes": len(content), **_describe(file)}
        return {**described, "targets": targets.judge(_measured(file.tree, described))}


def _describe(file: File) -> Dict[str, Any]:
    """Return what is in a file."""
    tree, box = file.tree, facts.box(file)
    return {
        "triangles": facts.triangles(tree),
        "vertices": facts.vertices(tree),
        "meshes": len(tree.get("meshes", [])),
        "materials": len(tree.get("materials", [])),
        "textures": [_picture(file, image) for image in tree.get("images", [])],
        "extents_m": None if box is None else dict(zip(SIDES, map(_metres, box.extents))),
        "lowest_m": None if box is None else _metres(box.low[1]),
        "extensions": sorted(tree.get("extensionsUsed", [])),
        "errors": _errors(file),
    }


def _metres(length: float) -> float:
    return round(float(length), 6)


def _picture(file: File, image: Tree) -> Dict[str, Any]:
    """Return the size of a picture in pixels and bytes, None where it cannot be read."""
    content = _content(file, image)
    size: Tuple[Optional[int], Optional[int]] = None, None
    with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        size = Image.open(io.BytesIO(content), formats=_PICTURES).size
    return {"width": size[0], "height": size[1], "bytes": len(content)}


def _content(file: File, image: Tree) -> bytes:
    """Return the bytes of a picture, none where they are in another file."""
    if "bufferView" in image:
        return bytes(file.content(image["bufferView"]))
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


def _errors(file: File) -> List[str]:
    """Return a sentence for each of the commonest errors that the Khronos validator finds.

    Vertices that cannot be read are not checked.
    """
    tree = file.tree
    try:
        with mesh.damage_is_unsupported():
            mesh.places(tree)
            found = [
                f"Accessor {index} has no values."
                for index, accessor in enumerate(tree.get("accessors", []))
                if accessor["count"] < 1
            ]
            found += [
                f"Mesh {index} has no primitives."
                for index, each in enumerate(tree.get("meshes", []))
                if not each["primitives"]
            ]
            if mesh.refusal(tree) is None:
                found += _errors_of_values(file)
            return found
    except ModelUnsupported as error:
        return [str(error)]


def _errors_of_values(file: File) -> Iterator[str]:
    accessors = file.tree.get("accessors", [])
    counts: Dict[int, int] = {}
    positions: Set[int] = set()
    for primitive in mesh.primitives(file.tree):
        position = primitive["attributes"].get(POSITION)
        if position is not None:
            positions.add(position)
            if "indices" in primitive:
                count = accessors[position]["count"]
                counts[primitive["indices"]] = min(count, counts.get(primitive["indices"], count))
    for index in sorted(positions):
        values = file.values(index)
        if not np.isfinite(values).all():
            yield f"Accessor {index} has values that are no numbers."
        elif len(values) and not _are_bounds(accessors[index], values):
            yield f"Accessor {index} has other bounds than its values."
    for index, count in sorted(counts.items()):
        if file.values(index).max(initial=0) >= max(count, 1):
            yield f"Accessor {index} has indices of vertices that are not there."


def _are_bounds(accessor: Tree, values: Array) -> bool:
    """Return whether the accessor's own bounds are those of its values, as they are stored."""
    given = (np.array(accessor.get(name, ()), values.dtype).tolist() for name in ("min", "max"))
    return [*given] == [values.min(0).tolist(), values.max(0).tolist()]
