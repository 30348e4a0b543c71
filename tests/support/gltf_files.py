"""GLBs of one small shape in the layouts that generators and tools write."""

from __future__ import annotations

import io
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import trimesh
from PIL import Image

from support.models import glb_bytes

Array = Any
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
# A quarter turn about x, and a turn by some angle about a slanted axis, as x, y, z, w.
QUARTER = [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]
SLANTED = [0.2, 0.4, -0.4, 0.8]


def shape() -> Tuple[Array, Array]:
    """Return the vertices and normals of the shape, three for each triangle.

    It is a slanted box with a spike, so that no two of its sides are the same.
    """
    box = trimesh.creation.box((0.8, 2.0, 1.2))
    spike = trimesh.creation.cone(0.3, 0.9, sections=5)
    spike.apply_translation((0.1, -0.4, 0.6))
    mesh = trimesh.util.concatenate([box, spike])
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.3, 0.2, 0.1))
    corners = mesh.triangles.reshape(-1, 3)
    return corners.astype("f4"), np.repeat(mesh.face_normals, 3, axis=0).astype("f4")


class Builder:
    """Collects the parts of a GLB."""

    def __init__(self, **tree: Any) -> None:
        self.binary = b""
        self.tree: Dict[str, Any] = {
            "bufferViews": [],
            "accessors": [],
            "materials": [{"name": "paint"}],
            "meshes": [],
            "nodes": [],
            "scene": 0,
            **tree,
        }

    def view(self, values: Array, **more: Any) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        content = np.ascontiguousarray(values).tobytes()
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(content), **more}
        self.tree["bufferViews"].append(view)
        self.binary += content
        return len(self.tree["bufferViews"]) - 1

    def accessor(self, values: Array, view: Optional[int] = None, **more: Any) -> int:
        """Add an accessor with a view of its own, or in the `view` given."""
        flat = values.reshape(len(values), -1)
        self.tree["accessors"].append(
            {
                "bufferView": self.view(values) if view is None else view,
                "componentType": _COMPONENTS[values.dtype.str[1:]],
                "count": len(values),
                "type": _TYPES[flat.shape[1]],
                "min": flat.min(0).tolist(),
                "max": flat.max(0).tolist(),
                **more,
            }
        )
        return len(self.tree["accessors"]) - 1

    def mesh(self, positions: int, **attributes: int) -> int:
        primitive = {"attributes": {"POSITION": positions, **attributes}, "material": 0}
        self.tree["meshes"].append({"primitives": [primitive]})
        return len(self.tree["meshes"]) - 1

    def shape(self) -> int:
        """Add the shape in the plainest layout. Return its mesh."""
        corners, normals = shape()
        tangents = np.ones((len(corners), 4), "f4")
        edges = np.repeat(corners[1::3] - corners[::3], 3, axis=0)
        tangents[:, :3] = edges / np.linalg.norm(edges, axis=1, keepdims=True)
        attributes = {"NORMAL": self.accessor(normals), "TANGENT": self.accessor(tangents)}
        coordinates = self.accessor(np.random.default_rng(1).random((len(corners), 2), "f4"))
        return self.mesh(self.accessor(corners), TEXCOORD_0=coordinates, **attributes)

    def node(self, children: Optional[List[int]] = None, **node: Any) -> int:
        self.tree["nodes"].append({**({"children": children} if children else {}), **node})
        return len(self.tree["nodes"]) - 1

    def build(self, *tops: int) -> bytes:
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.tree["buffers"] = [{"byteLength": len(self.binary)}]
        self.tree["scenes"] = [{"nodes": list(tops)}]
        return glb_bytes(binary=self.binary, **self.tree)


def _under_a_root(build: Builder, mesh: int, **root: Any) -> bytes:
    return build.build(build.node([build.node(mesh=mesh)], name="world", **root))


def plain(**root: Any) -> bytes:
    """Return the lone mesh under a root, which has a transform if one is given."""
    build = Builder()
    return _under_a_root(build, build.shape(), **root)


def _several() -> bytes:
    build = Builder()
    nodes = [
        build.node(mesh=build.shape(), translation=[0.5 * step, 0.1 * step, 2.0 * step])
        for step in range(3)
    ]
    return build.build(build.node(nodes))


