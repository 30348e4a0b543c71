from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest

from support.spaces import space


class ToldSpace:
    """A Gradio server whose two endpoints call what a test gives it, with the seed of the job."""

    def __init__(self) -> None:
        self.url = ""
        self.shape: Callable[[int], Any] = _not_given
        self.everything: Callable[[int], Any] = _not_given


def _not_given(seed: int) -> Any:
    raise AssertionError("the test gives no function for this endpoint")


@pytest.fixture(scope="session")
def told_server() -> Iterator[ToldSpace]:
    told = ToldSpace()

    def shape(image=None, seed=1234):  # type: ignore[no-untyped-def]
        return told.shape(seed)

    def everything(image=None, seed=1234):  # type: ignore[no-untyped-def]
        return told.everything(seed)

    with space(shape, everything) as told.url:
        yield told


@pytest.fixture
def told(told_server: ToldSpace) -> ToldSpace:
    told_server.shape = told_server.everything = _not_given
    return told_server
