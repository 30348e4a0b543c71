"""The meshes of a GLB: where each one stands in the scene, its vertices and its faces.

What trimesh and Blender's exporter write can be read: triangles, and floats for all but colours.
The rest is ModelUnsupported. glTF 2.0, sections 3.5 «Scenes», 3.6 «Binary Data Storage» and 3.7
«Geometry».
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import numpy as np
from numpy.typing import NDArray

from dreamlab.errors import ModelUnsupported
from dreamlab.models import glb

Tree = Dict[str, Any]
Array = NDArray[Any]
Matrix = NDArray[np.float64]

POSITION, NORMAL, TANGENT = "POSITION", "NORMAL", "TANGENT"
_COLOUR = "COLOR_"
_INDICES = "indices"
_TRIANGLES = 4
_FLOAT = 5126
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", _FLOAT: "<f4"}
_COMPONENT_TYPES = {name: number for number, name in _DTYPES.items()}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_WIDTHS = {name: width for width, name in _TYPES.items()}
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_NO_NODE = -1
_TRANSFORM = ("matrix", "translation", "rotation", "scale")
# A scene may repeat a mesh any number of times.
_MAX_VERTICES = 1 << 25
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_PACKED = {
    "KHR_draco_mesh_compression": "they are packed with Draco",
    "EXT_meshopt_compression": "they are packed with meshoptimizer",
    "KHR_meshopt_compression": "they are packed with meshoptimizer",
    "EXT_mesh_gpu_instancing": "the graphics card repeats them",
}


class Place(NamedTuple):
    """A node of the scene: its index, its parent's (_NO_NODE at the top), its matrix there."""

    node: int
    parent: int
    matrix: Matrix


class Box(NamedTuple):
    """The lowest and the highest coordinates."""

    low: Array
    high: Array

    @property
    def extents(self) -> Array:
        """The lengths along x, y and z."""
        return self.high - self.low


class Mesh(NamedTuple):
    """Vertices by attribute, each (n, k) of floats or of normalised integers, and faces (m, 3)."""

    attributes: Dict[str, Array]
    faces: Array


@contextmanager
def damage_is_unsupported() -> Iterator[None]:
    """Turn what a description that does not fit its data leads to into ModelUnsupported."""
    try:
        yield
    except _DAMAGE as error:
        raise ModelUnsupported("The description of this model does not fit its data.") from error


def primitives(tree: Tree) -> Iterator[Tree]:
    """Yield the primitives of all meshes."""
    for mesh in tree.get("meshes", []):
        yield from mesh["primitives"]


def refusal(tree: Tree) -> Optional[str]:
    """Return a sentence that says why the vertices cannot be read, None where they can."""
    moves = "skins" in tree or "animations" in tree
    if moves or any("targets" in primitive for primitive in primitives(tree)):
        return "The vertices of this model move: it is animated."
    reason = next(_reasons(tree), None)
    return None if reason is None else f"The vertices of this model cannot be read: {reason}."


def _reasons(tree: Tree) -> Iterator[str]:
    for name in [*tree.get("extensionsRequired", []), *tree.get("extensionsUsed", [])]:
        if name in _PACKED:
            yield f"{_PACKED[name]} ({name})"
    if any("uri" in buffer for buffer in tree.get("buffers", [])):
        yield "they are not in the file itself"
    for primitive in primitives(tree):
        if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
            yield "there are lines, points or strips, and not only triangles"
        for name, index in primitive["attributes"].items():
            accessor = tree["accessors"][index]
            is_colour = name.startswith(_COLOUR) and accessor.get("normalized")
            if accessor["componentType"] != _FLOAT and not is_colour:
                yield f"their {name} is not stored as floats"
    if any("sparse" in accessor for accessor in tree.get("accessors", [])):
        yield "they are stored as changes of others"


def places(tree: Tree) -> List[Place]:
    """Return the nodes of the scene, each one after its parent. Raises ModelUnsupported."""
    nodes, scenes = tree.get("nodes", []), tree.get("scenes")
    tops = scenes[tree.get("scene", 0)].get("nodes", []) if scenes else []
    waiting: List[Tuple[int, int, Matrix]] = [(node, _NO_NODE, np.eye(4)) for node in tops]
    found: List[Place] = []
    seen: Set[int] = set()
    while waiting:
        node, parent, above = waiting.pop()
        if node in seen:
            raise ModelUnsupported("The nodes of this model are no tree.")
        seen.add(node)
        matrix = above @ _matrix(nodes[node])
        found.append(Place(node, parent, matrix))
        waiting += [(child, node, matrix) for child in nodes[node].get("children", [])]
    return found


