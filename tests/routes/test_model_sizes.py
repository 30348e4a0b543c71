"""The real size of a model over the API: by the form, by the generator's guess, by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Optional

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dreamlab.settings import load
from support import gltf_files
from support.api import (
    MakeClient,
    assert_error,
    files_below,
    image_bytes,
    new_session,
    post,
)
from support.fake_service import FakeService

GUESS = {"width": 45, "height": 91, "depth": 52}


@pytest.fixture
def generate(make_client: MakeClient, service: FakeService) -> Callable[..., TestResponse]:
    """Generate a model of a kind, with some options. The answer's `model` is the file."""

    def run(
        model: bytes = gltf_files.plain(),
        guess: Optional[Dict[str, float]] = None,
        defaults: str = "",
        **options: Any,
    ) -> TestResponse:
        service.model, service.size_guess_cm = model, guess
        settings = load({"GENERATION_DEFAULTS": defaults})
        client = make_client(generation_defaults=settings.generation_defaults)
        session_id = new_session(client)
        answer = post(client, session_id, image_bytes(), **options)
        assert answer.status_code == 200, answer.json
        answer.model = client.get(f"/sessions/{session_id}/models/chair.glb").data
        return answer

    return run


def test_a_model_has_the_height_that_the_form_asks_for(generate: Any) -> None:
    answer = generate(guess=GUESS, height_cm="90")
    scene = gltf_files.load(answer.model)
    assert scene.extents[1] == pytest.approx(0.9, rel=1e-6)
    assert scene.bounds[0][1] == 0
    assert answer.json["size_cm"]["height"] == 90
    assert answer.json["size_guess_cm"] == GUESS
    assert "warnings" not in answer.json


def test_a_model_without_a_size_is_the_generators_own(generate: Any) -> None:
    answer = generate()
    assert answer.model == gltf_files.plain()
    assert not {"size_cm", "size_guess_cm"} & set(answer.json)


def test_the_generators_guess_is_used_if_it_is_asked_for(generate: Any) -> None:
    answer = generate(guess=GUESS, auto_size="true")
    assert answer.json["size_cm"] == GUESS
    assert gltf_files.load(answer.model).extents == pytest.approx([0.45, 0.91, 0.52], rel=1e-6)


def test_without_a_guess_nothing_changes(generate: Any) -> None:
    answer = generate(auto_size="true")
    assert answer.model == gltf_files.plain()
    assert not {"size_cm", "size_guess_cm"} & set(answer.json)


def test_a_given_side_counts_more_than_a_guess(generate: Any) -> None:
    answer = generate(guess=GUESS, auto_size="true", width_cm="60", origin="center")
    low, high = gltf_files.load(answer.model).bounds
    assert high[0] - low[0] == pytest.approx(0.6, rel=1e-6)
    assert low + high == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_model_that_cannot_be_measured_is_saved_as_it_is(generate: Any) -> None:
    answer = generate(model=gltf_files.draco(), height_cm="90")
    assert answer.model == gltf_files.draco()
    assert answer.json["size_cm"] is None
    assert "Draco" in answer.json["warnings"][0]


def test_defaults_count_for_what_a_request_does_not_give(generate: Any) -> None:
    defaults = "auto_size=true&origin=center"
    centred = generate(guess=GUESS, defaults=defaults)
    assert gltf_files.load(centred.model).bounds[0] == pytest.approx([-0.225, -0.455, -0.26])
    standing = generate(guess=GUESS, defaults=defaults, origin="floor", height_cm="80")
    assert gltf_files.load(standing.model).bounds[:, 1] == pytest.approx([0, 0.8])
    own = generate(guess=GUESS, defaults="auto_size=true", auto_size="off")
    assert own.model == gltf_files.plain()


@pytest.mark.parametrize(
    ("field", "value"),
    (
        *[("height_cm", value) for value in ("0", "-1", "abc", "1e9", "nan", "inf", "1_0")],
        ("width_cm", "0.9"),
        ("depth_cm", "10001"),
        ("max_faces", "3"),
        ("max_faces", "1000001"),
        ("origin", "ceiling"),
        ("auto_size", "maybe"),
    ),
)
def test_a_bad_value_is_refused_before_anything_is_generated(
    client: FlaskClient, tmp_path: Path, field: str, value: str
) -> None:
    session_id = new_session(client)
    answer = post(client, session_id, image_bytes(), **{field: value})
    assert_error(answer, 422, "invalid_option", f"^{field} must be")
    assert files_below(tmp_path / "sessions" / session_id) == []
