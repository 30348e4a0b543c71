from __future__ import annotations

from typing import Any, Iterator

import pytest

from support.browser import launch, need_browser
from support.processes import Server, StartServer
from support.spaces import HeldSpace


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_browser()
    with launch() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def site(stand_in_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server that uses the stand-in."""
    server = Server(tmp_path_factory.mktemp("site"), HUNYUAN_SPACE_ID=stand_in_url)
    yield server.url
    server.kill()


@pytest.fixture
def held_server(held_space: HeldSpace, start_server: StartServer) -> Server:
    """A server with one generation slot, whose generations wait until they are released."""
    return start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="1")
