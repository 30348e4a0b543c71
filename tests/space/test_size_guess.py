"""The generator's guess of a size: one that makes no sense is none."""

from __future__ import annotations

from typing import Any

import pytest

from dreamlab.space.outputs import size_guess_of

GUESS = {"width": 45, "height": 91, "depth": 52}


def outputs(guess: Any) -> Any:
    return ["mesh.glb", "", {"size_guess_cm": guess}, 7]


def test_a_guess_is_read_from_the_statistics() -> None:
    assert size_guess_of(outputs(GUESS)) == GUESS
    assert size_guess_of(["mesh.glb", "", {}, 7]) is None


@pytest.mark.parametrize(
    "guess",
    (None, {}, {"width": 45, "height": 91}, {**GUESS, "depth": -1}, {**GUESS, "width": "wide"}, 7),
    ids=str,
)
def test_a_guess_that_makes_no_sense_is_none(guess: Any) -> None:
    assert size_guess_of(outputs(guess)) is None
