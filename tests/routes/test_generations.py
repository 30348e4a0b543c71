"""What a generation keeps, and what it answers."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from support.api import files_below, image_bytes, list_models, new_session, post
from support.fake_service import FakeService


def test_the_answer_has_what_the_contract_promises(
    client: FlaskClient, session_id: str, chair: bytes, service: FakeService
) -> None:
    service.size_guess_cm = {"width": 45.0, "height": 91.0, "depth": 52.0}
    answer = post(client, session_id, chair, seed="5").json
    assert answer == {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": "chair.jpg",
        "model": "chair.glb",
        "model_url": f"http://localhost/sessions/{session_id}/models/chair.glb",
        "seed": 5,
        "engine": "fake",
        "size_guess_cm": service.size_guess_cm,
        "generation_id": answer["generation_id"],
    }
    assert str(uuid.UUID(answer["generation_id"])) == answer["generation_id"]


def test_second_upload_of_the_same_name_gets_its_own_model(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    first = post(client, session_id, chair).json
    second = post(client, session_id, chair).json
    assert [first["filename"], second["filename"]] == ["chair.jpg", "chair-2.jpg"]
    assert [first["model"], second["model"]] == ["chair.glb", "chair-2.glb"]
    assert list_models(client, session_id) == ["chair.glb", "chair-2.glb"]


def test_an_upload_is_kept_byte_for_byte(
    client: FlaskClient, session_id: str, chair: bytes, session_folder: Path
) -> None:
    post(client, session_id, chair)
    assert (session_folder / "uploads" / "chair.jpg").read_bytes() == chair


def test_only_the_upload_and_the_model_are_kept(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    post(client, session_id, image_bytes((300, 200), "WEBP"), "table.webp")
    assert files_below(session_folder) == ["models/table.glb", "uploads/table.webp"]


def test_every_view_is_kept_and_the_front_view_names_the_model(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(client)
    views = {
        f"{side}_image": (image_bytes(), f"chair {side}.png") for side in ("back", "left", "right")
    }
    answer = post(client, session_id, image_bytes(), "chair.png", caption="oak", **views).json
    assert (answer["filename"], answer["model"]) == ("chair.png", "chair.glb")
    assert files_below(tmp_path / "sessions" / session_id) == [
        "models/chair.glb",
        "uploads/chair.png",
        "uploads/chair_back.png",
        "uploads/chair_left.png",
        "uploads/chair_right.png",
    ]


def test_twelve_generations_at_once_give_twelve_models(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    def upload(number: int) -> Any:
        return post(client.application.test_client(), session_id, chair)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(upload, range(12)))
    assert [answer.status_code for answer in answers] == [200] * 12
    generated = sorted(answer.json["model"] for answer in answers)
    assert len(set(generated)) == 12
    assert sorted(list_models(client, session_id)) == generated
    # Each model is named after its upload.
    for answer in answers:
        assert Path(answer.json["model"]).stem == Path(answer.json["filename"]).stem
