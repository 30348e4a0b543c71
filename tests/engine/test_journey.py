"""From a photo to a model: the API with the stand-in."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, Dict
from urllib.parse import urlsplit

import numpy as np
import pytest
import trimesh
from flask.testing import FlaskClient
from PIL import Image

from benchmarks import rendering
from support.api import DATA, PIECES, assert_error, encoded, files_below, new_session, post


@pytest.fixture
def client(stand_in_client: FlaskClient) -> FlaskClient:
    return stand_in_client


def load_mesh(model: bytes) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(model), file_type="glb", force="mesh")


def read_json(model: bytes) -> Dict[str, Any]:
    length = struct.unpack("<I", model[12:16])[0]
    gltf: Dict[str, Any] = json.loads(model[20 : 20 + length])
    return gltf


@pytest.mark.parametrize("piece", PIECES)
def test_a_photo_of_a_room_becomes_a_watertight_mesh(
    client: FlaskClient, session_id: str, piece: str
) -> None:
    answer = post(client, session_id, (DATA / f"{piece}.jpg").read_bytes(), f"{piece}.jpg")
    assert answer.status_code == 200
    model = client.get(urlsplit(answer.json["model_url"]).path).data
    mesh = load_mesh(model)
    assert mesh.is_watertight
    assert len(mesh.faces) > 1000
    assert mesh.volume > 0
    assert max(mesh.extents) == pytest.approx(1, abs=1e-3)
    assert mesh.bounds.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-3)


def test_a_model_has_the_nodes_that_clients_expect(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    post(client, session_id, chair)
    gltf = read_json(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    assert len(gltf["scenes"]) == 1
    (root,) = gltf["scenes"][0]["nodes"]
    first = gltf["nodes"][gltf["nodes"][root]["children"][0]]
    assert "mesh" not in gltf["nodes"][root]
    (primitive,) = gltf["meshes"][first["mesh"]]["primitives"]
    assert gltf["materials"][primitive["material"]]
    assert "images" not in gltf


def test_the_texture_has_the_colours_of_the_photo(client: FlaskClient, session_id: str) -> None:
    photo = Image.open(DATA / "chair-front.png")
    post(client, session_id, (DATA / "chair-front.png").read_bytes(), "chair.png", texture="true")
    mesh = load_mesh(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    texture = mesh.visual.material.baseColorTexture.convert("RGB")
    pixels = np.asarray(photo)
    seen = rendering.colours(mesh, rendering.VIEWS["front"])
    shown = rendering.silhouette(mesh, rendering.VIEWS["front"])
    assert max(texture.size) <= 1024
    # The mean of a channel, 0 to 255.
    expected = pixels[pixels[..., 3] > 250][:, :3].mean(0)
    assert seen[shown].mean(0) == pytest.approx(expected, abs=20)


def test_the_mesh_has_the_silhouettes_of_front_and_left_view(
    client: FlaskClient, session_id: str
) -> None:
    views = {side: (DATA / f"chair-{side}.png").read_bytes() for side in ("front", "left")}
    post(client, session_id, views["front"], left_image=(views["left"], "left.png"))
    mesh = load_mesh(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    alpha = {side: Image.open(io.BytesIO(view)).getchannel("A") for side, view in views.items()}
    boxes = {
        side: channel.point(lambda a: 255 * (a > 127)).getbbox() for side, channel in alpha.items()
    }
    height = boxes["front"][3] - boxes["front"][1]
    width = (boxes["front"][2] - boxes["front"][0]) / height
    depth = (boxes["left"][2] - boxes["left"][0]) / height
    x, y, z = mesh.extents
    assert (x / y, z / y) == pytest.approx((width, depth), abs=0.02)
    # Above the seat, most of the mesh is the back rest, which is behind the middle.
    high = mesh.vertices[mesh.vertices[:, 1] > 0.25]
    assert high[:, 2].mean() < -0.05


def test_the_exif_orientation_of_a_photo_is_applied(client: FlaskClient, chair: bytes) -> None:
    upright = Image.open(io.BytesIO(chair))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    meshes = []
    for photo in (chair, encoded(turned, "JPEG", exif=exif, quality=95)):
        session_id = new_session(client)
        post(client, session_id, photo)
        meshes.append(load_mesh(client.get(f"/sessions/{session_id}/models/chair.glb").data))
    from_upright, from_turned = meshes
    # The JPEG is encoded anew, so that the fit differs a little; a turned photo is far off.
    assert from_turned.extents == pytest.approx(from_upright.extents, abs=0.06)
    assert from_turned.volume == pytest.approx(from_upright.volume, rel=0.25)


def test_a_photo_without_an_object_fails_and_the_upload_is_kept(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    wall = encoded(Image.new("RGB", (400, 300), (200, 190, 180)), "JPEG")
    answer = post(client, session_id, wall, "wall.jpg")
    assert_error(answer, 422, "nothing_to_model", "stands out from the background")
    assert answer.json["filename"] == "wall.jpg"
    assert files_below(session_folder) == ["uploads/wall.jpg"]
