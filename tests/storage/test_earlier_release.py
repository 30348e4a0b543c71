"""A folder of sessions that the release of 1 December 2026 has left is read.

It has a model with its record and a format kept beside it, and a generation that had not ended.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.api import DATA, MakeClient, list_models, list_uploads, wait_until
from support.generations import Api

SESSION = "c3198ffa-4f64-4922-bb6f-3847fb3472b5"
ENDED, UNFINISHED = "773d2871-c9ff-4dd2-a73e-a0549fc854d3", "57bc3d26-e1bd-4a1e-abe1-5e615ab1171c"


@pytest.fixture
def api(tmp_path: Path, make_client: MakeClient) -> Api:
    shutil.copytree(DATA / "earlier_release", tmp_path / "sessions")
    return Api(make_client().application, SESSION)


def test_its_models_uploads_and_generations_are_listed(api: Api) -> None:
    client = api.app.test_client()
    assert list_models(client, SESSION)[0] == "chair.glb"
    assert list_uploads(client, SESSION) == ["chair.png"]
    model = client.get(f"/api/sessions/{SESSION}/models").json["models"][0]
    assert (model["generation_id"], model["engine"], model["seed"]) == (ENDED, "local", 7)
    assert model["size_cm"] == {"width": 45.0, "height": 90.0, "depth": 63.0}
    assert client.get(f"/sessions/{SESSION}/models/chair.glb").data[:4] == b"glTF"
    shown = api.get(ENDED)
    assert (shown["status"], shown["result"]["model"]) == ("succeeded", "chair.glb")


def test_its_generation_is_taken_up_with_the_photo_that_it_held(api: Api, tmp_path: Path) -> None:
    state = api.wait_for(UNFINISHED, "succeeded", "failed")
    assert state["status"] == "succeeded", state
    assert state["result"]["model"] == "desk.glb"
    uploads = tmp_path / "sessions" / SESSION / "uploads"
    assert wait_until(lambda: not list(uploads.glob(".gen-*")))
