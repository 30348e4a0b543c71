"""`python app.py` as a process: its start, its end, its memory."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest
import requests

from support.api import DATA, PIECES, image_bytes, wait_until
from support.processes import Server, StartServer, run_app

CHAIR = (DATA / "chair.jpg").read_bytes()


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


def has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_it_answers_while_the_stand_in_starts_and_an_early_generation_waits(server: Server) -> None:
    assert server.url in server.start_line
    assert "engine: local" in server.start_line and "HUNYUAN_SPACE_ID=" in server.start_line
    health = server.health()
    assert health["generator"] == "starting"
    assert health["reason"].startswith("The generator ")
    session_id = server.session()
    answer = server.post(session_id, CHAIR)
    assert answer.status_code == 200
    assert answer.json()["engine"] == "local"
    model = requests.get(answer.json()["model_url"])
    assert model.headers["Content-Type"] == "model/gltf-binary"
    assert model.content[:4] == b"glTF"
    listed = requests.get(f"{server.url}/api/session_models/{session_id}").json()
    assert listed == {"session_id": session_id, "models": ["chair.glb"]}


@pytest.mark.parametrize("signal_number", (signal.SIGTERM, signal.SIGINT, signal.SIGKILL))
def test_the_stand_in_ends_with_the_server(server: Server, signal_number: signal.Signals) -> None:
    session_id = server.session()
    if signal_number == signal.SIGTERM:
        assert server.post(session_id, CHAIR).status_code == 200
    (stand_in,) = server.children()
    assert server.end(signal_number) == (-signal_number if signal_number == signal.SIGKILL else 0)
    assert wait_until(lambda: has_ended(stand_in), 10)


def test_a_stand_in_that_crashed_is_started_again(server: Server) -> None:
    session_id = server.session()
    assert server.post(session_id, CHAIR).status_code == 200
    (stand_in,) = server.children()
    os.kill(stand_in, signal.SIGKILL)
    assert wait_until(lambda: has_ended(stand_in), 10)
    again = server.post(session_id, CHAIR)
    while again.status_code == 503:
        # Some threads of the crashed process have not ended yet.
        time.sleep(int(again.headers["Retry-After"]) / 20)
        again = server.post(session_id, CHAIR)
    assert again.status_code == 200


def test_waiting_requests_are_answered_when_the_server_ends(
    slow_space: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=slow_space, SHUTDOWN_GRACE_S="1")
    session_id = server.session()
    assert server.post(session_id, image_bytes()).status_code == 200
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(server.post, session_id, image_bytes()) for _ in range(8)]
        assert wait_until(lambda: server.health()["generating"] == 8)
        assert server.end(signal.SIGTERM) == 0
        codes = {job.result().status_code for job in jobs}
    assert codes <= {200, 503} and 503 in codes


def test_a_used_port_stops_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run_app(PORT=port, HUNYUAN_SPACE_ID="a/b", SESSIONS_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "PORT" in done.stderr.splitlines()[-1]


def test_two_servers_do_not_share_a_port(quick_space: str, start_server: StartServer) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    port = server.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "*"):
        done = run_app(PORT=port, HOST=host, HUNYUAN_SPACE_ID=quick_space)
        assert (done.returncode, done.stdout) == (2, "")
        assert "HOST and PORT cannot be listened on" in done.stderr.splitlines()[-1]
    assert server.health()["status"] == "ok"


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


@pytest.fixture
def as_in_the_background() -> Iterator[None]:
    """A shell ignores SIGINT for what it runs in the background. nohup would ignore SIGHUP."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("signal_name", ("SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"))
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_nothing_is_left_in_the_temporary_folder(
    tmp_path: Path, as_in_the_background: None, start_server: StartServer, signal_name: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = start_server(TMPDIR=str(temporary))
    session_id = server.session()
    assert server.post(session_id, CHAIR).status_code == 200
    assert list(temporary.iterdir()) != []
    server.end(getattr(signal, signal_name))
    assert wait_until(lambda: list(temporary.iterdir()) == [], 10)


def test_other_routes_answer_while_all_generation_slots_are_held(
    slow_space: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=slow_space, MAX_GENERATIONS="6")
    session_id = server.session()
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(server.post, session_id, image_bytes()) for _ in range(6)]
        assert wait_until(lambda: server.health()["generating"] == 6)
        assert server.post(session_id, image_bytes()).status_code == 503
        listing = requests.get(f"{server.url}/api/session_models/{session_id}")
        assert not all(job.done() for job in jobs)
        assert listing.status_code == 200
        assert {job.result().status_code for job in jobs} == {200}


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
    for number in range(45):
        assert server.post(session_id, photos[number % len(photos)]).status_code == 200
    assert server.resident_mb() - after_5 < 50
    bad = (b"x" * 45_000_000, CHAIR[: len(CHAIR) // 2], b"text", image_bytes((8100, 8100), "PNG"))
    for content in bad:
        assert server.post(session_id, content).status_code in (413, 415)
    assert server.resident_mb() - after_5 < 100
