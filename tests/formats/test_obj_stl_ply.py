"""OBJ, STL and PLY, read back by trimesh."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from dreamlab.formats import exports, parts
from support.api import DATA
from support.solids import LEFT_COLOUR, RIGHT_COLOUR, ellipsoid, extents, load, texture


@pytest.mark.parametrize("is_textured", (False, True))
def test_an_stl_is_binary_and_in_millimetres(is_textured: bool) -> None:
    content = ellipsoid(30, is_textured)
    stl = exports.stl(parts.read(content))
    faces = len(load(content, "glb").faces)
    assert len(stl) == 84 + 50 * faces
    assert np.allclose(extents(stl, "stl"), np.multiply(extents(content, "glb"), 1000), atol=1e-3)
    assert load(stl, "stl").volume > 0


def test_a_ply_has_the_colours_of_the_texture() -> None:
    content = ellipsoid(30)
    mesh = load(exports.ply(parts.read(content)), "ply")
    assert np.allclose(mesh.bounds, extents(content, "glb"))
    is_left, is_right = mesh.vertices[:, 0] < 0.1, mesh.vertices[:, 0] > 0.3
    assert (mesh.visual.vertex_colors[is_left] == (*LEFT_COLOUR, 255)).all()
    assert (mesh.visual.vertex_colors[is_right] == (*RIGHT_COLOUR, 255)).all()


def test_a_ply_has_the_colours_of_the_vertices() -> None:
    mesh = load(ellipsoid(10, is_textured=False), "glb")
    mesh.visual.vertex_colors = np.tile([255, 0, 0, 255], (len(mesh.vertices), 1))
    ply = load(exports.ply(parts.read(mesh.export(file_type="glb"))), "ply")
    assert (ply.visual.vertex_colors == (255, 0, 0, 255)).all()


def test_an_obj_zip_has_the_mesh_its_material_and_its_texture() -> None:
    content = ellipsoid(30)
    with zipfile.ZipFile(io.BytesIO(exports.obj_zip(parts.read(content)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(files) == ["model.mtl", "model.obj", "texture0.png"]
    assert b"map_Kd texture0.png" in files["model.mtl"]
    image = Image.open(io.BytesIO(files["texture0.png"])).convert("RGB")
    assert (np.asarray(image) == np.asarray(texture())).all()
    old = load(content, "glb")
    old.remove_unreferenced_vertices()
    vertices, uv, corners = [], [], []
    for line in files["model.obj"].decode().splitlines():
        kind, *words = line.split()
        if kind in ("v", "vt"):
            (vertices if kind == "v" else uv).append([float(word) for word in words])
        elif kind == "f":
            corners.append([[int(index) - 1 for index in word.split("/")] for word in words])
    assert np.allclose(vertices, old.vertices, atol=1e-5)
    assert np.allclose(uv, old.visual.uv, atol=1e-5)
    indices = np.array(corners)
    assert np.array_equal(indices[..., 0], old.faces)
    assert (indices == indices[..., :1]).all()


@pytest.mark.parametrize("name", ("couch", "desklamp"))
def test_every_format_of_a_real_piece_has_the_same_box_and_faces(name: str) -> None:
    content = (DATA / "pieces" / f"{name}.glb").read_bytes()
    found = parts.read(content)
    old = load(content, "glb")
    with zipfile.ZipFile(io.BytesIO(exports.obj_zip(found))) as archive:
        obj = archive.read("model.obj")
    for kind, content, unit in (
        ("obj", obj, 1),
        ("stl", exports.stl(found), 1000),
        ("ply", exports.ply(found), 1),
    ):
        mesh = load(content, kind)
        assert len(mesh.faces) == len(old.faces), kind
        assert np.allclose(mesh.bounds, old.bounds * unit, atol=1e-4 * unit), kind
