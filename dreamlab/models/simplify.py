"""A GLB with fewer triangles. What is no triangle stays as it is."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.models import accessors, facts, glb, parts, scene
from dreamlab.models.accessors import Array, Tree
from dreamlab.models.decimation import POSITION, Mesh, decimate
from dreamlab.models.directions import TRIANGLES

_VERTICES, _INDICES = 34962, 34963
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
# A closed surface has no fewer faces.
_LEAST_FACES = 4


def is_within(tree: Tree, max_faces: int) -> bool:
    """Return whether the scene has at most so many triangles. Raises ModelUnsupported."""
    scene.check_measurable(tree)
    return sum(count for _, count in _counted(tree)) <= max_faces


def simplify(content: bytes, max_faces: int) -> bytes:
    """Return the GLB with at most `max_faces` triangles; textures stay in place.

    Raises ModelUnsupported where the surface would tear, NotAvailable where a library is missing.
    """
    with accessors.damage_is_unsupported():
        tree, data = glb.split(content)
        if is_within(tree, max_faces):
            return content
        counted = _counted(tree)
        _check_budget(len(counted), max_faces)
        total = sum(count for _, count in counted)
        file = _File(tree, memoryview(content)[data])
        for primitive, count in {id(each[0]): each for each in counted}.values():
            target = max(_LEAST_FACES, count * max_faces // total)
            file.replace(primitive, decimate(file.mesh(primitive), target, len(counted) > 1))
        return file.write()


def _counted(tree: Tree) -> List[Tuple[Tree, int]]:
    """Return each primitive as often as the scene has it, with its number of triangles."""
    return [
        (primitive, facts.triangles_of(tree, primitive))
        for place in scene.places(tree)
        for primitive in parts.primitives(tree, place.node)
    ]


def _check_budget(count: int, max_faces: int) -> None:
    if count * _LEAST_FACES > max_faces:
        raise ModelUnsupported(
            f"This model has {count} parts: they cannot have {max_faces} triangles together."
        )


class _File:
    """A GLB whose primitives are replaced. Data that nothing refers to any more is left out."""

    def __init__(self, tree: Tree, binary: memoryview) -> None:
        self._tree = tree
        self._binary = binary
        self._added: List[bytes] = []

    def mesh(self, primitive: Tree) -> Mesh:
        """Return the vertices and faces of a primitive, without vertices that no face has."""
        faces = parts.triangles(self._tree, self._binary, primitive)
        used, compact = np.unique(faces, return_inverse=True)
        attributes = {
            name: np.ascontiguousarray(parts.floats(self._tree, self._binary, index)[used])
            for name, index in primitive["attributes"].items()
        }
        return Mesh(attributes, compact.reshape(-1, 3).astype(np.int32))

    def replace(self, primitive: Tree, mesh: Mesh) -> None:
        """Give a primitive other vertices and faces."""
        primitive["attributes"] = {
            name: self._add(np.asarray(values, "<f4"), _VERTICES)
            for name, values in mesh.attributes.items()
        }
        position = self._tree["accessors"][primitive["attributes"][POSITION]]
        places = np.asarray(mesh.attributes[POSITION], "<f4")
        position.update(min=places.min(0).tolist(), max=places.max(0).tolist())
        kind = "<u2" if len(places) < np.iinfo(np.uint16).max else "<u4"
        primitive["indices"] = self._add(mesh.faces.astype(kind).reshape(-1, 1), _INDICES)
        primitive["mode"] = TRIANGLES

    def _add(self, values: Array, target: int) -> int:
        """Add an accessor with a buffer view of its own. Return its index."""
        views, described = self._tree["bufferViews"], self._tree["accessors"]
        self._added.append(values.tobytes())
        views.append({"buffer": 0, "byteLength": values.nbytes, "target": target})
        described.append(
            {
                "bufferView": len(views) - 1,
                "componentType": accessors.component_type(values.dtype),
                "count": len(values),
                "type": _TYPES[values.shape[1]],
            }
        )
        return len(described) - 1

    def write(self) -> bytes:
        """Return the new file."""
        self._drop_unused_accessors()
        views = self._tree["bufferViews"]
        first_added = len(views) - len(self._added)
        kept: List[Tree] = []
        chunks: List[bytes] = []
        length = 0
        places: Dict[int, int] = {}
        for holder in _holders(self._tree):
            index = holder["bufferView"]
            if index not in places:
                places[index] = len(kept)
                view = views[index]
                if index < first_added:
                    start = view.get("byteOffset", 0)
                    chunk = bytes(self._binary[start : start + view["byteLength"]])
                else:
                    chunk = self._added[index - first_added]
                kept.append({**view, "byteOffset": length})
                chunks.append(chunk + bytes(-len(chunk) % 4))
                length += len(chunks[-1])
            holder["bufferView"] = places[index]
        self._tree["bufferViews"] = kept
        self._tree["buffers"] = [{"byteLength": length}]
        return glb.join(self._tree, memoryview(b"".join(chunks)), 0, memoryview(b"")).getvalue()

    def _drop_unused_accessors(self) -> None:
        places: Dict[int, int] = {}
        for mesh in self._tree.get("meshes", []):
            for primitive in mesh["primitives"]:
                named = primitive["attributes"]
                for name, index in named.items():
                    named[name] = places.setdefault(index, len(places))
                if "indices" in primitive:
                    primitive["indices"] = places.setdefault(primitive["indices"], len(places))
        self._tree["accessors"] = [self._tree["accessors"][index] for index in places]


def _holders(value: Any) -> Iterator[Dict[str, Any]]:
    """Yield every object of a glTF that refers to a buffer view."""
    if isinstance(value, list):
        for each in value:
            yield from _holders(each)
    elif isinstance(value, dict):
        if isinstance(value.get("bufferView"), int):
            yield value
        for each in list(value.values()):
            yield from _holders(each)
