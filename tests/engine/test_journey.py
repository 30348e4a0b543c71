"""From a photo to a model: the API with the stand-in."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, Dict
from urllib.parse import urlsplit

import pytest
import trimesh
from flask.testing import FlaskClient
from PIL import Image

from support.api import DATA, assert_error, encoded, files_below, new_session, post


@pytest.fixture
def client(stand_in_client: FlaskClient) -> FlaskClient:
    return stand_in_client


def load_mesh(model: bytes) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(model), file_type="glb", force="mesh")


def read_json(model: bytes) -> Dict[str, Any]:
    length = struct.unpack("<I", model[12:16])[0]
    gltf: Dict[str, Any] = json.loads(model[20 : 20 + length])
    return gltf


def model_of(client: FlaskClient, photo: bytes) -> bytes:
    session_id = new_session(client)
    answer = post(client, session_id, photo)
    assert answer.status_code == 200, answer.text
    model: bytes = client.get(urlsplit(answer.json["model_url"]).path).data
    return model


def test_a_model_has_the_nodes_that_clients_expect(client: FlaskClient, chair: bytes) -> None:
    gltf = read_json(model_of(client, chair))
    assert len(gltf["scenes"]) == 1
    (root,) = gltf["scenes"][0]["nodes"]
    first = gltf["nodes"][gltf["nodes"][root]["children"][0]]
    assert "mesh" not in gltf["nodes"][root]
    (primitive,) = gltf["meshes"][first["mesh"]]["primitives"]
    assert gltf["materials"][primitive["material"]]
    assert "images" not in gltf


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


def test_the_exif_orientation_of_a_photo_is_applied(
    client: FlaskClient, chair: bytes, of_rooms: Any
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(io.BytesIO(chair)).transpose(Image.Transpose.ROTATE_90)
    from_turned = load_mesh(model_of(client, encoded(turned, "JPEG", exif=exif, quality=95)))
    from_upright = trimesh.load(of_rooms["chair"].mesh, force="mesh")
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
