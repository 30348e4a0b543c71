"""The stand-in's /on_export_click, as Hunyuan3D's servers have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from support.api import DATA
from support.spaces import output_path


@pytest.fixture(scope="module")
def client(stand_in_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("downloads")
    return Client(stand_in_url, verbose=False, download_files=str(folder))


@pytest.fixture(scope="module")
def meshes(client: Client) -> Tuple[str, str]:
    """The white and the textured mesh of a chair."""
    photo = handle_file(str(DATA / "chair.jpg"))
    white, textured, *_ = client.predict(image=photo, api_name="/generation_all")
    return output_path(white), output_path(textured)


def convert(client: Client, white: Any, textured: Any = None, **options: Any) -> Path:
    given: Dict[str, Any] = {"file_out": white and handle_file(white)}
    given["file_out2"] = textured and handle_file(textured)
    _, path = client.predict(api_name="/on_export_click", **given, **options)
    return Path(output_path(path))


@pytest.mark.parametrize("kind", ("glb", "obj", "ply", "stl"))
def test_every_format_holds_the_same_mesh(
    client: Client, meshes: Tuple[str, str], kind: str
) -> None:
    before = trimesh.load(meshes[0], force="mesh")
    path = convert(client, meshes[0], file_type=kind)
    assert path.suffix == f".{kind}"
    after = trimesh.load(str(path), force="mesh")
    assert len(after.faces) == len(before.faces)
    assert after.extents == pytest.approx(before.extents, abs=1e-4)


def test_a_mesh_is_simplified_without_its_texture_only(
    client: Client, meshes: Tuple[str, str]
) -> None:
    def faces(**options: Any) -> int:
        path = convert(client, *meshes, reduce_face=True, target_face_num=500, **options)
        return len(trimesh.load(str(path), force="mesh").faces)

    assert 300 < faces() <= 500
    assert faces(export_texture=True) == len(trimesh.load(meshes[1], force="mesh").faces)


def test_a_textured_glb_keeps_its_texture(client: Client, meshes: Tuple[str, str]) -> None:
    path = convert(client, *meshes, export_texture=True)
    assert trimesh.load(str(path), force="mesh").visual.material.baseColorTexture is not None


def test_a_glb_that_one_uploads_is_converted(client: Client) -> None:
    box = str(DATA / "pieces" / "stool.glb")
    path = convert(client, box, file_type="stl")
    extents = trimesh.load(box, force="mesh").extents
    assert trimesh.load(str(path)).extents == pytest.approx(extents, abs=1e-4)


def test_what_is_no_mesh_is_refused_with_a_sentence(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.glb"
    broken.write_bytes(b"glTF and nothing else")
    with pytest.raises(AppError, match="no mesh that can be read"):
        convert(client, str(broken))
    with pytest.raises(AppError, match="generate one first"):
        convert(client, None)
