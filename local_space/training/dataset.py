"""The training set on disk: chunks of procedural shapes with pictures of them, and the library's.

Every chunk depends on its number and the seed alone, so that a run that was cut off goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from local_space.recognition import CLASSES, NOTHING
from local_space.training import library, renderer, shapes
from local_space.training.shapes import Shape

_KINDS = (*CLASSES, NOTHING)
# Procedural shapes that a chunk adds to the library's.
SHAPES_PER_CHUNK = 24
# Pictures of both in a chunk.
PICTURES_PER_CHUNK = 240
# The share of the pictures that show furniture of the library.
_FROM_LIBRARY = 0.25
# How far a shape is stretched along each axis before a picture.
_STRETCH = 0.15


class Plan(NamedTuple):
    """Where the training set is, and how large it is."""

    folder: Path
    seed: int
    chunks: int
    kept_aside: Path

    @property
    def library(self) -> Path:
        return self.folder / "library.npz"

    def chunk(self, number: int) -> Path:
        return self.folder / f"chunk-{number:05}.npz"


def make_library(plan: Plan) -> None:
    """The package's furniture."""
    if not plan.library.exists():
        models, _ = library.read(set(plan.kept_aside.read_text().split()))
        made = [library.shape(model, seed) for seed, model in enumerate(models)]
        meshes = {
            "vertices": np.concatenate([shape.vertices for shape in made]),
            "faces": np.concatenate([shape.faces for shape in made]),
            "material": np.concatenate([shape.material for shape in made]),
            "counts": np.array([(len(s.vertices), len(s.faces)) for s in made]),
        }
        _save(plan.library, {**_occupancy(made), **meshes})


def make_chunks(plan: Plan, worker: int, workers: int) -> None:
    """Every `workers`-th chunk, from number `worker` on."""
    real = _read_library(plan)
    for number in range(worker, plan.chunks, workers):
        if not plan.chunk(number).exists():
            first = plan.seed * 1_000_000 + number * SHAPES_PER_CHUNK
            made = [shapes.procedural(first + i) for i in range(SHAPES_PER_CHUNK)]
            pictures = _pictures([*made, *real], np.random.default_rng([plan.seed, number]))
            _save(plan.chunk(number), {**_occupancy(made), **pictures})


class _Drawn(NamedTuple):
    """What is drawn of a shape of the library."""

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray


def _read_library(plan: Plan) -> List[_Drawn]:
    with np.load(plan.library) as arrays:
        ends = np.cumsum(arrays["counts"], axis=0)[:-1]
        parts = [
            np.split(arrays[name], ends[:, column])
            for name, column in (("vertices", 0), ("faces", 1), ("material", 1))
        ]
    return [_Drawn(*each) for each in zip(*parts)]


def _pictures(drawn: Sequence[Any], rng: np.random.Generator) -> Dict[str, np.ndarray]:
    """Pictures of shapes; `shape` is the number in the chunk, what follows is the library's."""
    rows: Dict[str, List[Any]] = {
        name: [] for name in ("colours", "mask", "camera", "half", "shape")
    }
    for _ in range(PICTURES_PER_CHUNK):
        is_real = len(drawn) > SHAPES_PER_CHUNK and rng.random() < _FROM_LIBRARY
        between = (SHAPES_PER_CHUNK, len(drawn)) if is_real else (0, SHAPES_PER_CHUNK)
        index = int(rng.integers(*between))
        vertices = drawn[index].vertices * rng.uniform(1 - _STRETCH, 1 + _STRETCH, 3)
        vertices = (vertices / np.ptp(vertices, axis=0).max()).astype(np.float32)
        picture = renderer.render(vertices, drawn[index].faces, drawn[index].material, rng)
        rows["colours"].append(picture.colours)
        rows["mask"].append(picture.mask)
        rows["camera"].append([*picture.camera[:4], *picture.camera.centre])
        rows["half"].append(np.ptp(vertices, axis=0) / 2)
        rows["shape"].append(index)
    return {name: np.array(values) for name, values in rows.items()}


def _occupancy(made: List[Shape]) -> Dict[str, np.ndarray]:
    return {
        "kind": np.array([_KINDS.index(shape.kind) for shape in made]),
        "points": np.array([shape.points for shape in made]),
        "occupied": np.array([shape.occupied for shape in made]),
    }


def _save(path: Path, arrays: Dict[str, np.ndarray]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)
