"""The vertices of a scene: where they are, and the box around those that one sees."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.models import accessors, scene
from dreamlab.models.accessors import MAX_COUNT, Array, Tree, Vectors
from dreamlab.models.scene import Matrix, Place

POSITION = "POSITION"


class Box(NamedTuple):
    """The lowest and the highest coordinates."""

    low: Array
    high: Array

    @property
    def extents(self) -> Array:
        """The lengths along x, y and z."""
        return self.high - self.low


class Vertices:
    """The positions of one accessor under one matrix, for the primitives that have them there."""

    def __init__(self, matrix: Matrix, accessor: int) -> None:
        self.accessor = accessor
        self.primitives: List[Tree] = []
        self._matrix = matrix
        self._vectors = Vectors(np.zeros((0, 3)))
        self._is_seen: Optional[Array] = None
        self.box = Box(np.full(3, np.inf), np.full(3, -np.inf))

    def measure(self, tree: Tree, binary: memoryview) -> None:
        """Find the box around the vertices."""
        self._vectors = accessors.read(tree, binary, self.accessor)
        self._is_seen = self._seen(tree, binary)
        low, high = self.box
        for part, values in self._placed():
            seen = values if self._is_seen is None else values[self._is_seen[part]]
            if len(seen):
                low, high = np.minimum(low, seen.min(0)), np.maximum(high, seen.max(0))
        self.box = Box(low, high)

    def blocks(self) -> Iterator[Tuple[slice, Array]]:
        """Yield slices of the vertices and their positions in the scene.

        One that no face has is moved into the box: clients measure those, too.
        """
        for part, values in self._placed():
            if self._is_seen is not None:
                unseen = ~self._is_seen[part]
                values[unseen] = np.clip(values[unseen], *self.box)
            yield part, values

    def __len__(self) -> int:
        return len(self._vectors.stored)

    def _placed(self) -> Iterator[Tuple[slice, Array]]:
        linear, shift = self._matrix[:3, :3].T, self._matrix[:3, 3]
        is_placed = not np.array_equal(self._matrix, np.eye(4))
        for part, values in self._vectors.blocks():
            yield part, values @ linear + shift if is_placed else values

    def _seen(self, tree: Tree, binary: memoryview) -> Optional[Array]:
        """Return which vertices the primitives have, None for all of them."""
        is_seen = np.zeros(len(self), bool)
        for primitive in self.primitives:
            if "indices" not in primitive:
                return None
            indices = accessors.read(tree, binary, primitive["indices"]).stored
            for start in range(0, len(indices), accessors.BLOCK):
                is_seen[indices[start : start + accessors.BLOCK, 0]] = True
        return None if is_seen.all() else is_seen


def measure(tree: Tree, binary: memoryview, places: List[Place]) -> List[Vertices]:
    """Return the vertices of the scene, measured. Raises ModelUnsupported where there are none."""
    scene.check_measurable(tree)
    found: Dict[Tuple[int, bytes], Vertices] = {}
    for place in places:
        if "mesh" not in tree["nodes"][place.node]:
            continue
        for primitive in tree["meshes"][tree["nodes"][place.node]["mesh"]]["primitives"]:
            accessor = primitive["attributes"].get(POSITION)
            if accessor is not None:
                key = accessor, place.matrix.tobytes()
                vertices = found.setdefault(key, Vertices(place.matrix, accessor))
                vertices.primitives.append(primitive)
    if sum(tree["accessors"][accessor]["count"] for accessor, _ in found) > MAX_COUNT:
        raise ModelUnsupported("This model has too many vertices.")
    for vertices in found.values():
        vertices.measure(tree, binary)
    return [vertices for vertices in found.values() if len(vertices)]


def box_of(found: List[Vertices]) -> Box:
    """Return the box around all of them. Raises ModelUnsupported where there is none."""
    low = np.min([vertices.box.low for vertices in found], 0, initial=np.inf)
    high = np.max([vertices.box.high for vertices in found], 0, initial=-np.inf)
    if not np.isfinite([low, high]).all():
        raise ModelUnsupported("This model has no size: there is nothing in it.")
    return Box(low, high)
