"""A model as OBJ, STL and PLY. Lengths are metres and y is up, but STL has millimetres."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Dict, List, Optional, Sequence

import numpy as np

from dreamlab.formats import images
from dreamlab.formats.parts import OPAQUE, Material, Part
from dreamlab.models.mesh import Array

_MILLIMETRES = 1000
_OBJ, _MTL = "model.obj", "model.mtl"
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Text shrinks to a third at the lowest level already, in a quarter of the time of the default.
_LEVEL = 1
# With texture coordinates, with normals.
_CORNERS = {
    (True, True): "%d/%d/%d",
    (True, False): "%d/%d",
    (False, True): "%d//%d",
    (False, False): "%d",
}
_STL_FACE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_PLY_VERTEX = np.dtype([("position", "<f4", 3), ("colour", "u1", 4)])
_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
_PLY_HEAD = """ply
format binary_little_endian 1.0
element vertex {vertices}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property uchar alpha
element face {faces}
property list uchar int vertex_indices
end_header
"""


def stl(parts: Sequence[Part]) -> bytes:
    """Return a binary STL in millimetres."""
    corners = np.concatenate([part.positions[part.faces] for part in parts]) * _MILLIMETRES
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    faces = np.zeros(len(corners), _STL_FACE)
    faces["corners"] = corners
    faces["normal"] = normals / np.maximum(lengths, 1e-30)
    return b"DreamLab, millimetres".ljust(80) + struct.pack("<I", len(faces)) + faces.tobytes()


def ply(parts: Sequence[Part]) -> bytes:
    """Return a binary PLY. Its vertices have the colours of the texture where they are."""
    vertices = np.zeros(sum(len(part.positions) for part in parts), _PLY_VERTEX)
    faces = np.zeros(sum(len(part.faces) for part in parts), _PLY_FACE)
    faces["count"] = 3
    vertex, face = 0, 0
    for part in parts:
        rows = slice(vertex, vertex + len(part.positions))
        vertices["position"][rows] = part.positions
        vertices["colour"][rows] = images.to_bytes(images.colours_of_vertices(part))
        faces["corners"][face : face + len(part.faces)] = part.faces + vertex
        vertex, face = rows.stop, face + len(part.faces)
    head = _PLY_HEAD.format(vertices=len(vertices), faces=len(faces))
    return head.encode() + vertices.tobytes() + faces.tobytes()


def obj_zip(parts: Sequence[Part]) -> bytes:
    """Return a ZIP with an OBJ, its MTL and the textures."""
    textures: Dict[int, str] = {}
    materials: Dict[Material, str] = {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:

        def write(name: str, content: bytes, kind: int = zipfile.ZIP_DEFLATED) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = kind
            archive.writestr(entry, content, compresslevel=_LEVEL)

        for part in parts:
            materials.setdefault(part.material, f"material{len(materials)}")
            texture = part.material.texture
            if texture is not None and texture.number not in textures:
                suffix, content = images.jpeg_or_png(texture.content)
                textures[texture.number] = f"texture{texture.number}{suffix}"
                write(textures[texture.number], content, zipfile.ZIP_STORED)
        write(_OBJ, _obj(parts, materials))
        write(_MTL, _mtl(materials, textures))
    return packed.getvalue()


def _obj(parts: Sequence[Part], materials: Dict[Material, str]) -> bytes:
    lines = [f"mtllib {_MTL}\n"]
    # How many positions, texture coordinates and normals there are already: OBJ counts from 1.
    counts = np.ones(3, np.int64)
    for number, part in enumerate(parts):
        uv = None if part.uv is None else part.uv * [1, -1] + [0, 1]
        lines += [f"o part{number}\nusemtl {materials[part.material]}\n"]
        lines += _lines("v %.7g %.7g %.7g\n", part.positions)
        lines += _lines("vt %.7g %.7g\n", uv) + _lines("vn %.5f %.5f %.5f\n", part.normals)
        columns = [True, uv is not None, part.normals is not None]
        corner = _CORNERS[columns[1], columns[2]]
        indices = part.faces[:, :, None] + counts[columns]
        lines += _lines(f"f {corner} {corner} {corner}\n", indices.reshape(len(indices), -1))
        counts += [len(part.positions) * each for each in columns]
    return "".join(lines).encode()


def _lines(form: str, rows: Optional[Array]) -> List[str]:
    """Return the rows as text, each in the same form."""
    if rows is None:
        return []
    return [form * len(rows) % tuple(rows.ravel().tolist())]


def _mtl(materials: Dict[Material, str], textures: Dict[int, str]) -> bytes:
    lines = []
    for material, name in materials.items():
        red, green, blue, alpha = material.colour
        lines.append(f"newmtl {name}")
        lines.append(
            "Kd {:.5f} {:.5f} {:.5f}".format(*images.to_srgb(np.array((red, green, blue))))
        )
        # Their map is left out. Its factors alone would make metal of wood.
        metallic = 0.0 if material.metallic_roughness else material.metallic
        lines.append(f"Pm {metallic:.4f}\nPr {material.roughness:.4f}")
        if material.alpha_mode != OPAQUE:
            lines.append(f"d {alpha:.4f}")
        if material.texture is not None:
            lines.append(f"map_Kd {textures[material.texture.number]}")
    return ("\n".join(lines) + "\n").encode()
