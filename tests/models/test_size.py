"""A model's real size: in the vertices, in every layout, measured by trimesh."""

from __future__ import annotations

import json
import struct
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest
import trimesh

from dreamlab.models.fitting import fit
from dreamlab.models.size import Size
from support import gltf_files
from support.gltf_files import LAYOUTS, load

MakeGlb = Callable[[], bytes]
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def parts(model: bytes) -> Tuple[Dict[str, Any], bytes]:
    """Return the JSON of a GLB, and its binary data. Check the lengths."""
    length, size = struct.unpack("<8xII", model[:16])
    assert length == len(model)
    assert struct.unpack_from("<I", model, 20 + size)[0] == length - 28 - size
    return json.loads(model[20 : 20 + size]), model[28 + size :]


def inner_meshes(model: bytes) -> trimesh.Trimesh:
    """Return the meshes of a file alone, without the transforms of their nodes."""
    return trimesh.util.concatenate([*load(model).geometry.values()])


def in_scene(model: bytes) -> trimesh.Trimesh:
    scene = load(model)
    return scene.to_geometry() if hasattr(scene, "to_geometry") else scene.dump(concatenate=True)


@every_layout
def test_a_height_is_exact_and_the_piece_stands_in_the_middle_of_the_floor(layout: MakeGlb) -> None:
    sized = fit(layout(), Size(height_cm=90))
    for mesh in (load(sized), inner_meshes(sized)):
        low, high = mesh.bounds
        assert high[1] - low[1] == pytest.approx(0.9, rel=1e-6)
        assert low[1] == 0
        assert (low + high)[[0, 2]] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_height_alone_keeps_the_shape(name: str) -> None:
    if name.startswith("a root with") and trimesh.__version__ < "5":
        pytest.skip("trimesh 4, the last one for Python 3.8, ignores the transform of a root")
    model = LAYOUTS[name]()
    before = in_scene(model)
    after = in_scene(fit(model, Size(height_cm=90)))
    factor = 0.9 / before.extents[1]
    assert after.extents == pytest.approx(before.extents * factor, rel=1e-5)
    assert after.volume == pytest.approx(before.volume * factor**3, rel=1e-4)
    assert after.area == pytest.approx(before.area * factor**2, rel=1e-5)


@every_layout
def test_three_sides_are_exact(layout: MakeGlb) -> None:
    sized = fit(layout(), Size(50, 80, 70.5, "center"))
    assert load(sized).bounds == pytest.approx(
        np.array([[-0.25, -0.4, -0.3525], [0.25, 0.4, 0.3525]]), rel=1e-6
    )


def test_a_side_that_is_not_given_takes_the_mean_of_the_scales() -> None:
    extents = load(gltf_files.plain()).extents
    sized = load(fit(gltf_files.plain(), Size(width_cm=50, depth_cm=80))).extents
    scales = sized / extents
    assert sized[[0, 2]] == pytest.approx([0.5, 0.8], rel=1e-6)
    assert scales[1] == pytest.approx(np.sqrt(scales[0] * scales[2]), rel=1e-6)


@pytest.mark.parametrize(("origin", "lowest"), (("floor", 0.0), ("center", -0.5)))
def test_an_origin_alone_moves_the_model(origin: str, lowest: float) -> None:
    extents = load(gltf_files.plain()).extents
    moved = load(fit(gltf_files.plain(), Size(origin=origin)))
    assert moved.extents == pytest.approx(extents, rel=1e-6)
    assert moved.bounds[0] == pytest.approx(extents * [-0.5, lowest, -0.5], rel=1e-6, abs=1e-9)


def test_no_size_leaves_the_file_as_it_is() -> None:
    assert fit(gltf_files.plain(), Size()) == gltf_files.plain()


@every_layout
def test_normals_and_tangents_fit_the_changed_surface(layout: MakeGlb) -> None:
    for geometry in load(fit(layout(), Size(40, 90, 70))).geometry.values():
        if "vertex_normals" in geometry._cache:
            corners = geometry.faces
            for column in range(3):
                given = geometry.vertex_normals[corners[:, column]]
                assert (given * geometry.face_normals).sum(1).min() > 0.99999


@pytest.mark.parametrize("root", ({}, {"scale": [-1, 1, 1]}, {"rotation": gltf_files.SLANTED}))
def test_tangents_follow_the_edges(root: Dict[str, Any]) -> None:
    tree, binary = parts(fit(gltf_files.plain(**root), Size(40, 90, 70)))

    def values(name: str) -> Any:
        accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"][name]]
        start = tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
        width = int(accessor["type"][3])
        return np.frombuffer(binary, "<f4", accessor["count"] * width, start).reshape(-1, width)

    corners, tangents = values("POSITION"), values("TANGENT")
    edges = corners[1::3] - corners[::3]
    edges /= np.linalg.norm(edges, axis=1, keepdims=True)
    assert tangents[::3, :3] == pytest.approx(edges, abs=1e-5)
    # The third axis changes its side together with the shape.
    assert (tangents[:, 3] == (-1 if "scale" in root else 1)).all()


def test_all_but_the_vertices_stays_as_it_was() -> None:
    model = gltf_files.with_pictures((64, 32), asset={"version": "2.0", "generator": "some tool"})
    sized = fit(model, Size(height_cm=90))
    (before, old), (after, new) = parts(model), parts(sized)
    for name in ("asset", "materials", "textures", "nodes", "scenes"):
        assert after[name] == before[name]

    def image(tree: Dict[str, Any], binary: bytes) -> bytes:
        view = tree["bufferViews"][tree["images"][0]["bufferView"]]
        return binary[view["byteOffset"] :][: view["byteLength"]]

    assert image(after, new) == image(before, old)
    (mesh,), (other,) = load(model).geometry.values(), load(sized).geometry.values()
    assert np.array_equal(other.faces, mesh.faces)
    assert np.array_equal(other.visual.uv, mesh.visual.uv)
    assert np.array_equal(other.vertex_normals, mesh.vertex_normals)
    # What is no longer used is not kept.
    assert len(new) <= len(old) + 4 * mesh.faces.size


def test_the_bounds_in_the_file_are_those_of_its_vertices() -> None:
    model = fit(gltf_files.LAYOUTS["interleaved vertices"](), Size(height_cm=77, origin="center"))
    tree = parts(model)[0]
    accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    bounds = inner_meshes(model).vertices.astype("f4")
    assert accessor["min"] == bounds.min(0).tolist()
    assert accessor["max"] == bounds.max(0).tolist()
