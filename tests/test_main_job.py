"""The main job: a photo of a room becomes a model, made by the default engine."""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import trimesh
from flask.testing import FlaskClient

from support.api import list_models, new_session, post


def test_a_photo_of_a_room_becomes_a_textured_model(
    stand_in_client: FlaskClient, chair: bytes
) -> None:
    session_id = new_session(stand_in_client)
    answer = post(stand_in_client, session_id, chair, texture="true")
    assert answer.status_code == 200, answer.text
    assert list_models(stand_in_client, session_id) == ["chair.glb"]
    model = stand_in_client.get(urlsplit(answer.json["model_url"]).path)
    assert model.mimetype == "model/gltf-binary"
    mesh = trimesh.load(io.BytesIO(model.data), file_type="glb", force="mesh")
    assert mesh.visual.material.baseColorTexture is not None
    # The texture cuts the surface open along its seams.
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and len(mesh.faces) > 1000
