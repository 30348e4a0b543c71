"""The outputs of endpoints: which one is the model, and which ones are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.models import glb
from support.api import (
    MakeClient,
    assert_error,
    files_below,
    image_bytes,
    list_models,
    new_session,
    post,
)
from support.models import glb_bytes
from support.service import generate, make_service
from support.spaces import MESH, answer


@pytest.mark.parametrize("wrap", (str, lambda path: gr.update(value=str(path))))
def test_the_mesh_is_found_in_a_path_and_in_an_update(
    photo: Path, told: Any, wrap: Callable[[Path], Any]
) -> None:
    told.shape = lambda seed: answer(wrap(MESH))
    assert generate(make_service(told.url), photo) == MESH.read_bytes()


def test_the_textured_mesh_is_preferred(photo: Path, tmp_path: Path, told: Any) -> None:
    textured = tmp_path / "textured_mesh.glb"
    textured.write_bytes(glb_bytes("textured"))
    obj = tmp_path / "white_mesh.obj"
    obj.write_text("v 0 0 0")
    service = make_service(told.url)
    for white in (MESH, obj):
        told.everything = lambda seed: (str(white), str(textured), "", {}, seed)  # noqa: B023
        assert generate(service, photo, texture=True) == textured.read_bytes()


def test_a_lone_mesh_is_saved_with_a_root(photo: Path, tmp_path: Path, told: Any) -> None:
    mesh = tmp_path / "white_mesh.glb"
    mesh.write_bytes(
        glb_bytes(
            scenes=[{"nodes": [0]}],
            nodes=[{"mesh": 0}],
            meshes=[{"primitives": [{"attributes": {}}]}],
        )
    )
    told.shape = lambda seed: answer(mesh)
    saved = glb.check(io.BytesIO(generate(make_service(told.url), photo)))
    (root,) = saved["scenes"][0]["nodes"]
    assert saved["nodes"][root] == {"name": "world", "children": [0]}


@pytest.mark.parametrize(
    "damage",
    (
        lambda good: b"<html>Internal error</html>",
        lambda good: b"",
        lambda good: good[:-4],
        lambda good: good + b"\0\0\0\0",
        lambda good: good[:4] + b"\1" + good[5:],
        lambda good: good[:16] + b"BIN\0" + good[20:],
        lambda good: good[:12] + b"\xff\xff\xff\x7f" + good[16:],
    ),
    ids=("HTML", "empty", "cut", "longer", "version 1", "no JSON chunk", "chunk beyond the end"),
)
def test_an_invalid_glb_fails_and_is_not_kept(
    make_client: MakeClient, tmp_path: Path, told: Any, damage: Callable[[bytes], bytes]
) -> None:
    mesh = tmp_path / "white_mesh.glb"
    mesh.write_bytes(damage(glb_bytes()))
    told.shape = lambda seed: answer(mesh)
    client = make_client(told.url)
    session_id = new_session(client)
    refused = post(client, session_id, image_bytes(), "a.png")
    assert_error(refused, 502, "generation_failed", "GLB")
    assert list_models(client, session_id) == []
    assert files_below(tmp_path / "sessions" / session_id) == ["uploads/a.png"]


def test_an_answer_without_a_mesh_fails(photo: Path, told: Any) -> None:
    told.shape = lambda seed: answer(None)
    with pytest.raises(errors.GenerationFailed, match="no GLB"):
        generate(make_service(told.url), photo)


def test_a_model_over_the_size_limit_fails(photo: Path, tmp_path: Path, told: Any) -> None:
    mesh = tmp_path / "white_mesh.glb"
    mesh.write_bytes(glb_bytes().ljust(3 << 20, b"\0"))
    told.shape = lambda seed: answer(mesh)
    with pytest.raises(errors.GenerationFailed, match="2 MB"):
        generate(make_service(told.url, max_model_mb=2), photo)
