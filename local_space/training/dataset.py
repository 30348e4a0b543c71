"""The training set on disk: chunks of shapes, and chunks of pictures of them, each made once.

Every chunk depends on its number and the seed alone, so that a run that was cut off goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import numpy as np

from local_space.recognition import CLASSES, NOTHING
from local_space.training import library, renderer, shapes, templates
from local_space.training.shapes import Shape

_KINDS = (*CLASSES, NOTHING)
SHAPES_PER_CHUNK, PICTURES_PER_CHUNK = 50, 500
_TEMPLATES = 5000
# How far a shape is stretched along each axis before a picture.
_STRETCH = 0.15


class Plan(NamedTuple):
    """Where the training set is, and how large it is."""

    folder: Path
    seed: int
    shape_chunks: int
    picture_chunks: int
    kept_aside: Path


def make_shapes(plan: Plan, worker: int, workers: int) -> None:
    """Every `workers`-th chunk of procedural shapes, from number `worker` on."""
    for chunk in range(worker, plan.shape_chunks, workers):
        path = plan.folder / f"shapes-{chunk:04}.npz"
        if not path.exists():
            first = plan.seed * 1_000_000 + chunk * SHAPES_PER_CHUNK
            _write_shapes(path, [shapes.procedural(first + i) for i in range(SHAPES_PER_CHUNK)])


def make_library_shapes(plan: Plan) -> None:
    """The package's furniture, in one chunk."""
    path = plan.folder / "shapes-library.npz"
    if not path.exists():
        models, _ = library.read(set(plan.kept_aside.read_text().split()))
        _write_shapes(path, [library.shape(model, seed) for seed, model in enumerate(models)])


def make_templates(plan: Plan) -> None:
    """The pieces that the engine itself keeps."""
    path = plan.folder / "pieces.npz"
    if not path.exists():
        np.savez_compressed(path, **templates.made(plan.seed * 1_000_000, _TEMPLATES))  # type: ignore[arg-type]


def make_pictures(plan: Plan, worker: int, workers: int) -> None:
    """Every `workers`-th chunk of pictures; the library's shapes come in more often than others."""
    made = read_shapes(plan)
    real = np.flatnonzero(made["is_real"])
    others = np.flatnonzero(~made["is_real"])
    for chunk in range(worker, plan.picture_chunks, workers):
        path = plan.folder / f"pictures-{chunk:04}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([plan.seed, chunk])
        rows: Dict[str, List[Any]] = {
            "colours": [],
            "mask": [],
            "camera": [],
            "half": [],
            "shape": [],
        }
        for _ in range(PICTURES_PER_CHUNK):
            index = int(rng.choice(real if len(real) and rng.random() < 0.25 else others))
            vertices = made["vertices"][index] * rng.uniform(1 - _STRETCH, 1 + _STRETCH, 3)
            vertices = (vertices / np.ptp(vertices, axis=0).max()).astype(np.float32)
            picture = renderer.render(vertices, made["faces"][index], made["material"][index], rng)
            rows["colours"].append(picture.colours)
            rows["mask"].append(picture.mask)
            rows["camera"].append([*picture.camera[:4], *picture.camera.centre])
            rows["half"].append(np.ptp(vertices, axis=0) / 2)
            rows["shape"].append(index)
        _save(path, {name: np.array(values) for name, values in rows.items()})


def _write_shapes(path: Path, made: List[Shape]) -> None:
    _save(
        path,
        {
            "kind": np.array([_KINDS.index(shape.kind) for shape in made], np.uint8),
            "size_cm": np.array([shape.size_cm for shape in made], np.float32),
            "points": np.array([shape.points for shape in made]),
            "occupied": np.array([shape.occupied for shape in made]),
            "vertices": np.concatenate([shape.vertices for shape in made]),
            "faces": np.concatenate([shape.faces for shape in made]),
            "material": np.concatenate([shape.material for shape in made]),
            "counts": np.array([(len(s.vertices), len(s.faces)) for s in made]),
        },
    )


def _save(path: Path, arrays: Dict[str, np.ndarray]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def read_shapes(plan: Plan) -> Dict[str, Any]:
    """All shapes: arrays by name, meshes as lists; the library's come last."""
    paths = [plan.folder / f"shapes-{chunk:04}.npz" for chunk in range(plan.shape_chunks)]
    paths = [path for path in [*paths, plan.folder / "shapes-library.npz"] if path.exists()]
    chunks = [np.load(path) for path in paths]
    joined: Dict[str, Any] = {
        name: np.concatenate([chunk[name] for chunk in chunks])
        for name in ("kind", "size_cm", "points", "occupied")
    }
    is_real = [np.full(len(c["kind"]), p.stem == "shapes-library") for c, p in zip(chunks, paths)]
    joined["is_real"] = np.concatenate(is_real)
    for name, column in (("vertices", 0), ("faces", 1), ("material", 1)):
        joined[name] = []
        for chunk in chunks:
            joined[name] += np.split(chunk[name], np.cumsum(chunk["counts"][:, column])[:-1])
    return joined


def read_pictures(plan: Plan) -> Dict[str, np.ndarray]:
    """All pictures that there are by now."""
    chunks = [np.load(path) for path in sorted(plan.folder.glob("pictures-????.npz"))]
    names = ("colours", "mask", "camera", "half", "shape")
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}
