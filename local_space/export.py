"""Exports a mesh to the formats that Hunyuan3D's servers offer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FORMATS = ("glb", "obj", "ply", "stl")


class UnreadableMesh(ValueError):
    """The file is no mesh."""


def export(source: str, folder: str, kind: str, max_faces: int = 0) -> str:
    """Write the mesh in `source` to `folder` as one of FORMATS and return the path.

    With `max_faces`, it is simplified to that many triangles first. Raises UnreadableMesh.
    """
    # Few ask for it, and it loads many modules.
    import trimesh

    try:
        mesh: Any = trimesh.load(source, force="mesh")
    except Exception as error:  # trimesh raises what its readers run into
        raise UnreadableMesh from error
    if not len(getattr(mesh, "faces", ())):
        raise UnreadableMesh
    if 0 < max_faces < len(mesh.faces):
        mesh = mesh.simplify_quadric_decimation(face_count=max_faces)
    path = Path(folder) / f"{Path(source).stem}.{kind}"
    mesh.export(str(path))
    return str(path)
