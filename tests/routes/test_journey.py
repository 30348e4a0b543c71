"""The main job through the routes, with the real stand-in behind them."""

from __future__ import annotations

import io
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict
from urllib.parse import urlsplit

import numpy as np
import pytest
import trimesh
from flask.testing import FlaskClient
from PIL import Image

from dreamlab.models import glb
from support.api import DATA, PIECES, assert_error, files_below, models, new_session, picture, post


def load(model: bytes) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(model), file_type="glb", force="mesh")


def tree(model: bytes) -> Dict[str, Any]:
    length = struct.unpack("<I", model[12:16])[0]
    found: Dict[str, Any] = json.loads(model[20 : 20 + length])
    return found


@pytest.mark.parametrize("piece", PIECES)
def test_a_photo_of_a_room_becomes_one_watertight_mesh(
    client: FlaskClient, session_id: str, piece: str
) -> None:
    answer = post(client, session_id, (DATA / f"{piece}.jpg").read_bytes(), f"{piece}.jpg")
    assert answer.status_code == 200
    model = client.get(urlsplit(answer.json["model_url"]).path).data
    mesh = load(model)
    assert mesh.is_watertight
    assert len(mesh.faces) > 1000
    assert mesh.volume > 0
    assert max(mesh.extents) == pytest.approx(1, abs=1e-3)
    assert mesh.bounds.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-3)


def test_the_answer_has_what_the_contract_promises(
    client: FlaskClient, session_id: str, chair: bytes, stand_in_url: str
) -> None:
    answer = post(client, session_id, chair, seed="5").json
    assert answer == {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": "chair.jpg",
        "model": "chair.glb",
        "model_url": f"http://localhost/sessions/{session_id}/models/chair.glb",
        "seed": 5,
        "engine": stand_in_url,
    }


