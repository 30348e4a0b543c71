"""The triangles of a GLB, each primitive where it stands in the scene, with its material."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.models import mesh
from dreamlab.models.mesh import NORMAL, POSITION, Array, File, Matrix, Tree

OPAQUE, MASK = "OPAQUE", "MASK"
_WHITE, _BLACK = (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
_WEBP, _TRANSFORM = "EXT_texture_webp", "KHR_texture_transform"


class Texture(NamedTuple):
    """An image file, JPEG, PNG or WebP. `number` is its index in the model."""

    number: int
    content: bytes


class Material(NamedTuple):
    """How a part looks: the core of glTF's metallic-roughness material, its maps and factors."""

    colour: Tuple[float, ...] = _WHITE
    texture: Optional[Texture] = None
    metallic: float = 1.0
    roughness: float = 1.0
    metallic_roughness: Optional[Texture] = None
    normal: Optional[Texture] = None
    normal_scale: float = 1.0
    occlusion: Optional[Texture] = None
    occlusion_strength: float = 1.0
    emissive: Optional[Texture] = None
    emissive_colour: Tuple[float, ...] = _BLACK
    alpha_mode: str = OPAQUE
    alpha_cutoff: float = 0.5
    is_double_sided: bool = False


class Part(NamedTuple):
    """Triangles with one material, in metres, y up. `uv` runs down, as in glTF."""

    positions: Array  # (n, 3) float32
    faces: Array  # (m, 3) int32
    material: Material
    normals: Optional[Array] = None  # (n, 3) float32
    uv: Optional[Array] = None  # (n, 2) float32
    colours: Optional[Array] = None  # (n, 4) float32, linear


def read(content: bytes) -> List[Part]:
    """Return the parts of a GLB. Raises ModelUnsupported."""
    with mesh.damage_is_unsupported():
        reader = _Reader(File.read(content))
        found = [reader.part(*standing) for standing in mesh.standing(reader.tree)]
        found = [part for part in found if len(part.faces)]
    if not found:
        raise ModelUnsupported("This model has no triangles.")
    return found


class _Reader:
    """Reads the parts of one file."""

    def __init__(self, file: File) -> None:
        self.tree = file.tree
        self._file = file
        self._textures: Dict[int, Texture] = {}

    def part(self, primitive: Tree, matrix: Matrix) -> Part:
        """Return a primitive under `matrix`."""
        old = self._file.mesh(primitive)
        new = mesh.turned(old, matrix[:3, :3])
        positions = mesh.placed(old.attributes[POSITION], matrix).astype(np.float32)
        material, uv = self._material(primitive, old.attributes)
        colours = old.attributes.get("COLOR_0")
        if colours is not None:
            colours = mesh.real(colours)
            if colours.shape[1] == 3:
                colours = np.column_stack([colours, np.ones(len(colours), np.float32)])
        return Part(positions, new.faces, material, new.attributes.get(NORMAL), uv, colours)

    def _material(
        self, primitive: Tree, attributes: Dict[str, Array]
    ) -> Tuple[Material, Optional[Array]]:
        """Return the material of a primitive, and the texture coordinates of its maps."""
        if "material" not in primitive:
            return Material(), None
        described = self.tree["materials"][primitive["material"]]
        surface = described.get("pbrMetallicRoughness", {})
        infos = {
            "texture": surface.get("baseColorTexture"),
            "metallic_roughness": surface.get("metallicRoughnessTexture"),
            "normal": described.get("normalTexture"),
            "occlusion": described.get("occlusionTexture"),
            "emissive": described.get("emissiveTexture"),
        }
        maps, uv = self._maps(infos, attributes)
        # Without their map, the factors alone would make metal of wood.
        is_left_out = infos["metallic_roughness"] and "metallic_roughness" not in maps
        material = Material(
            colour=tuple(float(each) for each in surface.get("baseColorFactor", _WHITE)),
            metallic=0.0 if is_left_out else float(surface.get("metallicFactor", 1.0)),
            roughness=float(surface.get("roughnessFactor", 1.0)),
            normal_scale=float((infos["normal"] or {}).get("scale", 1.0)),
            occlusion_strength=float((infos["occlusion"] or {}).get("strength", 1.0)),
            emissive_colour=tuple(float(e) for e in described.get("emissiveFactor", _BLACK)),
            alpha_mode=described.get("alphaMode", OPAQUE),
            alpha_cutoff=float(described.get("alphaCutoff", 0.5)),
            is_double_sided=bool(described.get("doubleSided")),
            **maps,
        )
        return material, uv

    def _maps(
        self, infos: Dict[str, Any], attributes: Dict[str, Array]
    ) -> Tuple[Dict[str, Any], Optional[Array]]:
        """Return the maps by their names, and their coordinates.

        All have the coordinates of the first one. A map with others is left out.
        """
        maps: Dict[str, Any] = {}
        first, uv = None, None
        for name, info in infos.items():
            if info is None:
                continue
            transform = info.get("extensions", {}).get(_TRANSFORM, {})
            coordinates = f"TEXCOORD_{transform.get('texCoord', info.get('texCoord', 0))}"
            if uv is None and coordinates in attributes:
                first = coordinates, transform
                uv = _transformed(attributes[coordinates], transform)
            if (coordinates, transform) == first:
                maps[name] = self._texture(info["index"])
        return maps, uv

    def _texture(self, index: int) -> Texture:
        described = self.tree["textures"][index]
        source = described.get("extensions", {}).get(_WEBP, described).get("source")
        if source is None:
            raise ModelUnsupported("The texture of this model is packed for graphics cards.")
        if source not in self._textures:
            image = self.tree["images"][source]
            if "bufferView" not in image:
                raise ModelUnsupported("The textures of this model are not in the file itself.")
            content = bytes(self._file.content(image["bufferView"]))
            self._textures[source] = Texture(source, content)
        return self._textures[source]


def _transformed(uv: Array, transform: Any) -> Array:
    """Return texture coordinates as KHR_texture_transform moves them."""
    if not transform:
        return uv
    scale = np.asarray(transform.get("scale", (1.0, 1.0)))
    angle = transform.get("rotation", 0.0)
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    moved = (uv * scale) @ turn + np.asarray(transform.get("offset", (0.0, 0.0)))
    single: Array = moved.astype(np.float32)
    return single