def _turned_twice() -> bytes:
    build = Builder()
    mesh = build.node(mesh=build.shape(), rotation=SLANTED, translation=[1, 2, 3])
    return build.build(build.node([mesh], rotation=QUARTER, scale=[1.0, 2.0, 0.5]))


def _matrix() -> bytes:
    matrix = trimesh.transformations.euler_matrix(1.0, 0.5, 0.2) @ np.diag([2.0, 1.0, 3.0, 1.0])
    return plain(matrix=matrix.T.ravel().tolist())


def _interleaved() -> bytes:
    corners, normals = shape()
    build = Builder()
    rows = np.zeros((len(corners), 8), "f4")
    rows[:, :3], rows[:, 3:6], rows[:, 6:] = corners, normals, 0.25
    view = build.view(rows, byteStride=32)
    positions = build.accessor(corners, view)
    normal = build.accessor(normals, view, byteOffset=12)
    return _under_a_root(build, build.mesh(positions, NORMAL=normal))


def _with_an_empty_mesh() -> bytes:
    build = Builder()
    mesh = build.node(mesh=build.shape())
    build.tree["meshes"].append({"primitives": []})
    empty = build.accessor(np.zeros((1, 3), "f4"))
    build.tree["accessors"][empty]["count"] = 0
    build.mesh(empty)
    nodes = [build.node(mesh=mesh, translation=[9, 9, 9]) for mesh in (1, 2)]
    return build.build(build.node([*nodes, mesh]))


def _instances() -> bytes:
    build = Builder()
    mesh = build.shape()
    places: List[Dict[str, Any]] = [{}, {"translation": [3, 0, 0]}, {"rotation": QUARTER}]
    return build.build(build.node([build.node(mesh=mesh, **place) for place in places]))


def _shared_accessor() -> bytes:
    build = Builder()
    first = build.shape()
    build.tree["meshes"].append(build.tree["meshes"][first])
    nodes = [build.node(mesh=0), build.node(mesh=1, translation=[0, 3, 0])]
    return build.build(build.node(nodes))


def _shared_bytes() -> bytes:
    build = Builder()
    first, second = build.shape(), build.shape()
    positions = [build.tree["meshes"][mesh]["primitives"][0]["attributes"]["POSITION"]
                 for mesh in (first, second)]  # fmt: skip
    view = build.tree["accessors"][positions[0]]["bufferView"]
    build.tree["accessors"][positions[1]]["bufferView"] = view
    build.tree["bufferViews"][view]["byteStride"] = 12
    nodes = [build.node(mesh=first), build.node(mesh=second, scale=[2, 1, 1])]
    return build.build(build.node(nodes))


def _indexed(unused: int = 0) -> bytes:
    """Return the shape with indices, and with vertices far away that no face has."""
    corners, _ = shape()
    points, indices = np.unique(corners, axis=0, return_inverse=True)
    far = np.full((unused, 3), 50, "f4")
    build = Builder()
    mesh = build.mesh(build.accessor(np.r_[far, points]))
    primitive = build.tree["meshes"][mesh]["primitives"][0]
    primitive["indices"] = build.accessor((indices.ravel() + unused).astype("u2"))
    return _under_a_root(build, mesh, scale=[1, 1, -1])


LAYOUTS: Dict[str, Callable[[], bytes]] = {
    "a lone mesh under a root": plain,
    "a scene of several meshes": _several,
    "a root with a rotation": lambda: plain(rotation=QUARTER),
    "a root with a slanted rotation": lambda: plain(rotation=SLANTED),
    "a root with a scale": lambda: plain(scale=[3, 3, 3]),
    "a root with three scales": lambda: plain(scale=[3, 1, 0.5]),
    "a root that mirrors": lambda: plain(scale=[-1, 1, 1]),
    "a root with a matrix": _matrix,
    "two rotations and a scale": _turned_twice,
    "interleaved vertices": _interleaved,
    "an empty mesh": _with_an_empty_mesh,
    "one mesh at three nodes": _instances,
    "an accessor of two meshes": _shared_accessor,
    "bytes of two accessors": _shared_bytes,
    "indices and a mirror": _indexed,
    "vertices without a face": lambda: _indexed(7),
}


