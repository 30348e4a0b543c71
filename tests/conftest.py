from __future__ import annotations

import io
import os
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app import create_app
from local_space.launcher import StandIn
from settings import Settings

DATA = Path(__file__).parent / "data"
PIECES = sorted(path.stem for path in DATA.glob("*.jpg"))


@pytest.fixture(scope="session")
def stand_in_url() -> Iterator[str]:
    stand_in = StandIn()
    yield stand_in.url(timeout_s=120)
    stand_in.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from browser import launch

    with launch() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def site(stand_in_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server that uses the stand-in."""
    from processes import Server

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
    from brokers import missing
    from hosts import Cluster

    if missing() and os.environ.get("CI") != "true":
        pytest.skip(f"not on this machine: {', '.join(missing())}")
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def chair() -> bytes:
    return (DATA / "chair.jpg").read_bytes()


def new_session(client: FlaskClient) -> str:
    session_id: str = client.get("/api/generate_session_id").json["session_id"]
    return session_id


def post(
    client: FlaskClient, session_id: str, photo: bytes, name: str = "chair.jpg", **fields: Any
) -> TestResponse:
    """POST `photo` as `image`; further fields are text, or (bytes, file name)."""
    form: Dict[str, Any] = {"image": (io.BytesIO(photo), name)}
    for field, value in fields.items():
        form[field] = (io.BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value
    return client.post(f"/api/process_furniture_image/{session_id}", data=form)


def models(client: FlaskClient, session_id: str) -> List[str]:
    listed: List[str] = client.get(f"/api/session_models/{session_id}").json["models"]
    return listed


def picture(size: Any = (64, 48), kind: str = "PNG", mode: str = "RGB", **save: Any) -> bytes:
    """A picture with a dark block on a light ground, encoded as `kind`."""
    image = Image.new(mode, size, 230 if mode in ("L", "I;16") else "white")
    width, height = size
    dark = Image.new(mode, (max(1, width // 2), max(1, height // 2)))
    image.paste(dark, (width // 4, height // 4))
    file = io.BytesIO()
    image.save(file, kind, **save)
    return file.getvalue()


def files_below(folder: Path) -> List[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def soon(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes so within some seconds; it need not stay so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def assert_error(answer: TestResponse, status: int, code: str, words: str = "") -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert re.search(words, answer.json["error"])


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
    from spaces import answer, space, tiny_glb

    with tempfile.TemporaryDirectory() as folder:
        mesh = tiny_glb(Path(folder) / "white_mesh.glb")

        def shape(image=None):  # type: ignore[no-untyped-def]
            time.sleep(seconds)
            return answer(str(mesh))

        with space(shape) as url:
            yield url
