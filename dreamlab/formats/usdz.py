"""USDZ for Apple's Quick Look: metres, y up, one binary layer and its textures in one file."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import numpy as np

from dreamlab.errors import NotAvailable
from dreamlab.formats import images
from dreamlab.formats.parts import MASK, OPAQUE, Material, Part, Texture
from dreamlab.models.mesh import Array

try:
    from pxr import Kind, Sdf, Usd, UsdGeom, UsdShade, Vt, Work
except ImportError as error:
    raise NotAvailable(
        "USDZ cannot be written here: that needs the package usd-core, which has no release for "
        "this Python or this processor."
    ) from error

_LAYER, _PACKAGE, _TEXTURES = "model.usdc", "model.usdz", "textures"
_MODEL, _MATERIALS = "/Model", "/Model/Materials"
# A time that ZIP can say in every time zone: the same model is the same file.
_EPOCH = 315_619_200

Numbers = Tuple[float, ...]
# What a shader has by its type and its name, as USD's text says it: `float metallic`.
Inputs = Mapping[str, Any]
Outputs = Callable[[str], Any]


def write(parts: Sequence[Part]) -> bytes:
    """Return the USDZ of a model."""
    files: Dict[int, Tuple[str, bytes]] = {}
    for material in {part.material for part in parts}:
        for texture in material:
            if isinstance(texture, Texture) and texture.number not in files:
                suffix, content = images.jpeg_or_png(texture.content)
                files[texture.number] = f"{_TEXTURES}/{texture.number}{suffix}", content
    names = {number: name for number, (name, _) in sorted(files.items())}
    with TemporaryDirectory() as path:
        folder = Path(path)
        (folder / _TEXTURES).mkdir()
        for name, content in files.values():
            (folder / name).write_bytes(content)
        _write_layer(str(folder / _LAYER), parts, names)
        package = Sdf.ZipFileWriter.CreateNew(str(folder / _PACKAGE))
        # The layer comes first.
        for name in (_LAYER, *names.values()):
            os.utime(folder / name, (_EPOCH, _EPOCH))
            package.AddFile(str(folder / name), name)
        package.Save()
        return (folder / _PACKAGE).read_bytes()


def _write_layer(path: str, parts: Sequence[Part], names: Dict[int, str]) -> None:
    """Write the scene as a binary layer. `names` has the files of the textures."""
    # A conversion takes one processor.
    Work.SetConcurrencyLimit(1)
    stage = Usd.Stage.CreateNew(path)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    model = UsdGeom.Xform.Define(stage, _MODEL).GetPrim()
    stage.SetDefaultPrim(model)
    Usd.ModelAPI(model).SetKind(Kind.Tokens.component)
    UsdGeom.Scope.Define(stage, _MATERIALS)
    materials: Dict[Tuple[Material, bool], Any] = {}
    for number, part in enumerate(parts):
        key = part.material, part.colours is not None
        if key not in materials:
            look = _Look(stage, f"{_MATERIALS}/Material{len(materials)}", names)
            materials[key] = look.write(*key)
        mesh = _mesh(stage, f"{_MODEL}/Part{number}", part)
        UsdShade.MaterialBindingAPI.Apply(mesh).Bind(materials[key])
    stage.Save()


def _mesh(stage: Any, path: str, part: Part) -> Any:
    """Add the triangles of a part. Return their prim."""
    mesh, vertex = UsdGeom.Mesh.Define(stage, path), UsdGeom.Tokens.vertex
    extent = np.stack([part.positions.min(0), part.positions.max(0)])
    mesh.CreateExtentAttr(_vectors(Vt.Vec3fArray, extent))
    mesh.CreatePointsAttr(_vectors(Vt.Vec3fArray, part.positions))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(part.faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.faces.ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(part.material.is_double_sided)
    if part.normals is not None:
        mesh.CreateNormalsAttr(_vectors(Vt.Vec3fArray, part.normals))
        mesh.SetNormalsInterpolation(vertex)
    if part.uv is not None:
        # v runs up in USD.
        uv = _vectors(Vt.Vec2fArray, part.uv * [1, -1] + [0, 1])
        primvars = UsdGeom.PrimvarsAPI(mesh)
        primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, vertex).Set(uv)
    if part.colours is not None:
        colours = _vectors(Vt.Vec3fArray, part.colours[:, :3])
        mesh.CreateDisplayColorPrimvar(vertex).Set(colours)
    return mesh.GetPrim()


def _vectors(kind: Any, values: Array) -> Any:
    return kind.FromNumpy(np.ascontiguousarray(values, np.float32))


class _Look:
    """A material of the layer: a surface, and what reads its maps or its vertices' colours."""

    def __init__(self, stage: Any, path: str, names: Dict[int, str]) -> None:
        self._stage = stage
        self._path = path
        self._names = names

    def write(self, look: Material, is_coloured: bool) -> Any:
        """Return the material that looks so. `is_coloured` says that the vertices have colours."""
        inputs: Dict[str, Any] = {
            "color3f diffuseColor": look.colour[:3],
            "color3f emissiveColor": look.emissive_colour,
            "float metallic": look.metallic,
            "float roughness": look.roughness,
            "float opacity": look.colour[3],
        }
        if is_coloured:
            inputs["color3f diffuseColor"] = self._reader("float3", "displayColor")
        inputs.update(self._maps(look))
        if look.alpha_mode == OPAQUE:
            inputs["float opacity"] = 1.0
        if look.alpha_mode == MASK:
            inputs["float opacityThreshold"] = look.alpha_cutoff
        material = UsdShade.Material.Define(self._stage, self._path)
        surface = self._shader("Surface", "UsdPreviewSurface", inputs)
        material.CreateSurfaceOutput().ConnectToSource(surface("token surface"))
        return material

    def _maps(self, look: Material) -> Dict[str, Any]:
        """Return what reads the maps, by the inputs of the surface."""
        found: Dict[str, Any] = {}
        if look.texture is not None:
            colour = self._map("Colour", look.texture, "sRGB", look.colour)
            found["color3f diffuseColor"] = colour("float3 rgb")
            found["float opacity"] = colour("float a")
        if look.metallic_roughness is not None:
            factors = (1.0, look.roughness, look.metallic, 1.0)
            both = self._map("MetallicRoughness", look.metallic_roughness, "raw", factors)
            found["float roughness"] = both("float g")
            found["float metallic"] = both("float b")
        if look.emissive is not None:
            light = self._map("Emissive", look.emissive, "sRGB", (*look.emissive_colour, 1.0))
            found["color3f emissiveColor"] = light("float3 rgb")
        if look.normal is not None:
            # Bytes of 0 to 255 are directions from -1 to 1.
            steep = look.normal_scale
            scale, bias = (2 * steep, 2 * steep, 2.0, 1.0), (-steep, -steep, -1.0, 0.0)
            normal = self._map("Normal", look.normal, "raw", scale, bias)
            found["normal3f normal"] = normal("float3 rgb")
        if look.occlusion is not None:
            strength = look.occlusion_strength
            scale, bias = (strength,) * 4, (1 - strength,) * 4
            occlusion = self._map("Occlusion", look.occlusion, "raw", scale, bias)
            found["float occlusion"] = occlusion("float r")
        return found

    def _map(
        self, name: str, texture: Texture, space: str, scale: Numbers, bias: Numbers = (0.0,) * 4
    ) -> Outputs:
        """Add what reads a texture, times `scale` and plus `bias`."""
        inputs = {
            "asset file": Sdf.AssetPath(self._names[texture.number]),
            "token sourceColorSpace": space,
            "float2 st": self._reader("float2", "st"),
            "token wrapS": "repeat",
            "token wrapT": "repeat",
            "float4 scale": scale,
            "float4 bias": bias,
        }
        return self._shader(name, "UsdUVTexture", inputs)

    def _reader(self, kind: str, name: str) -> Any:
        """Return what reads values of the vertices. Those of one name are read once."""
        inputs = {"string varname": name}
        return self._shader(f"{name}Reader", f"UsdPrimvarReader_{kind}", inputs)(f"{kind} result")

    def _shader(self, name: str, kind: str, inputs: Inputs) -> Outputs:
        shader = UsdShade.Shader.Define(self._stage, f"{self._path}/{name}")
        shader.CreateIdAttr(kind)

        def create(function: Any, typed: str) -> Any:
            of_usd, _, called = typed.partition(" ")
            return function(called, Sdf.ValueTypeNames.Find(of_usd))

        for typed, value in inputs.items():
            given = create(shader.CreateInput, typed)
            if isinstance(value, UsdShade.Output):
                given.ConnectToSource(value)
            else:
                given.Set(value)
        return lambda typed: create(shader.CreateOutput, typed)
