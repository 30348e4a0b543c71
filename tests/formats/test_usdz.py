"""USDZ: Pixar's own checks and reader, and the container's rules."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import trimesh
from PIL import Image

from dreamlab.errors import NotAvailable
from dreamlab.formats import parts
from dreamlab.formats.catalogue import BY_SUFFIX, FormatQuery
from dreamlab.formats.child import converted
from dreamlab.models.query import ModelQuery
from support.api import DATA
from support.solids import ellipsoid, glb, load, texture

pytest.importorskip("pxr", reason="usd-core has no release for this Python")
from pxr import Sdr, Tf, Usd, UsdGeom, UsdShade, UsdValidation

PIECES = ("couch", "bookcase")
# Some releases of usd-core come without the definitions of the shaders.
WITHOUT_DEFINITIONS = "MissingShaderIdInRegistry"
USDZ = BY_SUFFIX[".usdz"]


def made(content: bytes) -> bytes:
    return converted(content, USDZ, FormatQuery())


def failed_checks(path: Path) -> List[str]:
    # The first look for the definitions says that there are none.
    with suppress(Tf.ErrorException):
        Sdr.Registry()
    checks = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(checks) > 20
    found = UsdValidation.ValidationContext(checks).Validate(Usd.Stage.Open(str(path)))
    return [each.GetMessage() for each in found if each.GetName() != WITHOUT_DEFINITIONS]


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


IMAGES = {
    "baseColorTexture": (200, 100, 50),
    "metallicRoughnessTexture": (0, 128, 255),
    "normalTexture": (128, 128, 255),
    "occlusionTexture": (200, 0, 0),
    "emissiveTexture": (10, 20, 30),
}


def test_it_has_all_maps_of_a_material_with_their_channels(tmp_path: Path) -> None:
    mesh = load(ellipsoid(20), "glb")
    images = {name: Image.new("RGB", (16, 16), colour) for name, colour in IMAGES.items()}
    mesh.visual.material = trimesh.visual.material.PBRMaterial(
        metallicFactor=0.75, roughnessFactor=0.5, emissiveFactor=[0.25, 0.5, 1.0], **images
    )
    path = tmp_path / "model.usdz"
    path.write_bytes(made(glb(mesh)))
    assert failed_checks(path) == []
    stage = Usd.Stage.Open(str(path))
    material = UsdShade.Material.Get(stage, "/Model/Materials/Material0")
    surface, _, _ = material.ComputeSurfaceSource()
    found = {}
    with zipfile.ZipFile(path) as archive:
        for given in surface.GetInputs():
            if given.HasConnectedSource():
                source, channel, _ = given.GetConnectedSource()
                reader = UsdShade.Shader(source.GetPrim())
                file = reader.GetInput("file").Get().path
                colour = Image.open(io.BytesIO(archive.read(file))).convert("RGB").getpixel((0, 0))
                space = reader.GetInput("sourceColorSpace").Get()
                scale = tuple(reader.GetInput("scale").Get())
                found[given.GetBaseName()] = colour, channel, space, scale
    factors = (1, 0.5, 0.75, 1)
    assert found == {
        "diffuseColor": (IMAGES["baseColorTexture"], "rgb", "sRGB", (1, 1, 1, 1)),
        "roughness": (IMAGES["metallicRoughnessTexture"], "g", "raw", factors),
        "metallic": (IMAGES["metallicRoughnessTexture"], "b", "raw", factors),
        "normal": (IMAGES["normalTexture"], "rgb", "raw", (2, 2, 2, 1)),
        "occlusion": (IMAGES["occlusionTexture"], "r", "raw", (1, 1, 1, 1)),
        "emissiveColor": (IMAGES["emissiveTexture"], "rgb", "sRGB", (0.25, 0.5, 1, 1)),
    }


def test_it_is_not_available_without_pixars_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    monkeypatch.delitem(sys.modules, USDZ.writer.partition(":")[0], raising=False)
    with pytest.raises(NotAvailable, match="usd-core"):
        made(ellipsoid(10))
