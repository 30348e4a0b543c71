"""Pictures: what they show, compared with what the formulas of the ellipsoid say."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh
from PIL import Image

from dreamlab.formats import parts, picture
from support.solids import RADII, ellipsoid, load

pytest.importorskip("embreex", reason="it has no release for this Python or processor")

SIDE = 256


def rendered(content: bytes, side: int = SIDE) -> np.ndarray:
    return picture.render(parts.read(content), side).astype(int)


def test_the_silhouette_is_that_of_the_ellipsoid_and_fills_the_picture() -> None:
    alpha = rendered(ellipsoid(60))[..., 3] / 255
    # The outline of an ellipsoid seen from a direction d: its area is π √(Σ (d r r)²).
    turn, tilt = np.radians([30, 20])
    seen_from = np.array([np.sin(turn) * np.cos(tilt), np.sin(tilt), np.cos(turn) * np.cos(tilt)])
    others = np.array([RADII[1] * RADII[2], RADII[0] * RADII[2], RADII[0] * RADII[1]])
    area = np.pi * np.linalg.norm(seen_from * others)
    up = np.array([-np.sin(turn) * np.sin(tilt), np.cos(tilt), -np.cos(turn) * np.sin(tilt)])
    height = 2 * np.linalg.norm(up * RADII)
    pixel = height / 0.92 / SIDE
    assert alpha.sum() * pixel**2 == pytest.approx(area, rel=0.01)
    rows = np.flatnonzero(alpha.any(1))
    assert (rows[0], rows[-1]) == pytest.approx((0.04 * SIDE, 0.96 * SIDE), abs=2)
    assert (alpha[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


def test_it_shows_the_texture_from_the_front_and_a_little_from_the_right() -> None:
    """The camera is on the side of positive x, so it sees more of the blue half."""
    image = rendered(ellipsoid(60))
    solid = image[..., 3] == 255
    red = solid & (image[..., 0] > 2 * image[..., 2])
    blue = solid & (image[..., 2] > 2 * image[..., 0])
    assert blue.sum() > 1.5 * red.sum() > 0
    assert np.flatnonzero(red.any(0)).mean() < np.flatnonzero(blue.any(0)).mean()


def test_it_is_lit_from_above() -> None:
    image = rendered(ellipsoid(60, is_textured=False))
    middle = image[:, SIDE // 2]
    solid = np.flatnonzero(middle[:, 3] == 255)
    assert middle[solid[len(solid) // 5], 0] > middle[solid[-len(solid) // 5], 0] + 20


def test_what_is_cut_out_shows_what_is_behind_it() -> None:
    """Two squares: the front one is invisible by its alpha, the one behind is green."""
    front, back = (
        trimesh.Trimesh([[-1, -1, z], [1, -1, z], [1, 1, z], [-1, 1, z]], [[0, 1, 2], [0, 2, 3]])
        for z in (0.5, 0.0)
    )
    for mesh, colour, mode in ((front, [255, 0, 0, 0], "MASK"), (back, [0, 255, 0, 255], None)):
        mesh.visual = trimesh.visual.TextureVisuals(
            material=trimesh.visual.material.PBRMaterial(baseColorFactor=colour, alphaMode=mode)
        )
    content: bytes = trimesh.Scene([front, back]).export(file_type="glb")
    image = rendered(content)
    solid = image[image[..., 3] == 255]
    assert len(solid) > 0.2 * SIDE**2
    assert (solid[:, 0] == 0).all() and (solid[:, 1] > 100).all()


def test_a_picture_is_the_same_on_every_run_and_has_the_side_that_was_asked_for() -> None:
    found = parts.read(ellipsoid(30))
    for make in picture.png, picture.webp:
        first, second = make(found, 100), make(found, 100)
        assert first == second
        with Image.open(io.BytesIO(first)) as image:
            assert (image.size, image.mode) == ((100, 100), "RGBA")


def test_a_mesh_without_normals_is_lit_by_its_faces() -> None:
    mesh = trimesh.creation.box((1, 1, 1))
    content: bytes = trimesh.Scene(mesh).export(file_type="glb", include_normals=False)
    assert parts.read(content)[0].normals is None
    image = rendered(content)
    solid = image[..., 3] == 255
    # Three sides, each of one colour; a few pixels are mixed at the edges.
    counts = np.unique(image[solid][:, 0], return_counts=True)[1]
    assert (counts > 0.1 * solid.sum()).sum() == 3
    assert len(load(content, "glb").faces) == 12
