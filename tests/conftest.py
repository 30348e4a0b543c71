from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from flask.testing import FlaskClient

from app import create_app
from dreamlab.settings import Settings
from local_space.launcher import StandIn
from support.api import DATA, new_session


@pytest.fixture(scope="session")
def stand_in_url() -> Iterator[str]:
    stand_in = StandIn()
    yield stand_in.url(timeout_s=120)
    stand_in.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from support.browser import launch

    with launch() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def site(stand_in_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server that uses the stand-in."""
    from support.processes import Server

    server = Server(tmp_path_factory.mktemp("site"), HUNYUAN_SPACE_ID=stand_in_url)
    yield server.url
    server.kill()


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[..., FlaskClient]:
    def make(engine: str, **given: Any) -> FlaskClient:
        given.setdefault("generation_timeout_s", 60)
        settings = Settings(engine=engine, sessions_dir=tmp_path / "sessions", **given)
        return create_app(settings).test_client()

    return make


@pytest.fixture
def client(make_client: Callable[..., FlaskClient], stand_in_url: str) -> FlaskClient:
    return make_client(stand_in_url)


@pytest.fixture
def session_id(client: FlaskClient) -> str:
    return new_session(client)


@pytest.fixture
def session_folder(tmp_path: Path, session_id: str) -> Path:
    return tmp_path / "sessions" / session_id


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """RabbitMQ, Redis and a shared folder, for tests in scale/."""
    from support.brokers import missing
    from support.hosts import Cluster

    if missing() and os.environ.get("CI") != "true":
        pytest.skip(f"not on this machine: {', '.join(missing())}")
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def chair() -> bytes:
    return (DATA / "chair.jpg").read_bytes()


@pytest.fixture
def quick_space() -> Iterator[str]:
    """A server that answers at once, with a GLB of no mesh."""
    with _space_after(0) as url:
        yield url


@pytest.fixture
def slow_space() -> Iterator[str]:
    """A server whose jobs take half a second."""
    with _space_after(0.5) as url:
        yield url


@contextmanager
def _space_after(seconds: float) -> Iterator[str]:
    from support.spaces import answer, space, tiny_glb

    with tempfile.TemporaryDirectory() as folder:
        mesh = tiny_glb(Path(folder) / "white_mesh.glb")

        def shape(image=None):  # type: ignore[no-untyped-def]
            time.sleep(seconds)
            return answer(str(mesh))

        with space(shape) as url:
            yield url
