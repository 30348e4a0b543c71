"""Writes a mesh as a GLB with the node tree that clients of Hunyuan3D expect.

The scene has one root node, and the mesh node is its child.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Union

import trimesh
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from local_space.surface import Mesh
from local_space.texture import Skin

_WHITE = [230, 230, 230, 255]


def write(mesh: Union[Mesh, Skin], folder: str, name: str) -> str:
    """Write `mesh` to `folder`/`name` and return the path. A Mesh is white, a Skin is textured."""
    skin = mesh if isinstance(mesh, Skin) else None
    material = PBRMaterial(
        name="photo" if skin else "plain",
        baseColorTexture=skin.atlas if skin else None,
        baseColorFactor=None if skin else _WHITE,
        metallicFactor=0.0,
        roughnessFactor=0.8,
    )
    path = Path(folder) / name
    body = trimesh.Trimesh(
        mesh.vertices,
        mesh.faces,
        vertex_normals=mesh.normals,
        visual=TextureVisuals(uv=skin.uv if skin else None, material=material),
        process=False,
    )
    scene = trimesh.Scene(body, base_frame="world")
    glb = scene.export(file_type="glb", include_normals=True, tree_postprocessor=_add_root)
    path.write_bytes(glb)
    return str(path)


def _add_root(tree: Dict[str, Any]) -> None:
    """Put a single mesh node below a root node, as trimesh before release 5 does."""
    nodes, scene = tree["nodes"], tree["scenes"][tree["scene"]]
    if "mesh" in nodes[scene["nodes"][0]]:
        nodes.append({"name": "world", "children": scene["nodes"]})
        scene["nodes"] = [len(nodes) - 1]
