"""The triangles of a GLB, each primitive where it stands in the scene, with its material."""

from __future__ import annotations

from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from dreamlab.errors import ModelUnsupported
from dreamlab.models import accessors, directions, glb, scene
from dreamlab.models.accessors import Array, Tree, Vectors
from dreamlab.models.directions import STRIP, TRIANGLES

OPAQUE, MASK = "OPAQUE", "MASK"
_WHITE = (1.0, 1.0, 1.0, 1.0)
_WEBP, _TRANSFORM = "EXT_texture_webp", "KHR_texture_transform"


class Texture(NamedTuple):
    """An image file, JPEG, PNG or WebP. `number` is its index in the model."""

    number: int
    content: bytes


class Material(NamedTuple):
    """How a part looks: the core of glTF's metallic-roughness material."""

    colour: Tuple[float, ...] = _WHITE
    texture: Optional[Texture] = None
    metallic: float = 1.0
    roughness: float = 1.0
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
    with accessors.damage_is_unsupported():
        tree, data = glb.split(content)
        scene.check_measurable(tree)
        reader = _Reader(tree, memoryview(content)[data])
        found = []
        for place in scene.places(tree):
            for primitive in primitives(tree, place.node):
                part = reader.part(primitive, place.matrix)
                if len(part.faces):
                    found.append(part)
    if not found:
        raise ModelUnsupported("This model has no triangles.")
    return found


def primitives(tree: Tree, node: int) -> List[Tree]:
    """Return the primitives of a node that are triangles."""
    if "mesh" not in tree["nodes"][node]:
        return []
    return [
        primitive
        for primitive in tree["meshes"][tree["nodes"][node]["mesh"]]["primitives"]
        if primitive.get("mode", TRIANGLES) >= TRIANGLES and "POSITION" in primitive["attributes"]
    ]


def floats(tree: Tree, binary: memoryview, index: int) -> Array:
    """Return the real values of an accessor as float32."""
    vectors = accessors.read(tree, binary, index)
    return _floats(vectors, vectors.blocks())


def triangles(tree: Tree, binary: memoryview, primitive: Tree) -> Array:
    """Return the faces (m, 3) of a primitive, those of strips and fans too."""
    if "indices" in primitive:
        indices = accessors.read(tree, binary, primitive["indices"]).stored[:, 0].astype(np.int32)
    else:
        count = tree["accessors"][primitive["attributes"]["POSITION"]]["count"]
        indices = np.arange(count, dtype=np.int32)
    mode = primitive.get("mode", TRIANGLES)
    if mode == TRIANGLES:
        faces = indices[: len(indices) // 3 * 3].reshape(-1, 3)
    elif mode == STRIP:
        faces = np.column_stack([indices[:-2], indices[1:-1], indices[2:]])
        faces[1::2] = faces[1::2, [1, 0, 2]]
    else:
        first = np.broadcast_to(indices[:1], len(indices[2:]))
        faces = np.column_stack([indices[1:-1], indices[2:], first])
    if (
        len(faces)
        and faces.max() >= tree["accessors"][primitive["attributes"]["POSITION"]]["count"]
    ):
        raise ModelUnsupported("The triangles of this model have corners that it does not have.")
    return faces


class _Reader:
    """Reads the parts of one file."""

    def __init__(self, tree: Tree, binary: memoryview) -> None:
        self._tree = tree
        self._binary = binary

    def part(self, primitive: Tree, matrix: Array) -> Part:
        """Return a primitive under `matrix`."""
        attributes = primitive["attributes"]
        faces = triangles(self._tree, self._binary, primitive)
        linear = matrix[:3, :3]
        positions = self._floats(attributes["POSITION"]) @ linear.T + matrix[:3, 3]
        normals = None
        if "NORMAL" in attributes:
            source = accessors.read(self._tree, self._binary, attributes["NORMAL"])
            normals = _floats(source, directions.TURNED["NORMAL"](source, linear))
        if np.linalg.det(linear) < 0:
            faces = faces[:, ::-1]
        material, uv = self._material(primitive)
        colours = None
        if "COLOR_0" in attributes:
            colours = self._floats(attributes["COLOR_0"])
            if colours.shape[1] == 3:
                colours = np.column_stack([colours, np.ones(len(colours), np.float32)])
        return Part(positions.astype(np.float32), faces, material, normals, uv, colours)

    def _floats(self, index: int) -> Array:
        return floats(self._tree, self._binary, index)

    def _material(self, primitive: Tree) -> Tuple[Material, Optional[Array]]:
        if "material" not in primitive:
            return Material(), None
        described = self._tree["materials"][primitive["material"]]
        surface = described.get("pbrMetallicRoughness", {})
        texture, uv = None, None
        if "baseColorTexture" in surface:
            texture, uv = self._texture(surface["baseColorTexture"], primitive["attributes"])
        material = Material(
            tuple(float(each) for each in surface.get("baseColorFactor", _WHITE)),
            texture,
            # The texture of these two is left out. Its factors alone would make metal of wood.
            0.0 if "metallicRoughnessTexture" in surface else surface.get("metallicFactor", 1.0),
            surface.get("roughnessFactor", 1.0),
            described.get("alphaMode", OPAQUE),
            described.get("alphaCutoff", 0.5),
            bool(described.get("doubleSided")),
        )
        return material, uv

    def _texture(self, info: Tree, attributes: Tree) -> Tuple[Optional[Texture], Optional[Array]]:
        transform = info.get("extensions", {}).get(_TRANSFORM, {})
        name = f"TEXCOORD_{transform.get('texCoord', info.get('texCoord', 0))}"
        if name not in attributes:
            return None, None
        uv = _transformed(self._floats(attributes[name]), transform)
        described = self._tree["textures"][info["index"]]
        source = described.get("extensions", {}).get(_WEBP, described).get("source")
        if source is None:
            raise ModelUnsupported("The texture of this model is packed for graphics cards.")
        return Texture(source, self._image(self._tree["images"][source])), uv

    def _image(self, described: Tree) -> bytes:
        if "bufferView" not in described:
            raise ModelUnsupported("The textures of this model are not in the file itself.")
        view = self._tree["bufferViews"][described["bufferView"]]
        start = view.get("byteOffset", 0)
        return bytes(self._binary[start : start + view["byteLength"]])


def _floats(vectors: Vectors, blocks: Iterator[Tuple[slice, Array]]) -> Array:
    values = np.empty(vectors.stored.shape, np.float32)
    for part, block in blocks:
        values[part] = block
    return values


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
