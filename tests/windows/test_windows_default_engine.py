"""The default engine on Windows: its models are those of Linux, and it ends with the server."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from typing import Callable, Iterator, List

import pytest
import requests
import trimesh

from support.api import DATA, MakeClient, new_session, post, wait_until
from support.wine import WindowsServer

# Under wine, Gradio is imported for half a minute.
START_S = 150


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, temporary: Path) -> Iterator[WindowsServer]:
    server = WindowsServer(tmp_path_factory.mktemp("windows"), TMPDIR=str(temporary))
    assert wait_until(lambda: server.health()["generator"] == "ready", START_S)
    yield server
    server.kill()


def left_in(temporary: Path) -> List[str]:
    """Return the names of what is in a temporary folder, without wine's own."""
    return [path.name for path in temporary.iterdir() if not path.name.startswith("wine-")]


def load_mesh(model: bytes) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(model), file_type="glb", force="mesh")


@pytest.mark.parametrize("piece", ("chair", "desk", "stool"))
def test_a_photo_becomes_the_model_that_it_becomes_on_linux(
    server: WindowsServer, make_client: MakeClient, stand_in_url: str, piece: str
) -> None:
    photo = (DATA / f"{piece}.jpg").read_bytes()
    session_id = server.session()
    answer = server.post(session_id, photo, f"{piece}.jpg", seed="1")
    assert answer.status_code == 200
    assert answer.json()["engine"] == "local"
    assert server.models(session_id) == [f"{piece}.glb"]
    url = answer.json()["model_url"]
    on_windows = load_mesh(requests.get(url).content)
    assert requests.delete(url.replace("/sessions/", "/api/sessions/")).status_code == 204
    assert server.models(session_id) == []
    assert requests.get(url).status_code == 404

    client = make_client(stand_in_url)
    linux_session = new_session(client)
    post(client, linux_session, photo, f"{piece}.jpg", seed="1")
    model = client.get(f"/sessions/{linux_session}/models/{piece}.glb").data
    on_linux = load_mesh(model)
    assert on_windows.is_watertight
    assert on_windows.extents == pytest.approx(on_linux.extents, rel=0.01)
    assert on_windows.volume == pytest.approx(on_linux.volume, rel=0.02)


@pytest.mark.parametrize("signal_number", (signal.SIGINT, signal.SIGKILL))
def test_a_stand_in_that_still_starts_ends_with_the_server(
    tmp_path: Path, start_windows: Callable[..., WindowsServer], signal_number: int
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = start_windows(TMPDIR=str(temporary))
    assert wait_until(lambda: left_in(temporary) != [], 60)
    assert len(server.stand_ins()) == 1
    status = server.end(signal_number)
    assert signal_number == signal.SIGKILL or status == 0
    assert wait_until(lambda: server.stand_ins() == [] and left_in(temporary) == [], 20)


def test_ctrl_c_ends_the_server_and_the_stand_in_and_leaves_no_files(
    server: WindowsServer, temporary: Path
) -> None:
    assert left_in(temporary) != [] and len(server.stand_ins()) == 1
    assert server.end(signal.SIGINT) == 0
    assert wait_until(lambda: server.stand_ins() == [] and left_in(temporary) == [], 20)
    assert "Traceback" not in "".join(server.log)