def test_a_model_is_laid_out_as_clients_expect_it(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    post(client, session_id, chair)
    gltf = tree(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    assert len(gltf["scenes"]) == 1
    (root,) = gltf["scenes"][0]["nodes"]
    first = gltf["nodes"][gltf["nodes"][root]["children"][0]]
    assert "mesh" not in gltf["nodes"][root]
    (primitive,) = gltf["meshes"][first["mesh"]]["primitives"]
    assert gltf["materials"][primitive["material"]]
    assert "images" not in gltf


def test_texture_gives_a_mesh_in_the_colours_of_the_photo(
    client: FlaskClient, session_id: str
) -> None:
    photo = Image.open(DATA / "chair-front.png")
    post(client, session_id, (DATA / "chair-front.png").read_bytes(), "chair.png", texture="true")
    mesh = load(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    texture = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"), float)
    box = photo.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox()
    seen = np.asarray(photo.crop(box), float)
    opaque = seen[..., 3] > 250
    assert texture.shape == seen[..., :3].shape
    assert np.abs(texture - seen[..., :3])[opaque].mean() < 3
    # The lowest and the highest vertex show the photo's lowest and highest row.
    heights, v = mesh.vertices[:, 1], mesh.visual.uv[:, 1]
    assert v[heights.argmin()] < 0.02 and v[heights.argmax()] > 0.98


def test_a_front_and_a_left_view_make_a_mesh_of_both_silhouettes(
    client: FlaskClient, session_id: str
) -> None:
    views = {side: (DATA / f"chair-{side}.png").read_bytes() for side in ("front", "left")}
    post(client, session_id, views["front"], left_image=(views["left"], "left.png"))
    mesh = load(client.get(f"/sessions/{session_id}/models/chair.glb").data)
    alpha = {side: Image.open(io.BytesIO(view)).getchannel("A") for side, view in views.items()}
    boxes = {
        side: channel.point(lambda a: 255 * (a > 127)).getbbox() for side, channel in alpha.items()
    }
    height = boxes["front"][3] - boxes["front"][1]
    across = (boxes["front"][2] - boxes["front"][0]) / height
    deep = (boxes["left"][2] - boxes["left"][0]) / height
    x, y, z = mesh.extents
    assert (x / y, z / y) == pytest.approx((across, deep), abs=0.02)
    # The chair's back rest is at its back: above the seat there is more of it behind the middle.
    high = mesh.vertices[mesh.vertices[:, 1] > 0.25]
    assert high[:, 2].mean() < -0.05


def test_second_upload_of_the_same_name_gets_its_own_model(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    first = post(client, session_id, chair).json
    second = post(client, session_id, chair).json
    assert [first["filename"], second["filename"]] == ["chair.jpg", "chair-2.jpg"]
    assert [first["model"], second["model"]] == ["chair.glb", "chair-2.glb"]
    assert models(client, session_id) == ["chair.glb", "chair-2.glb"]


def test_an_upload_is_kept_byte_for_byte(
    client: FlaskClient, session_id: str, chair: bytes, session_folder: Path
) -> None:
    post(client, session_id, chair)
    assert (session_folder / "uploads" / "chair.jpg").read_bytes() == chair


def test_only_uploads_and_models_are_left_behind(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    turned = picture((300, 200), "WEBP")
    post(client, session_id, turned, "table.webp")
    assert files_below(session_folder) == ["models/table.glb", "uploads/table.webp"]


def test_both_spellings_of_a_models_url_serve_the_same_file(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    post(client, session_id, chair)
    one = client.get(f"/sessions/{session_id}/models/chair.glb")
    other = client.get(f"/api/sessions/{session_id}/models/chair.glb")
    assert one.data == other.data
    assert one.mimetype == other.mimetype == "model/gltf-binary"
    glb.check(io.BytesIO(one.data))


def test_a_new_session_is_empty_and_never_cached(client: FlaskClient) -> None:
    answer = client.get("/api/generate_session_id")
    assert answer.headers["Cache-Control"] == "no-store"
    session_id = answer.json["session_id"]
    assert client.get(f"/api/session_models/{session_id}").json == {
        "session_id": session_id,
        "models": [],
    }


def test_a_dozen_photos_at_once_get_a_dozen_models(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    def upload(number: int) -> Any:
        return post(client.application.test_client(), session_id, chair)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(upload, range(12)))
    assert [answer.status_code for answer in answers] == [200] * 12
    made = sorted(answer.json["model"] for answer in answers)
    assert len(set(made)) == 12
    assert sorted(models(client, session_id)) == made
    # Each model bears the name of the upload that it was made of.
    for answer in answers:
        assert Path(answer.json["model"]).stem == Path(answer.json["filename"]).stem


def test_exif_orientation_counts_as_turning_by_hand(client: FlaskClient, chair: bytes) -> None:
    upright = Image.open(io.BytesIO(chair))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", exif=exif, quality=95)
    meshes = []
    for photo in (chair, file.getvalue()):
        session_id = new_session(client)
        post(client, session_id, photo)
        meshes.append(load(client.get(f"/sessions/{session_id}/models/chair.glb").data))
    by_hand, by_exif = meshes
    assert by_exif.extents == pytest.approx(by_hand.extents, abs=0.02)
    assert by_exif.volume == pytest.approx(by_hand.volume, rel=0.03)


def test_a_picture_of_nothing_says_so_and_keeps_the_upload(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    wall = io.BytesIO()
    Image.new("RGB", (400, 300), (200, 190, 180)).save(wall, "JPEG")
    answer = post(client, session_id, wall.getvalue(), "wall.jpg")
    assert_error(answer, 502, "generation_failed", "stands out from the background")
    assert answer.json["filename"] == "wall.jpg"
    assert files_below(session_folder) == ["uploads/wall.jpg"]


def test_health_names_the_engine_and_sees_the_generator(
    client: FlaskClient, session_id: str, chair: bytes, stand_in_url: str
) -> None:
    first = client.get("/api/health").json
    assert first["generator"] in ("starting", "ready")
    post(client, session_id, chair)
    assert client.get("/api/health").json == {
        "status": "ok",
        "engine": stand_in_url,
        "generator": "ready",
        "generating": 0,
        "capacity": 32,
    }
