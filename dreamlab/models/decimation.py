"""Fewer triangles for one primitive: quadric error metrics, by two libraries.

Garland and Heckbert, «Surface simplification using quadric error metrics», SIGGRAPH 1997. Where
there are only positions, fast-simplification is the faster one. opengl-decimate keeps the seams of
texture coordinates and open borders where they are.
"""

from __future__ import annotations

from typing import Dict, NamedTuple

import numpy as np

from dreamlab.errors import ModelUnsupported, NotAvailable
from dreamlab.models.accessors import Array

POSITION, NORMAL = "POSITION", "NORMAL"


class Mesh(NamedTuple):
    """The vertices of a primitive by attribute, each (n, k) float32, and its faces (m, 3)."""

    attributes: Dict[str, Array]
    faces: Array


def decimate(mesh: Mesh, target: int, keeps_border: bool) -> Mesh:
    """Return at most `target` faces. Raises ModelUnsupported where that would tear the mesh.

    `keeps_border` says that other primitives may join this one at its border.
    """
    if len(mesh.faces) <= target:
        return mesh
    if not keeps_border and set(mesh.attributes) <= {POSITION, NORMAL} and _is_welded(mesh):
        fewer = _quickly(mesh, target)
        if len(fewer.faces) <= target and _open_edges(fewer.faces) <= _open_edges(mesh.faces):
            return fewer
    return _with_seams(mesh, target, keeps_border)


def _quickly(mesh: Mesh, target: int) -> Mesh:
    try:
        import fast_simplification
    except ImportError:
        return mesh
    positions, faces = fast_simplification.simplify(
        mesh.attributes[POSITION], mesh.faces.astype(np.int32), target_count=target
    )
    attributes = {POSITION: positions.astype(np.float32)}
    if NORMAL in mesh.attributes:
        attributes[NORMAL] = normals(positions, faces)
    return Mesh(attributes, faces)


def _with_seams(mesh: Mesh, target: int, keeps_border: bool) -> Mesh:
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
        recompute_normals=NORMAL in mesh.attributes,
    )
    try:
        fewer = simplify(mesh.attributes, mesh.faces.astype(np.uint32).ravel(), options)
    except DecimateError as error:
        raise ModelUnsupported("The triangles of this model cannot be simplified.") from error
    faces = np.asarray(fewer.indices).reshape(-1, 3)
    if not 0 < len(faces) <= target:
        raise ModelUnsupported(
            f"This model cannot have {target} triangles without tearing: {len(faces)} is the least."
        )
    return Mesh({name: np.asarray(values) for name, values in fewer.attributes.items()}, faces)


def _is_welded(mesh: Mesh) -> bool:
    """Return whether no two vertices are at one place: faces share what they have in common."""
    places = mesh.attributes[POSITION]
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


def normals(positions: Array, faces: Array) -> Array:
    """Return the normal of each vertex: the mean of its faces', weighted by their areas."""
    first, second, third = (positions[faces[:, corner]].astype(float) for corner in range(3))
    of_face = np.cross(second - first, third - first)
    total = np.column_stack(
        [np.bincount(faces.ravel(), np.repeat(axis, 3), len(positions)) for axis in of_face.T]
    )
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(lengths > 0, total / np.maximum(lengths, 1e-30), (0, 1, 0)).astype(np.float32)
