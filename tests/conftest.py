from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator, List, Union

import pytest
from flask.testing import FlaskClient

from app import create_app
from dreamlab.generation.generator import InProcessGenerator
from dreamlab.settings import Settings
from hunyuan_service import HunyuanService
from local_space.launcher import StandIn
from support.api import DATA, MakeClient, image_bytes, new_session
from support.fake_service import FakeService

# The tests talk to servers on this machine, also on one that has a proxy.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
# huggingface_hub reads it when it is imported, and would else ask its makers' server.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

TESTS = Path(__file__).resolve().parent
GROUPS = ("page", "clients", "engine", "deploy", "faults", "scale", "windows")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Mark each test with the group of its folder. The main job comes last."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in GROUPS:
            item.add_marker(folder)
    items.sort(key=lambda item: item.path == TESTS / "test_main_job.py")


@pytest.fixture(scope="session")
def stand_in_url() -> Iterator[str]:
    stand_in = StandIn()
    yield stand_in.url(timeout_s=120)
    stand_in.stop()


@pytest.fixture
def service() -> FakeService:
    """The generator of `client`: a test may tell it to wait, or to fail."""
    return FakeService()


@pytest.fixture
def make_client(tmp_path: Path, service: FakeService) -> Iterator[MakeClient]:
    """Create the app with some settings and return its test client.

    Its generator is the Gradio server at a URL, or `service`.
    """
    with ExitStack() as generators:

        def make(engine: Union[str, None] = None, **given: Any) -> FlaskClient:
            given = {"generation_timeout_s": 60, "sessions_dir": tmp_path / "sessions", **given}
            settings = Settings(**given) if engine is None else Settings(engine=engine, **given)
            used: Any = service if engine is None else HunyuanService(settings)
            generator = InProcessGenerator(used, settings)
            # Else it goes on asking a server that is gone.
            generators.callback(generator.close)
            return create_app(settings, generator).test_client()

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


@pytest.fixture
def stand_in_client(make_client: MakeClient, stand_in_url: str) -> FlaskClient:
    """A client whose models the default engine makes."""
    return make_client(stand_in_url)


@pytest.fixture
def session_id(client: FlaskClient) -> str:
    return new_session(client)


@pytest.fixture
def session_folder(tmp_path: Path, session_id: str) -> Path:
    return tmp_path / "sessions" / session_id


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(image_bytes())
    return path


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


@pytest.fixture(scope="session")
def quick_server(tmp_path_factory: pytest.TempPathFactory, quick_space: str) -> Iterator[Any]:
    """A server whose generator answers at once."""
    from support.processes import Server

    server = Server(tmp_path_factory.mktemp("quick"), HUNYUAN_SPACE_ID=quick_space)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def solid_space() -> Iterator[str]:
    """A Gradio server that answers at once with a real mesh, and with a texture if asked for it."""
    from support import spaces

    with spaces.solid_space() as url:
        yield url


@pytest.fixture(scope="session")
def solid_server(tmp_path_factory: pytest.TempPathFactory, solid_space: str) -> Iterator[Any]:
    """A server whose generator answers at once with a real mesh."""
    from support.processes import Server

    server = Server(tmp_path_factory.mktemp("solid"), HUNYUAN_SPACE_ID=solid_space, METRICS="true")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def chair() -> bytes:
    return (DATA / "chair.jpg").read_bytes()


@pytest.fixture(scope="session")
def quick_space() -> Iterator[str]:
    """A Gradio server that answers at once with a GLB without a mesh."""
    from support.spaces import timed_space

    with timed_space(0) as url:
        yield url


@pytest.fixture(scope="session")
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
