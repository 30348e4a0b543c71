"""Fewer faces: how many, how near they are to the old ones, and where the texture is."""

from __future__ import annotations

import io
from importlib.util import find_spec

import numpy as np
import pytest
import trimesh
from PIL import Image

from dreamlab.errors import ModelUnsupported, NotAvailable
from dreamlab.formats import parts
from dreamlab.models import glb
from dreamlab.models.simplify import is_within, simplify
from support.api import DATA
from support.solids import LEFT_COLOUR, RIGHT_COLOUR, ellipsoid, load, off_the_surface, texture

HAS_SEAMS = find_spec("opengl_decimate") is not None
needs_seams = pytest.mark.skipif(
    not HAS_SEAMS, reason="opengl-decimate has no release for this Python"
)


def samples(content: bytes) -> np.ndarray:
    points, _ = trimesh.sample.sample_surface(load(content, "glb"), 20_000, seed=1)
    return np.asarray(points)


@pytest.mark.parametrize(
    "is_textured", (False, pytest.param(True, marks=needs_seams)), ids=("plain", "textured")
)
def test_a_tenth_of_the_faces_is_near_the_surface_and_closed(is_textured: bool) -> None:
    content = ellipsoid(80, is_textured)
    fewer = simplify(content, 2500)
    mesh = load(fewer, "glb")
    assert 2000 < len(mesh.faces) <= 2500
    distances = off_the_surface(samples(fewer))
    assert distances.mean() < 0.001
    assert np.percentile(distances, 95) < 0.002
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight
    assert mesh.volume > 0
    glb.check(io.BytesIO(fewer))


@needs_seams
def test_the_texture_is_the_same_and_stays_where_it_was() -> None:
    content = ellipsoid(80)
    (old,), (new,) = parts.read(content), parts.read(simplify(content, 1000))
    assert old.material == new.material
    assert new.uv is not None and new.material.texture is not None
    image = np.asarray(Image.open(io.BytesIO(new.material.texture.content)).convert("RGB"))
    assert (image == np.asarray(texture())).all()
    corners = new.uv[new.faces]
    # Near a pole, any face spans much of u.
    is_polar = (np.abs(corners[..., 1] - 0.5) > 0.4).any(1)
    assert is_polar.mean() < 0.3
    corners, faces = corners[~is_polar], new.faces[~is_polar]
    # No face reads across the texture, from one side of the seam to the other.
    assert np.ptp(corners[..., 0], axis=1).max() < 0.3
    middle = new.positions[faces].mean(1)
    column = (corners[..., 0].mean(1) * 256).astype(int)
    is_left = middle[:, 0] < 0.2
    clear = np.abs(middle[:, 0] - 0.2) > 0.05
    assert (image[64, column][is_left & clear] == LEFT_COLOUR).all()
    assert (image[64, column][~is_left & clear] == RIGHT_COLOUR).all()


@pytest.mark.skipif(HAS_SEAMS, reason="opengl-decimate is installed")
def test_a_texture_needs_a_package_that_not_all_pythons_have() -> None:
    with pytest.raises(NotAvailable, match="opengl-decimate"):
        simplify(ellipsoid(20), 500)


def test_a_model_within_the_budget_is_the_same_file() -> None:
    content = ellipsoid(20)
    assert simplify(content, 100_000) is content


def test_a_mesh_counts_as_often_as_the_scene_has_it() -> None:
    content = ellipsoid(20)
    faces = len(load(content, "glb").faces)
    tree, _ = glb.split(content)
    assert is_within(tree, faces) and not is_within(tree, faces - 1)
    tree["nodes"].append({"mesh": 0})
    tree["scenes"][0]["nodes"].append(len(tree["nodes"]) - 1)
    assert is_within(tree, 2 * faces) and not is_within(tree, 2 * faces - 1)


@needs_seams
def test_parts_that_join_still_do() -> None:
    """Two halves of a closed surface, each with a material of its own."""
    whole = load(ellipsoid(60, is_textured=False), "glb")
    top = whole.triangles_center[:, 1] > -0.1
    halves = [whole.submesh([chosen], append=True) for chosen in (top, ~top)]
    content: bytes = trimesh.Scene(halves).export(file_type="glb")
    fewer = load(simplify(content, 3000), "glb")
    assert len(fewer.faces) <= 3000
    fewer.merge_vertices(merge_tex=True, merge_norm=True)
    assert fewer.is_watertight


@needs_seams
def test_what_would_tear_is_refused() -> None:
    """Each pole has 160 places in the texture, one for each face that it has."""
    with pytest.raises(ModelUnsupported, match="100 triangles without tearing: 162 is the least"):
        simplify(ellipsoid(80), 100)


@needs_seams
@pytest.mark.parametrize("name", ("couch", "televisionCabinet", "stool"))
def test_real_pieces_of_many_parts_keep_their_size(name: str) -> None:
    content = (DATA / "pieces" / f"{name}.glb").read_bytes()
    old = load(content, "glb")
    budget = len(old.faces) * 2 // 3
    new = load(simplify(content, budget), "glb")
    assert len(new.faces) <= budget
    assert np.allclose(new.bounds, old.bounds, atol=0.01 * old.extents.max())
