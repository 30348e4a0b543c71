"""USDZ: Pixar's own checker and reader, and the container's rules."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from PIL import Image

from dreamlab.models import crate_ints, parts, usdz
from dreamlab.models.query import ModelQuery
from support.api import DATA
from support.solids import ellipsoid, texture

pxr = pytest.importorskip("pxr", reason="usd-core has no release for this Python")
from pxr import Sdr, Tf, Usd, UsdGeom, UsdShade, UsdUtils  # noqa: E402

PIECES = ("couch", "bookcase")
# usd-core's wheels come without the definitions of the shaders, so no shader passes this one.
WITHOUT_DEFINITIONS = "ShaderPropertyTypeConformanceChecker"


def made(content: bytes) -> bytes:
    return usdz.write(parts.read(content))


def failed_checks(path: Path) -> List[str]:
    # The first look for the definitions says that there are none.
    with suppress(Tf.ErrorException):
        Sdr.Registry()
    checker = UsdUtils.ComplianceChecker(arkit=True)
    checker.CheckCompliance(str(path))
    found = checker.GetErrors() + checker.GetFailedChecks() + checker.GetWarnings()
    return [each for each in found if WITHOUT_DEFINITIONS not in each]


def open_stage(content: bytes, folder: Path) -> Any:
    path = folder / "model.usdz"
    path.write_bytes(content)
    return Usd.Stage.Open(str(path))


@pytest.mark.parametrize("is_textured", (False, True))
def test_pixars_checker_has_nothing_to_say(tmp_path: Path, is_textured: bool) -> None:
    path = tmp_path / "model.usdz"
    path.write_bytes(made(ellipsoid(30, is_textured)))
    assert failed_checks(path) == []


@pytest.mark.parametrize("name", PIECES)
def test_pixars_checker_has_nothing_to_say_of_real_pieces(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.usdz"
    path.write_bytes(made((DATA / "pieces" / f"{name}.glb").read_bytes()))
    assert failed_checks(path) == []


@pytest.mark.parametrize("is_textured", (False, True))
def test_it_has_the_same_points_in_metres_on_the_floor(tmp_path: Path, is_textured: bool) -> None:
    sized = ModelQuery.parse({"height_cm": "90"}).apply(ellipsoid(30, is_textured))
    (part,) = parts.read(sized)
    stage = open_stage(made(sized), tmp_path)
    assert (UsdGeom.GetStageMetersPerUnit(stage), UsdGeom.GetStageUpAxis(stage)) == (1.0, "Y")
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Model/Part0"))
    points = np.array(mesh.GetPointsAttr().Get())
    assert np.array_equal(points, part.positions)
    assert points[:, 1].min() == pytest.approx(0, abs=1e-6)
    assert points[:, 1].max() == pytest.approx(0.9, abs=1e-6)
    assert np.array_equal(np.array(mesh.GetFaceVertexIndicesAttr().Get()), part.faces.ravel())
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
    assert np.allclose(np.array(mesh.GetNormalsAttr().Get()), part.normals)


def test_it_has_the_same_texture_and_coordinates(tmp_path: Path) -> None:
    content = ellipsoid(30)
    (part,) = parts.read(content)
    stage = open_stage(made(content), tmp_path)
    mesh = stage.GetPrimAtPath("/Model/Part0")
    st = np.array(UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Get())
    assert part.uv is not None
    assert np.allclose(st, part.uv * [1, -1] + [0, 1])
    material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
    surface, _, _ = material.ComputeSurfaceSource()
    source, output, _ = surface.GetInput("diffuseColor").GetConnectedSource()
    assert (surface.GetIdAttr().Get(), output) == ("UsdPreviewSurface", "rgb")
    assert surface.GetInput("metallic").Get() == 0
    asset = source.GetInput("file").Get()
    with zipfile.ZipFile(tmp_path / "model.usdz") as archive:
        image = Image.open(io.BytesIO(archive.read(asset.path))).convert("RGB")
    assert (np.asarray(image) == np.asarray(texture())).all()


def test_the_container_is_stored_aligned_and_has_the_layer_first() -> None:
    content = made(ellipsoid(30))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    assert [entry.filename.rpartition(".")[2] for entry in entries] == ["usdc", "png"]
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
        assert (entry.header_offset + 30 + name + extra) % 64 == 0


def test_the_same_model_is_the_same_file() -> None:
    assert made(ellipsoid(20)) == made(ellipsoid(20))


def test_integers_of_every_width_are_read_back(tmp_path: Path) -> None:
    """The faces of a mesh are compressed by their differences, which have 0 to 4 bytes."""
    content = ellipsoid(30)
    (part,) = parts.read(content)
    far = np.concatenate([part.positions, np.zeros((200_000, 3), np.float32)])
    faces = np.array([[0, 1, 2], [2, 130, 131], [131, 40_000, 1], [180_000, 0, 0]] * 10)
    one = part._replace(positions=far, faces=faces.astype(np.int32), uv=None, normals=None)
    stage = open_stage(usdz.write([one._replace(material=parts.Material())]), tmp_path)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Model/Part0"))
    assert np.array_equal(np.array(mesh.GetFaceVertexIndicesAttr().Get()), faces.ravel())


@pytest.mark.parametrize("length", (0, 14, 15, 269, 270, 271, 1000))
def test_a_block_has_its_length(length: int) -> None:
    """LZ4: four bits of length, then bytes of 255 and a last one, then the literals."""
    content = bytes(range(250)) * 4
    block = crate_ints.fast(content[:length])
    assert block[0] == 0
    count, start = block[1] >> 4, 2
    if count == 15:
        while block[start] == 255:
            count, start = count + 255, start + 1
        count, start = count + block[start], start + 1
    assert (count, block[start:]) == (length, content[:length])