def quantised() -> bytes:
    """Return the shape with positions of 16 bits."""
    corners, _ = shape()
    build = Builder(
        extensionsUsed=["KHR_mesh_quantization"], extensionsRequired=["KHR_mesh_quantization"]
    )
    factor = float(np.abs(corners).max() / 32767)
    stored = np.zeros((len(corners), 4), "i2")
    stored[:, :3] = np.round(corners / factor)
    positions = build.accessor(stored[:, :3], build.view(stored, byteStride=8))
    node = build.node(mesh=build.mesh(positions), scale=[factor] * 3)
    return build.build(build.node([node]))


def sparse() -> bytes:
    """Return the shape with some of its positions stored as changes."""
    corners, _ = shape()
    build = Builder()
    changed = np.arange(5, dtype="u2")
    positions = build.accessor(corners)
    build.tree["accessors"][positions]["sparse"] = {
        "count": len(changed),
        "indices": {"bufferView": build.view(changed), "componentType": 5123},
        "values": {"bufferView": build.view(corners[changed])},
    }
    return _under_a_root(build, build.mesh(positions))


def strip() -> bytes:
    """Return the shape with its vertices taken for a strip of triangles."""
    build = Builder()
    mesh = build.shape()
    build.tree["meshes"][mesh]["primitives"][0]["mode"] = 5
    return _under_a_root(build, mesh)


def external() -> bytes:
    """Return the shape with its vertices said to be in another file."""
    build = Builder()
    _under_a_root(build, build.shape())
    build.tree["buffers"][0]["uri"] = "model.bin"
    return glb_bytes(binary=build.binary, **build.tree)


def draco() -> bytes:
    """Return a file whose vertices are said to be packed with Draco."""
    build = Builder(
        extensionsUsed=["KHR_draco_mesh_compression"],
        extensionsRequired=["KHR_draco_mesh_compression"],
    )
    mesh = build.shape()
    for accessor in build.tree["accessors"]:
        accessor.pop("bufferView")
    packed = {"bufferView": 0, "attributes": {"POSITION": 0}}
    primitive = build.tree["meshes"][mesh]["primitives"][0]
    primitive["extensions"] = {"KHR_draco_mesh_compression": packed}
    return _under_a_root(build, mesh)


def picture(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def with_pictures(*sizes: Any, **tree: Any) -> bytes:
    """Return the shape with textures of these sizes, each with a material of its own."""
    build = Builder(**tree)
    mesh = build.shape()
    build.tree["images"] = [
        {"mimeType": "image/png", "bufferView": build.view(np.frombuffer(picture(*size), "u1"))}
        for size in sizes
    ]
    build.tree["textures"] = [{"source": index} for index in range(len(sizes))]
    build.tree["materials"] = [
        {"pbrMetallicRoughness": {"baseColorTexture": {"index": index}}}
        for index in range(len(sizes))
    ]
    return build.build(build.node([build.node(mesh=mesh)]))


def wrong_bounds() -> bytes:
    """Return the shape with a bound that none of its vertices has."""
    build = Builder()
    mesh = build.shape()
    position = build.tree["meshes"][mesh]["primitives"][0]["attributes"]["POSITION"]
    build.tree["accessors"][position]["max"][1] += 1
    return build.build(build.node([build.node(mesh=mesh)]))


def wrong_index() -> bytes:
    """Return the shape with an index of a vertex that it does not have."""
    build = Builder()
    mesh = build.shape()
    indices = build.accessor(np.array([0, 1, 66], "u2"))
    build.tree["meshes"][mesh]["primitives"][0]["indices"] = indices
    return build.build(build.node([build.node(mesh=mesh)]))


def no_number() -> bytes:
    """Return a triangle with a coordinate that is no number."""
    build = Builder()
    position = build.accessor(np.array([[0, 0, 0], [1, 0, 0], [0, np.nan, 1]], "f4"))
    build.tree["accessors"][position].update(min=[0, 0, 0], max=[1, 0, 1])
    return build.build(build.node([build.node(mesh=build.mesh(position))]))


def load(model: bytes) -> trimesh.Scene:
    return trimesh.load(io.BytesIO(model), file_type="glb", process=False)
