"""Writes a mesh as a GLB."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Dict, List, Tuple, Union

import numpy as np

from local_space.surface import Mesh
from local_space.texture import Skin

_WHITE = [0.9, 0.9, 0.9, 1.0]
# The component types of glTF's accessors.
_FLOAT = 5126
_USHORT = 5123
_UINT = 5125
# The targets of its buffer views.
_VERTICES = 34962
_FACES = 34963
# The filters and the wrapping of its samplers.
_LINEAR = 9729
_MIPMAPS = 9987
_CLAMP = 33071
# The types of the two chunks of a GLB.
_JSON = 0x4E4F534A
_BINARY = 0x004E4942


def write(mesh: Union[Mesh, Skin], folder: str, name: str) -> str:
    """Write `mesh` to `folder`/`name` and return the path. A Mesh is white, a Skin is textured."""
    skin = mesh if isinstance(mesh, Skin) else None
    small = len(mesh.vertices) < 2**16
    positions = np.asarray(mesh.vertices, "<f4")
    columns: List[Tuple[str, np.ndarray, int]] = [
        ("POSITION", positions, _FLOAT),
        ("NORMAL", np.asarray(mesh.normals, "<f4"), _FLOAT),
    ]
    if skin:
        # v runs down in the file.
        columns.append(("TEXCOORD_0", np.asarray([0, 1] + skin.uv * [1, -1], "<f4"), _FLOAT))
    columns.append(
        ("", np.asarray(mesh.faces, "<u2" if small else "<u4").ravel(), _USHORT if small else _UINT)
    )
    chunks = [array.tobytes() for _, array, _ in columns]
    accessors = [
        {
            "bufferView": index,
            "componentType": kind,
            "count": len(array),
            "type": "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}",
        }
        for index, (_, array, kind) in enumerate(columns)
    ]
    accessors[0].update(min=positions.min(0).tolist(), max=positions.max(0).tolist())
    faces = len(columns) - 1
    targets = [_VERTICES] * faces + [_FACES]
    tree: Dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "local_space"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "furniture", "mesh": 0}],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {name: i for i, (name, _, _) in enumerate(columns[:-1])},
                        "indices": faces,
                        "material": 0,
                    }
                ]
            }
        ],
        "materials": [_material(textured=skin is not None)],
        "accessors": accessors,
    }
    if skin:
        chunks.append(skin.atlas)
        tree["images"] = [{"bufferView": len(columns), "mimeType": "image/jpeg"}]
        tree["samplers"] = [
            {"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}
        ]
        tree["textures"] = [{"source": 0, "sampler": 0}]
    path = Path(folder) / name
    path.write_bytes(_glb(tree, chunks, targets))
    return str(path)


def _material(textured: bool) -> Dict[str, Any]:
    surface: Dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.8}
    surface.update({"baseColorTexture": {"index": 0}} if textured else {"baseColorFactor": _WHITE})
    return {"name": "photo" if textured else "plain", "pbrMetallicRoughness": surface}


def _glb(tree: Dict[str, Any], chunks: List[bytes], targets: List[int]) -> bytes:
    """The file of `tree` with a buffer view for each chunk; the first ones have `targets`."""
    views: List[Dict[str, int]] = []
    binary = b""
    for chunk in chunks:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(chunk)})
        binary += chunk + b"\0" * (-len(chunk) % 4)
    for view, target in zip(views, targets):
        view["target"] = target
    tree = {**tree, "bufferViews": views, "buffers": [{"byteLength": len(binary)}]}
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<II", len(text), _JSON) + text,
            struct.pack("<II", len(binary), _BINARY) + binary,
        )
    )
