"""A GLB with fewer triangles: quadric error metrics, by two libraries.

Garland and Heckbert, «Surface simplification using quadric error metrics», SIGGRAPH 1997. Where
there are only positions, fast-simplification is the faster one. opengl-decimate keeps the seams of
texture coordinates and open borders where they are.
"""

from __future__ import annotations

import numpy as np

from dreamlab.errors import ModelUnsupported, NotAvailable
from dreamlab.models import facts, mesh
from dreamlab.models.mesh import NORMAL, POSITION, Array, File, Mesh, Tree

# A closed surface has no fewer faces.
_LEAST_FACES = 4


def is_within(tree: Tree, max_faces: int) -> bool:
    """Return whether the scene has at most so many triangles. Raises ModelUnsupported."""
    counts = (facts.triangles_of(tree, primitive) for primitive, _ in mesh.standing(tree))
    return sum(counts) <= max_faces


def simplify(content: bytes, max_faces: int) -> bytes:
    """Return the GLB with at most `max_faces` triangles; textures stay in place.

    Raises ModelUnsupported where the surface would tear, NotAvailable where a library is missing.
    """
    with mesh.damage_is_unsupported():
        file = File.read(content)
        if is_within(file.tree, max_faces):
            return content
        found = [primitive for primitive, _ in mesh.standing(file.tree)]
        if len(found) * _LEAST_FACES > max_faces:
            raise ModelUnsupported(
                f"This model has {len(found)} parts: they cannot have {max_faces} triangles "
                "together."
            )
        total = sum(facts.triangles_of(file.tree, primitive) for primitive in found)
        for primitive in {id(each): each for each in found}.values():
            count = facts.triangles_of(file.tree, primitive)
            target = max(_LEAST_FACES, count * max_faces // total)
            fewer = _decimated(file.mesh(primitive), target, len(found) > 1)
            primitive.update(file.replaced(primitive, fewer))
        return file.write()


def _decimated(whole: Mesh, target: int, keeps_border: bool) -> Mesh:
    """Return at most `target` faces. Raises ModelUnsupported where that would tear the mesh.

    `keeps_border` says that other primitives may join this one at its border.
    """
    if len(whole.faces) <= target:
        return whole
    if not keeps_border and set(whole.attributes) <= {POSITION, NORMAL} and _is_welded(whole):
        fewer = _quickly(whole, target)
        if len(fewer.faces) <= target and _open_edges(fewer.faces) <= _open_edges(whole.faces):
            return fewer
    return _with_seams(whole, target, keeps_border)


def _quickly(whole: Mesh, target: int) -> Mesh:
    try:
        import fast_simplification
    except ImportError:
        return whole
    positions, faces = fast_simplification.simplify(
        np.ascontiguousarray(whole.attributes[POSITION]), whole.faces, target_count=target
    )
    attributes = {POSITION: positions.astype(np.float32)}
    if NORMAL in whole.attributes:
        attributes[NORMAL] = _normals(positions, faces)
    return Mesh(attributes, faces)


def _with_seams(whole: Mesh, target: int, keeps_border: bool) -> Mesh:
    try:
        from opengl_decimate import DecimateError, SimplifyOptions, simplify
    except ImportError as error:
        raise NotAvailable(
            "A model with texture coordinates, or of several parts, cannot be simplified here: "
            "that needs the package opengl-decimate, which has no release for this Python."
        ) from error
    options = SimplifyOptions(
        target_count=target,
        lock_seams=True,
        lock_boundary=keeps_border,
        recompute_normals=NORMAL in whole.attributes,
    )
    floats = {
        name: np.ascontiguousarray(mesh.real(each)) for name, each in whole.attributes.items()
    }
    try:
        fewer = simplify(floats, whole.faces.astype(np.uint32).ravel(), options)
    except DecimateError as error:
        raise ModelUnsupported("The triangles of this model cannot be simplified.") from error
    faces = np.asarray(fewer.indices).reshape(-1, 3)
    if not 0 < len(faces) <= target:
        raise ModelUnsupported(
            f"This model cannot have {target} triangles without tearing: {len(faces)} is the least."
        )
    attributes = {name: np.asarray(each, np.float32) for name, each in fewer.attributes.items()}
    return Mesh(attributes, faces)


def _is_welded(whole: Mesh) -> bool:
    """Return whether no two vertices are at one place: faces share what they have in common."""
    places = whole.attributes[POSITION]
    order = np.lexsort(places.T)
    return not (np.diff(places[order], axis=0) == 0).all(1).any()


def _open_edges(faces: Array) -> int:
    """Return how many edges have a face on one side only."""
    count = np.int64(faces.max()) + 1
    start = faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    edges = np.sort((np.minimum(start, end) * count + np.maximum(start, end)).ravel())
    is_new = np.concatenate([[True], edges[1:] != edges[:-1], [True]])
    return int((is_new[1:] & is_new[:-1]).sum())


def _normals(positions: Array, faces: Array) -> Array:
    """Return the normal of each vertex: the mean of its faces', weighted by their areas."""
    first, second, third = (positions[faces[:, corner]].astype(float) for corner in range(3))
    of_face = np.cross(second - first, third - first)
    total = np.column_stack(
        [np.bincount(faces.ravel(), np.repeat(axis, 3), len(positions)) for axis in of_face.T]
    )
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(lengths > 0, total / np.maximum(lengths, 1e-30), (0, 1, 0)).astype(np.float32)