def standing(tree: Tree) -> List[Tuple[Tree, Matrix]]:
    """Return each primitive as often as the scene has it, with its matrix there.

    Raises ModelUnsupported where the vertices cannot be read.
    """
    reason = refusal(tree)
    if reason is not None:
        raise ModelUnsupported(reason)
    found = [
        (primitive, place.matrix)
        for place in places(tree)
        if "mesh" in tree["nodes"][place.node]
        for primitive in tree["meshes"][tree["nodes"][place.node]["mesh"]]["primitives"]
        if POSITION in primitive["attributes"]
    ]
    positions = (primitive["attributes"][POSITION] for primitive, _ in found)
    if sum(tree["accessors"][index]["count"] for index in positions) > _MAX_VERTICES:
        raise ModelUnsupported("This model has too many vertices.")
    return found


def flatten(tree: Tree, found: List[Place], fitted: Matrix) -> None:
    """Take the transforms from the nodes with meshes and from those above them.

    Their vertices have these from now on, and `fitted` too. Cameras and lights move along.
    """
    nodes = tree["nodes"]
    parents = {place.node: place.parent for place in found}
    flat = {_NO_NODE}
    for node in parents:
        if "mesh" in nodes[node]:
            while node not in flat:
                flat.add(node)
                node = parents[node]
    for place in found:
        if place.node in flat or place.parent in flat:
            for name in _TRANSFORM:
                nodes[place.node].pop(name, None)
        if place.node not in flat and place.parent in flat:
            nodes[place.node]["matrix"] = (fitted @ place.matrix).T.ravel().tolist()


