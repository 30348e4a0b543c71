"""USDZ for Apple's Quick Look: metres, y up, one binary layer and its textures in one file.

The container is that of «USDZ File Format Specification»: the layer comes first, nothing is
compressed, and the data of each file begin at a multiple of 64 bytes.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from dreamlab.models import images
from dreamlab.models.parts import MASK, OPAQUE, Material, Part
from dreamlab.models.usdc import ATTRIBUTE, PRIM, PSEUDO_ROOT, RELATIONSHIP, ROOT, Crate, Fields

_LAYER, _MODEL, _MATERIALS = "model.usdc", "/Model", "/Model/Materials"
_ALIGNMENT, _LOCAL_HEADER_BYTES = 64, 30
# Its two-byte id and length come before the padding of an extra field. Readers skip what they do
# not know.
_EXTRA = struct.Struct("<HH")
_PADDING_ID = 0x1986
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(parts: Sequence[Part]) -> bytes:
    """Return the USDZ of a model."""
    textures: Dict[int, Tuple[str, bytes]] = {}
    for part in parts:
        texture = part.material.texture
        if texture is not None and texture.number not in textures:
            suffix, content = images.jpeg_or_png(texture.content)
            textures[texture.number] = f"textures/{texture.number}{suffix}", content
    names = {index: name for index, (name, _) in textures.items()}
    return _zipped([(_LAYER, _layer(parts, names)), *textures.values()])


def _zipped(files: List[Tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, _EPOCH)
            start = packed.tell() + _LOCAL_HEADER_BYTES + len(name) + _EXTRA.size
            padding = -start % _ALIGNMENT
            entry.extra = _EXTRA.pack(_PADDING_ID, padding) + bytes(padding)
            archive.writestr(entry, content)
    return packed.getvalue()


def _layer(parts: Sequence[Part], textures: Dict[int, str]) -> bytes:
    """Return the scene as a binary layer. `textures` has the names of the files."""
    scene = _Scene()
    meshes = [f"Part{number}" for number in range(len(parts))]
    materials: Dict[Tuple[Material, bool], str] = {}
    for name, part in zip(meshes, parts):
        key = part.material, part.colours is not None
        material = materials.setdefault(key, f"Material{len(materials)}")
        scene.mesh(f"{_MODEL}/{name}", part, f"{_MATERIALS}/{material}")
    for (material_of, is_coloured), name in materials.items():
        texture = material_of.texture
        file = None if texture is None else textures[texture.number]
        scene.material(f"{_MATERIALS}/{name}", material_of, file, is_coloured)
    scene.group(_MATERIALS, "Scope", [*materials.values()])
    scene.group(_MODEL, "Xform", [*meshes, "Materials"])
    return scene.write()


class _Scene:
    """The prims of a layer, with a model at the top."""

    def __init__(self) -> None:
        self._crate = Crate()

    def write(self) -> bytes:
        crate = self._crate
        fields = {
            "defaultPrim": crate.token(_MODEL[1:]),
            "metersPerUnit": crate.double(1.0),
            "upAxis": crate.token("Y"),
            "primChildren": crate.tokens([_MODEL[1:]]),
        }
        crate.add(ROOT, PSEUDO_ROOT, fields)
        return crate.write()

    def group(self, path: str, kind: str, children: Sequence[str]) -> None:
        """Add a prim that only has others."""
        more = {"kind": self._crate.token("component")} if path == _MODEL else {}
        more["primChildren"] = self._crate.tokens(children)
        self._prim(path, kind, {}, more)

    def mesh(self, path: str, part: Part, material: str) -> None:
        """Add the triangles of a part."""
        crate, positions, faces = self._crate, part.positions, part.faces
        extent = np.stack([positions.min(0), positions.max(0)])
        vertex = {"interpolation": crate.token("vertex")}
        properties = {
            "doubleSided": self._uniform("bool", crate.flag(part.material.is_double_sided)),
            "extent": self._attribute("float3[]", crate.array(extent)),
            "faceVertexCounts": self._attribute(
                "int[]", crate.array(np.full(len(faces), 3, np.int32))
            ),
            "faceVertexIndices": self._attribute("int[]", crate.array(faces.ravel())),
            "points": self._attribute("point3f[]", crate.array(positions)),
            "subdivisionScheme": self._uniform("token", crate.token("none")),
        }
        if part.normals is not None:
            normals = self._attribute("normal3f[]", crate.array(part.normals))
            properties["normals"] = {**normals, **vertex}
        if part.uv is not None:
            # v runs up in USD.
            uv = self._attribute("texCoord2f[]", crate.array(part.uv * [1, -1] + [0, 1]))
            properties["primvars:st"] = {**uv, **vertex}
        if part.colours is not None:
            colours = self._attribute("color3f[]", crate.array(part.colours[:, :3]))
            properties["primvars:displayColor"] = {**colours, **vertex}
        bound = {"variability": crate.uniform(), "targetPaths": crate.targets(material)}
        crate.add(f"{path}.material:binding", RELATIONSHIP, bound)
        more = {"apiSchemas": crate.applied(["MaterialBindingAPI"])}
        self._prim(path, "Mesh", properties, more, ["material:binding"])

    def material(
        self, path: str, material: Material, file: Optional[str], is_coloured: bool
    ) -> None:
        """Add a material: a surface, and what reads its texture or its vertices' colours."""
        crate = self._crate
        red, green, blue, alpha = material.colour
        surface: Dict[str, Fields] = {
            "inputs:metallic": self._attribute("float", crate.real(material.metallic)),
            "inputs:roughness": self._attribute("float", crate.real(material.roughness)),
            "inputs:diffuseColor": self._attribute("color3f", crate.vector((red, green, blue))),
            "outputs:surface": self._attribute("token"),
        }
        nodes = ["Surface"]
        is_opaque = material.alpha_mode == OPAQUE
        if not is_opaque:
            surface["inputs:opacity"] = self._attribute("float", crate.real(alpha))
        if material.alpha_mode == MASK:
            cutoff = crate.real(material.alpha_cutoff)
            surface["inputs:opacityThreshold"] = self._attribute("float", cutoff)
        if file is not None:
            nodes += ["Texture", "Reader"]
            colour = f"{path}/Texture.outputs:rgb"
            surface["inputs:diffuseColor"] = self._connected("color3f", colour)
            if not is_opaque:
                opacity = f"{path}/Texture.outputs:a"
                surface["inputs:opacity"] = self._connected("float", opacity)
            self._texture(f"{path}/Texture", file, material, f"{path}/Reader.outputs:result")
            self._reader(f"{path}/Reader", "UsdPrimvarReader_float2", "st", "float2")
        elif is_coloured:
            nodes.append("Reader")
            colour = f"{path}/Reader.outputs:result"
            surface["inputs:diffuseColor"] = self._connected("color3f", colour)
            self._reader(f"{path}/Reader", "UsdPrimvarReader_float3", "displayColor", "float3")
        self._shader(f"{path}/Surface", "UsdPreviewSurface", surface)
        output = {"outputs:surface": self._connected("token", f"{path}/Surface.outputs:surface")}
        self._prim(path, "Material", output, {"primChildren": crate.tokens(nodes)})

    def _texture(self, path: str, file: str, material: Material, coordinates: str) -> None:
        crate = self._crate
        properties = {
            "inputs:file": self._attribute("asset", crate.asset(file)),
            "inputs:sourceColorSpace": self._attribute("token", crate.token("sRGB")),
            "inputs:st": self._connected("float2", coordinates),
            "inputs:wrapS": self._attribute("token", crate.token("repeat")),
            "inputs:wrapT": self._attribute("token", crate.token("repeat")),
            "outputs:rgb": self._attribute("float3"),
            "outputs:a": self._attribute("float"),
        }
        if any(each != 1 for each in material.colour):
            properties["inputs:scale"] = self._attribute("float4", crate.vector(material.colour))
        self._shader(path, "UsdUVTexture", properties)

    def _reader(self, path: str, name: str, variable: str, kind: str) -> None:
        properties = {
            "inputs:varname": self._attribute("string", self._crate.string(variable)),
            "outputs:result": self._attribute(kind),
        }
        self._shader(path, name, properties)

    def _shader(self, path: str, name: str, properties: Dict[str, Fields]) -> None:
        shader_id = self._uniform("token", self._crate.token(name))
        self._prim(path, "Shader", {"info:id": shader_id, **properties}, {})

    def _prim(
        self,
        path: str,
        kind: str,
        properties: Dict[str, Fields],
        more: Fields,
        relationships: Sequence[str] = (),
    ) -> None:
        crate = self._crate
        fields = {"specifier": crate.defines(), "typeName": crate.token(kind), **more}
        if properties:
            fields["properties"] = crate.tokens([*properties, *relationships])
        crate.add(path, PRIM, fields)
        for name, attribute in properties.items():
            crate.add(f"{path}.{name}", ATTRIBUTE, attribute)

    def _attribute(self, kind: str, value: int = 0) -> Fields:
        fields = {"typeName": self._crate.token(kind)}
        if value:
            fields["default"] = value
        return fields

    def _uniform(self, kind: str, value: int) -> Fields:
        return {**self._attribute(kind, value), "variability": self._crate.uniform()}

    def _connected(self, kind: str, path: str) -> Fields:
        return {**self._attribute(kind), "connectionPaths": self._crate.targets(path)}
