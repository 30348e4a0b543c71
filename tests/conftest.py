from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from flask.testing import FlaskClient

from app import create_app
from dreamlab.settings import Settings
from local_space.launcher import StandIn
from support.api import DATA, MakeClient, new_session

# The tests talk to servers on this machine, also on one that has a proxy.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"


@pytest.fixture(scope="session")
def stand_in_url() -> Iterator[str]:
    stand_in = StandIn()
    yield stand_in.url(timeout_s=120)
    stand_in.stop()


@pytest.fixture
def make_client(tmp_path: Path) -> MakeClient:
    """Create the app with some settings and return its test client."""

    def make(engine: str, **settings: Any) -> FlaskClient:
        settings = {"generation_timeout_s": 60, **settings}
        folder = tmp_path / "sessions"
        return create_app(Settings(engine=engine, sessions_dir=folder, **settings)).test_client()

    return make


@pytest.fixture
def client(make_client: MakeClient, stand_in_url: str) -> FlaskClient:
    return make_client(stand_in_url)


@pytest.fixture
def quick_client(make_client: MakeClient, quick_space: str) -> FlaskClient:
    return make_client(quick_space)


@pytest.fixture
def session_id(client: FlaskClient) -> str:
    return new_session(client)


@pytest.fixture
def session_folder(tmp_path: Path, session_id: str) -> Path:
    return tmp_path / "sessions" / session_id


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a server with some settings. Its sessions are kept in `tmp_path` by default."""
    from support.processes import Server

    with ExitStack() as servers:

        def start(folder: Path = tmp_path, **how: Any) -> Server:
            server = Server(folder, **how)
            servers.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server whose generator answers at once, for all tests of a module."""
    from support.processes import Server
    from support.spaces import timed_space

    with timed_space(0) as url:
        server = Server(tmp_path_factory.mktemp("quick"), HUNYUAN_SPACE_ID=url)
        yield server
        server.kill()


@pytest.fixture(scope="session")
def chair() -> bytes:
    return (DATA / "chair.jpg").read_bytes()


@pytest.fixture
def quick_space() -> Iterator[str]:
    """A Gradio server that answers at once with a GLB without a mesh."""
    from support.spaces import timed_space

    with timed_space(0) as url:
        yield url


@pytest.fixture
def slow_space() -> Iterator[str]:
    """A Gradio server whose jobs take half a second."""
    from support.spaces import timed_space

    with timed_space(0.5) as url:
        yield url


@pytest.fixture
def held_space() -> Iterator[Any]:
    """A Gradio server whose jobs wait until the test releases them."""
    from support import spaces

    with spaces.held_space() as held:
        yield held