def _matrix(node: Tree) -> Matrix:
    """Return a node's own matrix."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    matrix = np.eye(4)
    matrix[:3, :3] = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    matrix[:3, :3] *= node.get("scale", (1.0, 1.0, 1.0))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def placed(positions: Array, matrix: Matrix) -> Array:
    """Return where positions are under a matrix, in double precision."""
    moved: Array = positions @ matrix[:3, :3].T
    moved += matrix[:3, 3]
    return moved


def turned(mesh: Mesh, linear: Matrix) -> Mesh:
    """Return the mesh with the normals, tangents and faces of the surface changed by `linear`."""
    if np.array_equal(linear, abs(linear[0, 0]) * np.eye(3)):
        return mesh
    attributes, faces = dict(mesh.attributes), mesh.faces
    mirror = -1.0 if np.linalg.det(linear) < 0 else 1.0
    if NORMAL in attributes:
        x, y, z = linear.T
        # The inverse transposed, but for its length: a flat matrix has no inverse.
        cofactors = np.array((np.cross(y, z), np.cross(z, x), np.cross(x, y))) * mirror
        attributes[NORMAL] = _unit(attributes[NORMAL], cofactors)
    if TANGENT in attributes:
        along, side = attributes[TANGENT][:, :3], attributes[TANGENT][:, 3:]
        attributes[TANGENT] = np.hstack([_unit(along, linear.T), side * np.float32(mirror)])
    return Mesh(attributes, faces if mirror > 0 else faces[:, ::-1])


def _unit(vectors: Array, matrix: Matrix) -> Array:
    """Return the directions of vectors times a matrix, in single precision: they are many."""
    changed: Array = vectors @ (matrix / (abs(matrix).max() or 1.0)).astype(np.float32)
    lengths = np.linalg.norm(changed, axis=1, keepdims=True)
    changed /= np.where(lengths > 0, lengths, np.float32(1))
    return changed


def real(values: Array) -> Array:
    """Return the numbers that floats or normalised integers stand for, as float32."""
    if values.dtype.kind == "f":
        return values
    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


class File:
    """A GLB whose meshes are read, and replaced by others."""

    def __init__(self, tree: Tree, binary: memoryview) -> None:
        self.tree = tree
        self._binary = binary
        # The content of the buffer views behind those of the file itself.
        self._added: Dict[int, memoryview] = {}

    @classmethod
    def read(cls, content: bytes) -> File:
        """Return the file with this content. Raises InvalidGlb."""
        tree, data = glb.split(content)
        return cls(tree, memoryview(content)[data])

    def content(self, index: int) -> memoryview:
        """Return the bytes of a buffer view."""
        if index in self._added:
            return self._added[index]
        view = self.tree["bufferViews"][index]
        start = view.get("byteOffset", 0)
        return self._binary[start : start + view["byteLength"]]

    def values(self, index: int) -> Array:
        """Return the numbers (n, k) of an accessor as they are stored."""
        accessor = self.tree["accessors"][index]
        view = self.tree["bufferViews"][accessor["bufferView"]]
        dtype = np.dtype(_DTYPES[accessor["componentType"]])
        shape = accessor["count"], _WIDTHS[accessor["type"]]
        width = dtype.itemsize * shape[1]
        stride = view.get("byteStride", width)
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        if stride < width:
            raise ValueError("the values of an accessor overlap")
        if not shape[0]:
            return np.zeros(shape, dtype)
        return np.ndarray(shape, dtype, self._binary, start, (stride, dtype.itemsize))

    def mesh(self, primitive: Tree) -> Mesh:
        """Return the faces of a primitive, and those of its vertices that a face has."""
        attributes = {
            name: self._attribute(index) for name, index in primitive["attributes"].items()
        }
        count = len(attributes[POSITION])
        if _INDICES in primitive:
            indices = self.values(primitive[_INDICES])[:, 0]
        else:
            indices = np.arange(count, dtype=np.int32)
        if indices.max(initial=0) >= max(count, 1):
            raise ModelUnsupported(
                "The triangles of this model have corners that it does not have."
            )
        faces = indices[: len(indices) // 3 * 3].reshape(-1, 3).astype(np.int32)
        is_used = np.zeros(count, bool)
        is_used[faces] = True
        if not is_used.all():
            attributes = {name: values[is_used] for name, values in attributes.items()}
            faces = (np.cumsum(is_used, dtype=np.int32) - 1)[faces]
        return Mesh(attributes, faces)

    def _attribute(self, index: int) -> Array:
        values = self.values(index)
        # A file has vertices at multiples of four bytes: three bytes need padding, floats do not.
        return real(values) if values[:1].nbytes % 4 else values

    def box(self) -> Box:
        """Return the box around the scene. Raises ModelUnsupported where there is none."""
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for primitive, matrix in standing(self.tree):
            positions = placed(self.mesh(primitive).attributes[POSITION], matrix)
            low = np.minimum(low, positions.min(0, initial=np.inf))
            high = np.maximum(high, positions.max(0, initial=-np.inf))
        if not np.isfinite([low, high]).all():
            raise ModelUnsupported("This model has no size: there is nothing in it.")
        return Box(low, high)

    def replaced(self, primitive: Tree, mesh: Mesh) -> Tree:
        """Return the primitive with other vertices and faces, whose data are added to the file."""
        attributes = {
            name: self._add(values, _ARRAY_BUFFER) for name, values in mesh.attributes.items()
        }
        positions = mesh.attributes[POSITION]
        if len(positions):
            bounds = {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
            self.tree["accessors"][attributes[POSITION]].update(bounds)
        kind = "<u2" if len(positions) < np.iinfo(np.uint16).max else "<u4"
        indices = self._add(mesh.faces.astype(kind).reshape(-1, 1), _ELEMENT_ARRAY_BUFFER)
        return {**primitive, "attributes": attributes, _INDICES: indices}

    def _add(self, values: Array, target: int) -> int:
        """Add an accessor with a buffer view of its own. Return its index."""
        views, accessors = self.tree["bufferViews"], self.tree["accessors"]
        content = np.ascontiguousarray(values).view(np.uint8).reshape(-1)
        self._added[len(views)] = content.data
        views.append({"buffer": 0, "byteLength": values.nbytes, "target": target})
        accessor = {
            "bufferView": len(views) - 1,
            "componentType": _COMPONENT_TYPES[values.dtype.str.replace("|", "<")],
            "count": len(values),
            "type": _TYPES[values.shape[1]],
        }
        if target == _ARRAY_BUFFER and values.dtype.kind != "f":
            accessor["normalized"] = True
        accessors.append(accessor)
        return len(accessors) - 1

    def write(self) -> bytes:
        """Return the file, without accessors and data that nothing refers to any more."""
        self._drop_unused_accessors()
        views = self.tree["bufferViews"]
        kept: List[Tree] = []
        chunks: List[memoryview] = []
        length = 0
        moved: Dict[int, int] = {}
        for holder in _holders(self.tree):
            index = holder["bufferView"]
            if index not in moved:
                moved[index] = len(kept)
                kept.append({**views[index], "byteOffset": length})
                content = self.content(index)
                padding = memoryview(bytes(-len(content) % 4))
                chunks += [content, padding]
                length += len(content) + len(padding)
            holder["bufferView"] = moved[index]
        self.tree["bufferViews"] = kept
        self.tree["buffers"] = [{"byteLength": length}]
        return glb.join(self.tree, chunks)

    def _drop_unused_accessors(self) -> None:
        moved: Dict[int, int] = {}
        for primitive in primitives(self.tree):
            attributes = primitive["attributes"]
            for name, index in attributes.items():
                attributes[name] = moved.setdefault(index, len(moved))
            if _INDICES in primitive:
                primitive[_INDICES] = moved.setdefault(primitive[_INDICES], len(moved))
        self.tree["accessors"] = [self.tree["accessors"][index] for index in moved]


def _holders(value: Any) -> Iterator[Tree]:
    """Yield every object of a glTF that refers to a buffer view."""
    if isinstance(value, list):
        for each in value:
            yield from _holders(each)
    elif isinstance(value, dict):
        if isinstance(value.get("bufferView"), int):
            yield value
        for each in list(value.values()):
            yield from _holders(each)
