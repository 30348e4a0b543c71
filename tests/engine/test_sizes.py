"""The guess of a piece's size, against pieces whose sizes are known."""

from __future__ import annotations

from typing import Tuple

import pytest
from flask.testing import FlaskClient

from local_space.sizes import KINDS, size_guess_cm
from support import gltf_files
from support.api import new_session, post


# Widths, heights and depths in centimetres: usual ones of a chair, a desk and a bed, and those of
# three pieces of the Debian package sweethome3d-furniture.
@pytest.mark.parametrize(
    ("name", "true"),
    (
        ("chair", (45.0, 90.0, 52.0)),
        ("table", (160.0, 74.0, 80.0)),
        ("bed", (170.0, 100.0, 210.0)),
        ("sofa", (158.86, 86.6, 73.5)),
        ("stool", (42.9, 46.0, 42.9)),
        ("shelf", (89.8, 221.0, 34.7)),
    ),
)
def test_a_guess_is_within_a_fifth_of_the_true_size(
    name: str, true: Tuple[float, float, float]
) -> None:
    guess = size_guess_cm(name, [side / max(true) for side in true])
    assert list(guess) == ["width", "height", "depth"]
    for side, length in zip(guess.values(), true):
        assert side == pytest.approx(length, rel=0.2)


@pytest.mark.parametrize("name", (*KINDS, "other", "piano"))
def test_a_guess_keeps_the_proportions_whatever_the_unit(name: str) -> None:
    small, large = (size_guess_cm(name, [4 * k, 9 * k, 5 * k]) for k in (0.01, 30.0))
    assert small == large
    assert small["width"] / small["height"] == pytest.approx(4 / 9, rel=0.05)
    assert small["depth"] / small["height"] == pytest.approx(5 / 9, rel=0.05)


def test_the_guess_is_answered_and_is_the_models_size_if_it_is_asked_for(
    stand_in_client: FlaskClient, chair: bytes
) -> None:
    session_id = new_session(stand_in_client)
    answer = post(stand_in_client, session_id, chair, auto_size="true")
    assert 70 < answer.json["size_guess_cm"]["height"] < 110
    assert answer.json["size_cm"] == answer.json["size_guess_cm"]
    model = stand_in_client.get(f"/sessions/{session_id}/models/chair.glb").data
    for part in (gltf_files.load(model), *gltf_files.load(model).geometry.values()):
        assert part.extents[1] * 100 == pytest.approx(answer.json["size_cm"]["height"], rel=1e-5)
        assert part.bounds[0][1] == 0
