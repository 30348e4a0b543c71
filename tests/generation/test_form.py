"""The form of a generation: its photos and its options."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from dreamlab.generation.form import read_options
from support.api import assert_error, files_below, image_bytes, new_session, post


def test_a_form_without_a_photo_is_refused(client: FlaskClient, session_id: str) -> None:
    url = f"/api/process_furniture_image/{session_id}"
    assert_error(client.post(url), 400, "missing_image")
    assert_error(client.post(url, data={"image": "text"}), 400, "missing_image")
    assert_error(client.post(url, json={"image": "text"}), 400, "missing_image")
    assert_error(post(client, session_id, b""), 400, "missing_image")


def test_the_error_names_the_field_of_an_invalid_option(
    client: FlaskClient, session_id: str, session_folder: Path
) -> None:
    for field, value in (
        ("seed", "abc"),
        ("seed", "-1"),
        ("seed", "1e9"),
        ("seed", "10000001"),
        ("steps", "0"),
        ("steps", "101"),
        ("steps", "\x1d"),
        ("texture", "maybe"),
        ("remove_background", "2"),
        ("guidance_scale", "0"),
        ("guidance_scale", "nan"),
        ("octree_resolution", "15"),
        ("octree_resolution", "256.5"),
    ):
        answer = post(client, session_id, image_bytes(), **{field: value})
        assert_error(answer, 422, "invalid_option", f"^{field} must be")
    assert files_below(session_folder) == []


def test_a_caption_has_at_most_1000_characters(client: FlaskClient) -> None:
    session_id = new_session(client)
    assert post(client, session_id, image_bytes(), caption="é" * 1000).status_code == 200
    long = post(client, session_id, image_bytes(), caption="x" * 1001)
    assert_error(long, 422, "invalid_option", "^caption")


def test_empty_and_unknown_fields_are_ignored(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    form = {
        "front_image": (io.BytesIO(chair), "chair.jpg"),
        "back_image": (io.BytesIO(b""), ""),
        "colour": "blue",
        "caption": "",
    }
    answer = client.post(f"/api/process_furniture_image/{session_id}", data=form)
    assert answer.json["model"] == "chair.glb"


@pytest.mark.parametrize("word", ("true", "True", "TRUE", "1", "yes", "On"))
@pytest.mark.parametrize("opposite", ("false", "False", "0", "NO", "off"))
def test_a_switch_takes_the_usual_words_in_any_case(word: str, opposite: str) -> None:
    options = read_options({"texture": word, "remove_background": opposite})
    assert (options.texture, options.remove_background) == (True, False)
    options = read_options({"texture": opposite, "remove_background": word})
    assert (options.texture, options.remove_background) == (False, True)
