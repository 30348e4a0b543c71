"""`python app.py` as a process: its start, its end, its memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import requests

from dreamlab.serving import CannotListen, listen
from support.api import DATA, PIECES, image_bytes, wait_until
from support.processes import Server, StartServer, has_ended, run_app

CHAIR = (DATA / "chair.jpg").read_bytes()


def test_it_answers_while_the_stand_in_starts_and_leaves_nothing_behind(
    tmp_path: Path, start_server: StartServer
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = start_server(TMPDIR=str(temporary))
    assert server.url in server.start_line
    assert "engine: local" in server.start_line and "HUNYUAN_SPACE_ID=" in server.start_line
    health = server.health()
    assert health["generator"] == "starting"
    assert health["reason"].startswith("The generator ")
    # An early generation waits.
    answer = server.post(server.session(), CHAIR)
    assert answer.status_code == 200
    assert answer.json()["engine"] == "local"
    model = requests.get(answer.json()["model_url"])
    assert model.headers["Content-Type"] == "model/gltf-binary"
    assert model.content[:4] == b"glTF"
    (stand_in,) = server.children()
    assert list(temporary.iterdir()) != []
    assert server.end(signal.SIGTERM) == 0
    assert wait_until(lambda: has_ended(stand_in))
    assert wait_until(lambda: list(temporary.iterdir()) == [])


def test_two_servers_do_not_share_a_port(quick_server: Server) -> None:
    port = quick_server.url.rpartition(":")[2]
    done = run_app(PORT=port, HUNYUAN_SPACE_ID="a/b")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HOST and PORT cannot be listened on" in done.stderr.splitlines()[-1]
    for host in ("127.0.0.1", "localhost", "*"):
        with pytest.raises(CannotListen, match="HOST and PORT cannot be listened on"):
            listen(host, int(port))
    assert quick_server.health()["status"] == "ok"


@pytest.mark.skipif(os.name == "nt", reason="its limit is that of select")
def test_connections_leave_room_for_files_where_few_descriptors_are_allowed(
    tmp_path: Path, quick_space: str, start_server: StartServer
) -> None:
    program = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
        "runpy.run_path('app.py', run_name='__main__')"
    )
    server = start_server(program=("-c", program), HUNYUAN_SPACE_ID=quick_space)
    session_id = server.session()
    with requests.Session() as http:
        # One connection that is open before the others.
        http.get(f"{server.url}/api/health")
        connections = [server.connect() for _ in range(300)]
        files = {"image": ("chair.jpg", image_bytes())}
        answer = http.post(server.upload_url(session_id), files=files, timeout=30)
        assert answer.status_code == 200
    for connection in connections:
        connection.close()
    assert server.health()["status"] == "ok"


@pytest.mark.skipif(not Path("/proc").exists(), reason="resident size is read from /proc")
def test_memory_does_not_grow_with_use_or_bad_input(
    quick_space: str, start_server: StartServer
) -> None:
    # The memory for photos is measured, not for models.
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    session_id = server.session()
    photos = [(DATA / f"{piece}.jpg").read_bytes() for piece in PIECES]
    for number in range(5):
        assert server.post(session_id, photos[number]).status_code == 200
    after_5 = server.resident_mb()
    for number in range(20):
        assert server.post(session_id, photos[number % len(photos)]).status_code == 200
    assert server.resident_mb() - after_5 < 30
    large = image_bytes((8100, 8100), mode="1")
    bad = (b"x" * 45_000_000, CHAIR[: len(CHAIR) // 2], b"text", large)
    for content in bad:
        assert server.post(session_id, content).status_code in (413, 415)
    assert server.resident_mb() - after_5 < 100
