"""Files on Windows: names that mean something else there, and deletions while somebody reads."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Callable, Iterator, Tuple

import pytest
import requests

from support.api import files_below, image_bytes, wait_until
from support.models import glb_bytes
from support.spaces import answer, space
from support.wine import WindowsServer
from support.wine import run as run_windows

# More than the buffers of a connection hold.
MODEL = glb_bytes("heavy", bytes(40_000_000))
# What one process of the Windows Python can run of the other tests.
OTHER_TESTS = ("tests/storage", "tests/server/test_settings.py", "tests/photos/test_photos.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsServer]:
    """A server whose models are too large to be sent at once."""
    mesh = tmp_path_factory.mktemp("space") / "white_mesh.glb"
    mesh.write_bytes(MODEL)

    def shape(image=None):  # type: ignore[no-untyped-def]
        return answer(mesh)

    with space(shape) as url:
        server = WindowsServer(tmp_path_factory.mktemp("windows"), HUNYUAN_SPACE_ID=url)
        yield server
        server.kill()
    assert "Traceback" not in "".join(server.log)


def send_raw(server: WindowsServer, path: str) -> Tuple[int, bytes]:
    """GET a path byte for byte. Return the status and the whole answer."""
    with closing(server.connect()) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        with connection.makefile("rb") as file:
            whole = file.read()
    return int(whole.split()[1]), whole


def test_no_path_of_windows_reaches_a_file_outside_the_static_folder(
    server: WindowsServer, tmp_path: Path
) -> None:
    page = requests.get(server.url + "/").text
    static = "/static/" + page.partition("/static/")[2].partition("/")[0]
    assert send_raw(server, f"{static}/page.js")[0] == 200
    secret = tmp_path / "secret.js"
    secret.write_text("SECRET")
    as_windows = str(secret).replace("/", "%5C")
    for name in (
        "..%5Cpage.py",
        "..%5C..%5C..%5Capp.py",
        "..%5Cstatic%5Cpage.js",
        ".%5Cpage.js",
        "..\\static\\page.js",
        f"Z:{as_windows}",
        f"Z%3A{as_windows}",
        as_windows,
        f"%5C%5C%3F%5CZ:{as_windows}",
        f"%5C%5C.%5CZ:{as_windows}",
        f"%5C%5C%3F%5Cunix{as_windows}",
        "C:page.js",
        "Z:page.js",
        "%5C%5Chost%5Cshare%5Cx.js",
        "\\\\host\\share\\x.js",
        "page.js.",
        "page.js%20",
        "page.js::$DATA",
        "PAGE.JS",
        "con.js",
        "NUL",
        "%2e%2e/app.py",
        "..%2fpage.py",
    ):
        status, whole = send_raw(server, f"{static}/{name}")
        assert (name, status) == (name, 404)
        assert b"SECRET" not in whole


def test_a_model_is_no_path_of_windows(server: WindowsServer) -> None:
    session_id, other = server.session(), server.session()
    assert server.post(other, image_bytes()).status_code == 200
    assert send_raw(server, f"/sessions/{other}/models/chair.glb")[0] == 200
    for name in (
        f"..%5C..%5C{other}%5Cmodels%5Cchair.glb",
        f"Z:%5C..%5C{other}%5Cmodels%5Cchair.glb",
        "chair.glb::$DATA",
        "con.glb",
        "NUL",
        "aux.v2.glb",
    ):
        status, whole = send_raw(server, f"/sessions/{session_id}/models/{name}")
        assert (name, status) == (name, 404)
        assert b"glTF" not in whole
    assert send_raw(server, f"/sessions/{session_id}%5C..%5C{other}/models/chair.glb")[0] == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    (
        ("con.jpg", "image-con.png"),
        ("NUL.jpg", "image-NUL.png"),
        ("aux.v2.jpg", "image-aux.v2.png"),
        ("com1", "image-com1.png"),
        ("Stuhl .jpg.", "Stuhl_.jpg.png"),
    ),
)
def test_a_photo_may_have_any_name(server: WindowsServer, name: str, kept: str) -> None:
    session_id = server.session()
    made = server.post(session_id, image_bytes(), name)
    assert (made.status_code, made.json()["filename"]) == (200, kept)
    assert server.download(session_id, made.json()["model"])[:4] == b"glTF"
    deleted = requests.delete(f"{server.url}/api/sessions/{session_id}/uploads/{kept}")
    assert deleted.status_code == 204


def start_download(server: WindowsServer, path: str) -> socket.socket:
    """Ask for a model, and read only the first bytes of it."""
    connection = server.connect()
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    )
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    return connection


def assert_complete(download: socket.socket) -> None:
    with closing(download), download.makefile("rb") as file:
        rest = file.read()
    # A root was added to the model's JSON.
    assert rest.endswith(MODEL[-30_000_000:])


def delete_model(url: str, session_id: str) -> str:
    return f"{url}/api/sessions/{session_id}/models/chair.glb"


def delete_models(url: str, session_id: str) -> str:
    return f"{url}/api/delete_all_models/{session_id}"


@pytest.mark.parametrize("address", (delete_model, delete_models))
def test_a_model_that_is_deleted_during_a_download(
    server: WindowsServer, address: Callable[[str, str], str]
) -> None:
    session_id = server.session()
    assert server.post(session_id, image_bytes()).status_code == 200
    path = f"/sessions/{session_id}/models/chair.glb"
    with start_download(server, path) as download:
        assert requests.delete(address(server.url, session_id)).status_code == 204
        assert server.models(session_id) == []
        assert requests.get(server.url + path).status_code == 404
        assert requests.delete(delete_model(server.url, session_id)).status_code == 404
        # Its name is not given again.
        assert server.post(session_id, image_bytes()).json()["model"] == "chair-2.glb"
        assert_complete(download)
    file = server.sessions / session_id / "models" / "chair.glb"
    assert wait_until(lambda: not file.exists(), 15)
    assert server.models(session_id) == ["chair-2.glb"]


def test_a_session_that_is_deleted_during_a_download(server: WindowsServer) -> None:
    session_id = server.session()
    assert server.post(session_id, image_bytes()).status_code == 200
    with start_download(server, f"/sessions/{session_id}/models/chair.glb") as download:
        session = f"{server.url}/api/sessions/{session_id}"
        assert requests.delete(session).status_code == 204
        assert requests.delete(session).status_code == 404
        assert requests.get(f"{server.url}/api/session_models/{session_id}").status_code == 404
        assert server.post(session_id, image_bytes()).status_code == 404
        assert_complete(download)

    def is_gone() -> bool:
        names = [path.name for path in server.sessions.iterdir()]
        return not any(session_id in name or name.startswith(".tmp-") for name in names)

    assert wait_until(is_gone, 15), files_below(server.sessions)


def test_the_tests_of_the_store_the_settings_and_the_photos_pass() -> None:
    done = run_windows("-m", "pytest", "-p", "no:cacheprovider", *OTHER_TESTS, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
