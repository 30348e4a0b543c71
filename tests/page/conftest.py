from __future__ import annotations

from typing import Any, Iterator

import pytest

from support.api import wait_until
from support.browser import launch, need_browser
from support.held import Held, held_server
from support.processes import Server


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    need_browser()
    with launch() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def site(solid_server: Server) -> str:
    """The URL of a running server that makes real models at once."""
    return solid_server.url


@pytest.fixture(scope="session")
def shared_held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with held_server(tmp_path_factory.mktemp("held")) as held:
        yield held


@pytest.fixture
def held(shared_held: Held) -> Iterator[Held]:
    """That server, whose generations wait until the test releases them."""
    shared_held.release.clear()
    yield shared_held
    shared_held.release.set()
    shared_held.errors.clear()
    assert wait_until(lambda: shared_held.server.health()["generating"] == 0)
