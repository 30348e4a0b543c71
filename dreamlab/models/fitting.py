"""Writes a size and an origin into the vertices of a GLB. The rest of the file stays as it is."""

from __future__ import annotations

from typing import Dict, List, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.fields import CENTER
from dreamlab.models import mesh
from dreamlab.models.mesh import POSITION, Array, Box, File, Matrix, Tree
from dreamlab.models.size import SIDES, Size


def fit(content: bytes, size: Size) -> bytes:
    """Return the GLB with this size and origin. Raises ModelUnsupported."""
    if not size.is_given:
        return content
    with mesh.damage_is_unsupported():
        file = File.read(content)
        scale, pivot = _change(size, file.box())
        nodes, meshes = file.tree["nodes"], file.tree["meshes"]
        given: List[Tree] = list(meshes)
        fitted: Dict[Tuple[int, bytes], int] = {}
        found = mesh.places(file.tree)
        for place in found:
            if "mesh" not in nodes[place.node]:
                continue
            index = nodes[place.node]["mesh"]
            key = index, place.matrix.tobytes()
            if key not in fitted:
                new = _fitted(file, given[index], place.matrix, scale, pivot)
                if meshes[index] is given[index]:
                    fitted[key], meshes[index] = index, new
                else:
                    # Under a second matrix it becomes a mesh of its own.
                    fitted[key] = len(meshes)
                    meshes.append(new)
            nodes[place.node]["mesh"] = fitted[key]
        matrix = np.diag([*scale, 1.0])
        matrix[:3, 3] = -pivot * scale
        mesh.flatten(file.tree, found, matrix)
        return file.write()


def _fitted(file: File, given: Tree, matrix: Matrix, scale: Array, pivot: Array) -> Tree:
    """Return a mesh that stands under `matrix`, with all of this in its vertices."""
    changed = []
    for primitive in given["primitives"]:
        if POSITION in primitive["attributes"]:
            old = file.mesh(primitive)
            new = mesh.turned(old, scale[:, None] * matrix[:3, :3])
            positions = mesh.placed(old.attributes[POSITION], matrix)
            positions -= pivot
            positions *= scale
            attributes = {**new.attributes, POSITION: positions.astype(np.float32)}
            primitive = file.replaced(primitive, new._replace(attributes=attributes))
        changed.append(primitive)
    return {**given, "primitives": changed}


def _change(size: Size, box: Box) -> Tuple[Array, Array]:
    """Return the scale along each axis, and the point that becomes the origin before it.

    They give the box this size and this place. Raises ModelUnsupported.
    """
    wanted = (size.width_cm, size.height_cm, size.depth_cm)
    given = {}
    for axis, centimetres in enumerate(wanted):
        if centimetres is not None:
            if not box.extents[axis]:
                raise ModelUnsupported(f"This model is flat: it has no {SIDES[axis]} to change.")
            given[axis] = centimetres / 100 / float(box.extents[axis])
    # The geometric mean; that of one number is the number itself, to the last bit.
    mean = float(np.prod([*given.values()])) ** (1 / max(len(given), 1))
    pivot = (box.low + box.high) / 2
    if size.origin != CENTER:
        pivot[1] = box.low[1]
    return np.array([given.get(axis, mean) for axis in range(3)]), pivot
