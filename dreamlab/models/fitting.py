"""Writes a size and an origin into the vertices of a GLB. The rest of the file stays as it is."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import Any, Dict, Iterable, List, NamedTuple, Set, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.fields import CENTER
from dreamlab.models import accessors, directions, glb, scene
from dreamlab.models.accessors import Array, Tree
from dreamlab.models.scene import Matrix, Place
from dreamlab.models.size import SIDES, Size
from dreamlab.models.vertices import POSITION, Box, box_of, measure

_SINGLE = np.dtype("<f4")
_INDICES = "indices"
_DRACO = "KHR_draco_mesh_compression"
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
# A scene may repeat a mesh any number of times.
_MAX_COPIES = 10_000

Blocks = Iterable[Tuple[slice, Array]]


class Affine(NamedTuple):
    """A movement by the negative `pivot`, then a scale along each axis."""

    scale: Array
    pivot: Array

    def __call__(self, positions: Array) -> Array:
        moved: Array = (positions - self.pivot) * self.scale
        return moved

    def matrix(self) -> Matrix:
        """Return it as a matrix."""
        matrix = np.diag([*self.scale, 1.0])
        matrix[:3, 3] = self(np.zeros(3))
        return matrix


class NewValues(NamedTuple):
    """The new values of an accessor, as slices of it and what they become."""

    accessor: int
    blocks: Blocks


def fit(content: bytes, size: Size) -> bytes:
    """Return the GLB with this size and origin. Raises ModelUnsupported."""
    with accessors.damage_is_unsupported():
        tree, data = glb.split(content)
        whole = memoryview(content)
        change = _Change(tree, whole[data])
        change.plan(size)
        return change.write(whole[data.stop :])


class _Change:
    """The change of one file: its new description, and the new values of its accessors.

    The values themselves are computed while they are written, so that they need no memory.
    """

    def __init__(self, tree: Tree, binary: memoryview) -> None:
        self._tree = tree
        self._binary = binary
        self._places = scene.places(tree)
        self._matrices = _split_instances(tree, self._places)
        self._unshared = _unshared(tree, self._matrices)
        self._sharing_bytes = accessors.sharing_bytes(tree)
        self._length = len(binary)
        self._news: List[NewValues] = []
        self._changed: Dict[Tuple[Any, ...], int] = {}

    def plan(self, size: Size) -> None:
        """Change the description. Note where new values come from."""
        found = measure(self._tree, self._binary, self._places)
        affine = _affine(size, box_of(found))
        for vertices in found:
            blocks = ((part, affine(values)) for part, values in vertices.blocks())
            index = self._put(vertices.accessor, (len(vertices), 3), blocks)
            accessor = self._tree["accessors"][index]
            accessor["min"], accessor["max"] = (_as_stored(affine(end)) for end in vertices.box)
            for primitive in vertices.primitives:
                primitive["attributes"][POSITION] = index
        for mesh, matrix in self._matrices.items():
            for primitive in self._tree["meshes"][mesh]["primitives"]:
                self._turn(primitive, affine.scale[:, None] * matrix[:3, :3])
                primitive.get("extensions", {}).pop(_DRACO, None)
        scene.flatten(self._tree, self._places, affine.matrix())

    def write(self, rest: memoryview) -> bytes:
        """Return the new file. It ends with `rest`."""
        added = self._length - len(self._binary)
        if added:
            self._tree["buffers"][0]["byteLength"] = self._length
        file = glb.join(self._tree, self._binary, added, rest)
        self._write_values(file)
        return file.getvalue()

    def _write_values(self, file: io.BytesIO) -> None:
        binary = file.getbuffer()[file.tell() :]
        for new in self._news:
            target = accessors.read(self._tree, binary, new.accessor).stored
            for part, values in new.blocks:
                target[part] = values

    def _turn(self, primitive: Tree, linear: Matrix) -> None:
        """Change what depends on the directions of a primitive: normals, tangents, winding."""
        if np.array_equal(linear, abs(linear[0, 0]) * np.eye(3)):
            return
        attributes = primitive["attributes"]
        for name in set(directions.TURNED) & set(attributes):
            key = attributes[name], linear.tobytes()
            if key not in self._changed:
                source = accessors.read(self._tree, self._binary, attributes[name])
                blocks = directions.TURNED[name](source, linear)
                self._changed[key] = self._put(attributes[name], source.stored.shape, blocks)
            attributes[name] = self._changed[key]
        if np.linalg.det(linear) < 0:
            primitive[_INDICES] = self._rewind(primitive)

    def _rewind(self, primitive: Tree) -> int:
        """Return indices for the other side of each triangle: a mirror turns it around."""
        mode = primitive.get("mode", directions.TRIANGLES)
        key = primitive.get(_INDICES, primitive["attributes"][POSITION]), mode, _INDICES
        if key not in self._changed:
            if _INDICES in primitive:
                old = accessors.read(self._tree, self._binary, primitive[_INDICES]).stored[:, 0]
            else:
                count = self._tree["accessors"][primitive["attributes"][POSITION]]["count"]
                old = np.arange(count, dtype="<u4")
            new = directions.rewound(old, mode)
            self._changed[key] = self._add(new.dtype, (len(new), 1))
            self._news.append(NewValues(self._changed[key], ((slice(None), new[:, None]),)))
        return self._changed[key]

    def _put(self, index: int, shape: Tuple[int, int], blocks: Blocks) -> int:
        """Plan new values for an accessor. Return the index of the one that has them."""
        listed = self._tree["accessors"]
        if index not in self._unshared:
            index = self._add(_SINGLE, shape)
        elif not self._is_writable(index):
            listed[index] = self._described(_SINGLE, shape)
        for bound in "min", "max":
            listed[index].pop(bound, None)
        self._news.append(NewValues(index, blocks))
        return index

    def _is_writable(self, index: int) -> bool:
        """Return whether new values can have the place of the old ones."""
        accessor = self._tree["accessors"][index]
        is_plain = accessor["componentType"] == accessors.FLOAT and "sparse" not in accessor
        return is_plain and "bufferView" in accessor and index not in self._sharing_bytes

    def _add(self, dtype: np.dtype[Any], shape: Tuple[int, int]) -> int:
        self._tree["accessors"].append(self._described(dtype, shape))
        return len(self._tree["accessors"]) - 1

    def _described(self, dtype: np.dtype[Any], shape: Tuple[int, int]) -> Tree:
        """Return a new accessor, with a place behind the binary data."""
        count, width = shape
        start = self._length + -self._length % 4
        length = count * width * dtype.itemsize
        self._length = start + length + -length % 4
        views = self._tree["bufferViews"]
        target = _ELEMENT_ARRAY_BUFFER if width == 1 else _ARRAY_BUFFER
        views.append({"buffer": 0, "byteOffset": start, "byteLength": length, "target": target})
        return {
            "bufferView": len(views) - 1,
            "componentType": accessors.component_type(dtype),
            "count": count,
            "type": _TYPES[width],
        }


def _affine(size: Size, box: Box) -> Affine:
    """Return what gives the box this size and this place. Raises ModelUnsupported."""
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
    return Affine(np.array([given.get(axis, mean) for axis in range(3)]), pivot)


def _as_stored(position: Array) -> List[float]:
    return [float(each) for each in position.astype(_SINGLE)]


def _split_instances(tree: Tree, places: List[Place]) -> Dict[int, Matrix]:
    """Give each matrix under which a mesh stands a mesh of its own. Return the matrices by mesh."""
    matrices: Dict[int, Matrix] = {}
    meshes: Dict[Tuple[int, bytes], int] = {}
    for place in places:
        node = tree["nodes"][place.node]
        if "mesh" not in node:
            continue
        key = node["mesh"], place.matrix.tobytes()
        if key not in meshes:
            meshes[key] = node["mesh"]
            if node["mesh"] in matrices:
                meshes[key] = _copy(tree["meshes"], node["mesh"])
            matrices[meshes[key]] = place.matrix
        node["mesh"] = meshes[key]
    return matrices


def _copy(meshes: List[Tree], index: int) -> int:
    """Add a copy of a mesh. Return its index."""
    primitives = [
        {**primitive, "attributes": dict(primitive["attributes"])}
        for primitive in meshes[index]["primitives"]
    ]
    meshes.append({**meshes[index], "primitives": primitives})
    if len(meshes) * max(len(primitives), 1) > _MAX_COPIES:
        raise ModelUnsupported("This model repeats its parts too often.")
    return len(meshes) - 1


def _unshared(tree: Tree, matrices: Dict[int, Matrix]) -> Set[int]:
    """Return the accessors with one use in all meshes, which are those with these matrices."""
    uses: Dict[int, Set[Tuple[Any, ...]]] = defaultdict(set)
    for index, mesh in enumerate(tree.get("meshes", [])):
        matrix = matrices[index].tobytes() if index in matrices else index
        for primitive in mesh["primitives"]:
            for name, accessor in primitive["attributes"].items():
                uses[accessor].add((name, matrix))
            uses[primitive.get(_INDICES, -1)].add((_INDICES,))
    return {accessor for accessor, each in uses.items() if len(each) == 1}
