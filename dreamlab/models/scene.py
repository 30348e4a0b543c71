"""The scene of a glTF: which mesh stands where. glTF 2.0, section 3.5 «Scenes»."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import numpy as np
from numpy.typing import NDArray

from dreamlab.errors import ModelUnsupported

Tree = Dict[str, Any]
Matrix = NDArray[np.float64]

_NO_NODE = -1
_PLACE = ("matrix", "translation", "rotation", "scale")
# What packs, repeats or moves vertices in a way that is not in the accessors.
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


def packing(tree: Tree) -> Optional[str]:
    """Return the required extension that packs the vertices, None where there is none."""
    return next((name for name in tree.get("extensionsRequired", []) if name in _PACKED), None)


def check_measurable(tree: Tree) -> None:
    """Raise ModelUnsupported where the accessors do not say where the vertices are."""
    packed_by = packing(tree)
    if packed_by is not None:
        raise ModelUnsupported(
            f"The vertices of this model cannot be read: {_PACKED[packed_by]} ({packed_by})."
        )
    moves = "skins" in tree or "animations" in tree
    if moves or any("targets" in primitive for primitive in primitives(tree)):
        raise ModelUnsupported("The vertices of this model move: it is animated.")


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
            for name in _PLACE:
                nodes[place.node].pop(name, None)
        if place.node not in flat and place.parent in flat:
            nodes[place.node]["matrix"] = (fitted @ place.matrix).T.ravel().tolist()


def primitives(tree: Tree) -> Iterator[Tree]:
    """Yield the primitives of all meshes."""
    for mesh in tree.get("meshes", []):
        yield from mesh["primitives"]


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
