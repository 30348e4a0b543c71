"""What is wrong with a GLB. These are the commonest errors of the Khronos validator, not all."""

from __future__ import annotations

from typing import Dict, Iterator, List, Set

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.models import accessors, scene
from dreamlab.models.accessors import Array, Tree
from dreamlab.models.vertices import POSITION


def errors(tree: Tree, binary: memoryview) -> List[str]:
    """Return a sentence for each error. Vertices that cannot be read are not checked."""
    try:
        with accessors.damage_is_unsupported():
            scene.places(tree)
            found = [
                f"Accessor {index} has no values."
                for index, accessor in enumerate(tree.get("accessors", []))
                if accessor["count"] < 1
            ]
            found += [
                f"Mesh {index} has no primitives."
                for index, mesh in enumerate(tree.get("meshes", []))
                if not mesh["primitives"]
            ]
            if scene.packing(tree) is None:
                found += _errors_of_values(tree, binary)
            return found
    except ModelUnsupported as error:
        return [str(error)]


def _errors_of_values(tree: Tree, binary: memoryview) -> Iterator[str]:
    counts: Dict[int, int] = {}
    positions: Set[int] = set()
    for primitive in scene.primitives(tree):
        position = primitive["attributes"].get(POSITION)
        if position is not None:
            positions.add(position)
            if "indices" in primitive:
                count = tree["accessors"][position]["count"]
                counts[primitive["indices"]] = min(count, counts.get(primitive["indices"], count))
    for index in sorted(positions):
        values, accessor = accessors.read(tree, binary, index).stored, tree["accessors"][index]
        if not np.isfinite(values).all():
            yield f"Accessor {index} has values that are no numbers."
        elif len(values) and not _are_bounds(accessor, values):
            yield f"Accessor {index} has other bounds than its values."
    for index, count in sorted(counts.items()):
        if accessors.read(tree, binary, index).stored.max(initial=0) >= max(count, 1):
            yield f"Accessor {index} has indices of vertices that are not there."


def _are_bounds(accessor: Tree, values: Array) -> bool:
    """Return whether the accessor's own bounds are those of its values, as they are stored."""
    given = (np.array(accessor.get(name, ()), values.dtype).tolist() for name in ("min", "max"))
    return [*given] == [values.min(0).tolist(), values.max(0).tolist()]
