"""Reads furniture of Debian's package `sweethome3d-furniture`, under the licences in SOURCES.md."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from scipy.spatial import cKDTree

from local_space.training import shapes
from local_space.training.shapes import Shape

FOLDER = Path("/usr/share/sweethome3d/furniture")
# Names (English) of what is furniture, and its class; the first that fits counts.
_CLASSES = (
    (r"armchair|wing ?chair|relax chair|futon|fotel", "armchair"),
    (r"sofa|couch", "sofa"),
    (r"stool|ottoman|puff|pouf|bar chair", "stool"),
    (r"table lamp|desk lamp|little lamp|living.*lamp|^lamp|floor lamp|lamp$", "lamp"),
    (r"chair|class seat", "chair"),
    (r"bedside|cabinet|wardrobe|dresser|chest|cupboard|fridge|refriger|freezer|locker", "cabinet"),
    (r"washing machine|dryer|oven|safe|island|vanity|trunck|speaker", "cabinet"),
    (r"shel(f|ves)|shelving|bookcase", "shelf"),
    (r"\bbed\b|crib|futon", "bed"),
    (r"table\b|desk|workbench", "table"),
    (r"bench|bank\b|piano|changing", "other"),
)  # fmt: skip
_NO_FURNITURE = (
    r"baseball|tennis|fan|wall light|mobile|hanging|ceiling|pendant|street|hood|towel|"
    r"camping|garden|bedspread"
)
# How near two surfaces are where they are the same, in the longest side.
_SAME_WITHIN = 0.04
# A piece is the same as one that is kept aside if more than this share of both is so near.
_SAME_SHARE = 0.98
# Of the longest side: how thick an open sheet is taken to be, to either side.
_SHEET = 0.008


class Model(NamedTuple):
    """One model of the package, its sides in centimetres."""

    name: str  # of library and model, as in the validation set
    kind: str
    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray


def read(kept_aside: Set[str]) -> Tuple[List[Model], List[str]]:
    """The furniture but what is kept aside or the same as that; the names of what was left out."""
    found = {model.name: model for model in _models()}
    rng = np.random.default_rng(0)
    clouds = {name: _cloud(model, rng) for name, model in found.items()}
    aside = [cKDTree(clouds[name]) for name in found if name in kept_aside]
    models, left_out = [], []
    for name, model in found.items():
        if name in kept_aside or any(_is_same(clouds[name], other) for other in aside):
            left_out.append(name)
        elif model.kind:
            models.append(model)
    return models, left_out


def shape(model: Model, seed: int) -> Shape:
    """The shape of a model: what no ray from outside reaches is inside; open sheets get thick."""
    low, high = model.vertices.min(0), model.vertices.max(0)
    longest = (high - low).max()
    vertices = (model.vertices - (low + high) / 2) / longest
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, vertices.astype(np.float32), model.faces.astype(np.int32))
    directions = _outwards()

    def hidden(points: np.ndarray) -> np.ndarray:
        left = np.arange(len(points))
        for direction in directions:
            towards = np.tile(direction, (len(left), 1)).astype(np.float32)
            hit = scene.run(points[left].astype(np.float32), towards, output=1)["primID"] >= 0
            left = left[hit]
        found = np.zeros(len(points), bool)
        found[left] = True
        return found

    rng = np.random.default_rng(seed)
    on, normals = shapes.on_surface(vertices, model.faces, 60_000, rng)
    thin = on[~hidden(on + 0.006 * normals) & ~hidden(on - 0.006 * normals)]
    sheets = cKDTree(thin) if len(thin) > 50 else None

    def inside(points: np.ndarray) -> np.ndarray:
        found = hidden(points)
        if sheets is not None:
            found |= np.isfinite(sheets.query(points, distance_upper_bound=_SHEET)[0])
        return found

    points, occupied = shapes.sample(vertices, model.faces, inside, rng)
    half = (high - low) / 2 / longest
    return Shape(
        model.kind,
        high - low,
        vertices.astype(np.float32),
        model.faces.astype(np.int32),
        model.material.astype(np.uint8),
        (points / half).astype(np.float16),
        occupied,
    )


def _outwards() -> np.ndarray:
    """Directions to the outside, never downwards."""
    found = [[0.0, 1.0, 0.0]]
    for above in (0, 25, 50):
        for around in np.radians(np.arange(0, 360, 22.5)):
            a = np.radians(above)
            found.append([np.sin(around) * np.cos(a), np.sin(a), np.cos(around) * np.cos(a)])
    return np.array(found)


def _cloud(model: Model, rng: np.random.Generator) -> np.ndarray:
    points = shapes.on_surface(model.vertices, model.faces, 2000, rng)[0]
    low, high = points.min(0), points.max(0)
    return (points - (low + high) / 2) / (high - low).max()


def _is_same(cloud: np.ndarray, other: cKDTree) -> bool:
    for turn in (np.eye(3), np.diag([-1.0, 1, 1])):
        there = other.query(cloud @ turn)[0] < _SAME_WITHIN
        back = cKDTree(cloud @ turn).query(other.data)[0] < _SAME_WITHIN
        if min(there.mean(), back.mean()) > _SAME_SHARE:
            return True
    return False


def _models() -> Iterator[Model]:
    for path in sorted(FOLDER.glob("*.sh3f")):
        if path.stem == "Reallusion":  # people
            continue
        with zipfile.ZipFile(path) as archive:
            for entry in _entries(archive.read("PluginFurnitureCatalog.properties")):
                model = _model(path.stem, archive, entry)
                if model is not None:
                    yield model


def _entries(properties: bytes) -> List[Dict[str, str]]:
    entries: Dict[str, Dict[str, str]] = {}
    for line in properties.decode("latin-1").splitlines():
        match = re.match(r"(\w+)#(\d+)=(.*)", line)
        if match:
            entries.setdefault(match[2], {})[match[1]] = match[3].strip()
    return list(entries.values())


def _model(library: str, archive: zipfile.ZipFile, entry: Dict[str, str]) -> Optional[Model]:
    name = f"{library}__{entry['id'].split('#')[-1]}"
    spoken = entry.get("name", "").lower()
    kind = ""
    if not re.search(_NO_FURNITURE, spoken):
        kind = next((kind for words, kind in _CLASSES if re.search(words, spoken)), "")
    if not kind or not entry["model"].endswith(".obj"):
        return None
    vertices, faces, material = _obj(archive.read(entry["model"].lstrip("/")).decode("latin-1"))
    if "modelRotation" in entry:
        matrix = np.array([float(x) for x in entry["modelRotation"].split()]).reshape(3, 3)
        vertices = vertices @ matrix.T
    sides = np.array([float(entry[side]) for side in ("width", "height", "depth")])
    low, high = vertices.min(0), vertices.max(0)
    vertices = (vertices - low) / np.maximum(high - low, 1e-9) * sides
    return Model(name, kind, vertices, faces, material)


def _obj(text: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices, faces, material = [], [], []
    names: Dict[str, int] = {}
    current = 0
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(x) for x in words[1:4]])
        elif words[0] == "usemtl":
            current = names.setdefault(words[-1], len(names) % 8)
        elif words[0] == "f":
            corners = [int(word.split("/")[0]) for word in words[1:]]
            corners = [c - 1 if c > 0 else len(vertices) + c for c in corners]
            for i in range(1, len(corners) - 1):
                faces.append([corners[0], corners[i], corners[i + 1]])
                material.append(current)
    points, triangles = np.array(vertices, float), np.array(faces, int)
    used, again = np.unique(triangles, return_inverse=True)
    return points[used], again.reshape(-1, 3), np.array(material)
