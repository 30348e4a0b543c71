"""What a generator cannot do: it is known beforehand, or told in the answer's warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import gradio as gr
import pytest

from support.api import MakeClient, assert_error, image_bytes, list_models, new_session, post
from support.models import glb_bytes
from support.spaces import MESH, answer, space

COLOURED = {"textures": [{"source": 0}]}


def textured(folder: Path) -> Path:
    path = folder / "textured_mesh.glb"
    path.write_bytes(glb_bytes("textured", **COLOURED))
    return path


def shape(image=None):
    return answer()


def test_a_texture_that_is_not_offered_is_refused_before_anything_is_made(
    make_client: MakeClient, quick_space: str
) -> None:
    calls: List[str] = []

    def everything(image=None):
        calls.append("texture")
        return str(MESH), str(MESH), "", {}, 7

    def assert_refused(url: str) -> None:
        client = make_client(url)
        session_id = new_session(client)
        refused = post(client, session_id, image_bytes(), texture="true")
        assert_error(refused, 501, "not_available", "texture")
        assert "Retry-After" not in refused.headers
        assert post(client, session_id, image_bytes()).status_code == 200

    assert_refused(quick_space)
    with space(shape, everything, hidden=("generation_all",)) as url:
        assert_refused(url)
    assert calls == []


@pytest.mark.parametrize("failure", ("an error", "no file", "a white file", "no valid file"))
def test_a_texture_that_fails_leaves_the_white_model_and_a_warning(
    make_client: MakeClient, tmp_path: Path, told: Any, failure: str
) -> None:
    seeds: List[int] = []

    def white(seed: int) -> Any:
        seeds.append(seed)
        return answer(seed=seed)

    def everything(seed: int) -> Any:
        seeds.append(seed)
        if failure == "an error":
            raise gr.Error("name 'texgen_worker' is not defined")
        second = {"no file": None, "a white file": MESH, "no valid file": tmp_path / "textured.glb"}
        if failure == "no valid file":
            second[failure].write_bytes(b"<html>")
        return str(MESH), second[failure] and str(second[failure]), "", {}, seed

    told.shape, told.everything = white, everything
    client = make_client(told.url)
    session_id = new_session(client)
    made = post(client, session_id, image_bytes(), "chair.png", texture="true")
    assert made.status_code == 200
    assert made.json["texture"] is False
    assert ["texture" in warning for warning in made.json["warnings"]] == [True]
    assert list_models(client, session_id) == ["chair.glb"]
    # The white model has the shape that the texture was for.
    assert set(seeds) == {made.json["seed"]}


def test_a_textured_model_has_no_warning(
    make_client: MakeClient, tmp_path: Path, told: Any
) -> None:
    told.everything = lambda seed: (str(MESH), str(textured(tmp_path)), "", {}, seed)
    client = make_client(told.url)
    made = post(client, new_session(client), image_bytes(), texture="true")
    assert made.status_code == 200
    assert not {"texture", "warnings"} & set(made.json)


def test_an_exhausted_quota_is_no_failed_texture(make_client: MakeClient, told: Any) -> None:
    calls: List[str] = []

    def white(seed: int) -> Any:
        calls.append("shape")
        return answer()

    def everything(seed: int) -> None:
        raise gr.Error("You have exceeded your GPU quota (60s requested vs. 12s left)")

    told.shape, told.everything = white, everything
    client = make_client(told.url)
    refused = post(client, new_session(client), image_bytes(), texture="true")
    assert_error(refused, 429, "quota_exceeded")
    assert calls == []


def views() -> Dict[str, Any]:
    return {f"{side}_image": (image_bytes(), f"{side}.png") for side in ("back", "left")}


def test_views_that_a_description_does_not_show_are_told(
    make_client: MakeClient, quick_space: str
) -> None:
    def mini(image=None, mv_image_front=None, mv_image_back=None, mv_image_left=None):
        return answer()

    def assert_told(url: str) -> None:
        client = make_client(url)
        session_id = new_session(client)
        (warning,) = post(client, session_id, image_bytes(), **views()).json["warnings"]
        assert "back, left" in warning
        assert "warnings" not in post(client, session_id, image_bytes()).json

    assert_told(quick_space)
    with space(mini, hidden=("mv_image_front", "mv_image_back", "mv_image_left")) as url:
        assert_told(url)


def test_views_that_an_answer_does_not_name_are_told(make_client: MakeClient) -> None:
    read = ["front", "left"]

    def multi(mv_image_front=None, mv_image_back=None, mv_image_left=None):
        return str(MESH), "", {"params": {"views": list(read)}}, 7

    with space(multi) as url:
        client = make_client(url)
        session_id = new_session(client)
        (warning,) = post(client, session_id, image_bytes(), **views()).json["warnings"]
        assert "back" in warning and "left" not in warning
        read.append("back")
        assert "warnings" not in post(client, session_id, image_bytes(), **views()).json
