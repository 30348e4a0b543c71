"""The Space hangs, stalls, lies, dies and changes."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from support import proxy as faults
from support.api import files_below, picture, wait_until
from support.processes import Server, run_space
from support.spaces import answer, free_port, glb_bytes, space, tiny_glb

pytestmark = pytest.mark.faults
LIMIT_S = 3


@pytest.fixture
def proxy(quick_space: str) -> Iterator[faults.Proxy]:
    proxy = faults.Proxy(int(quick_space.rpartition(":")[2]))
    yield proxy
    proxy.close()


@pytest.fixture
def server(tmp_path: Path, proxy: faults.Proxy) -> Iterator[Server]:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=proxy.url, GENERATION_TIMEOUT_S=str(LIMIT_S))
    yield server
    server.kill()


@pytest.fixture
def patient_server(tmp_path: Path, proxy: faults.Proxy) -> Iterator[Server]:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=proxy.url)
    yield server
    server.kill()


def heal(proxy: faults.Proxy) -> None:
    proxy.mute = proxy.choked = False
    proxy.on_file.clear()


@pytest.mark.parametrize("fault", (faults.stall, faults.trickle))
def test_a_file_that_does_not_come_ends_at_the_limit(
    server: Server, proxy: faults.Proxy, fault: faults.Fault, tmp_path: Path
) -> None:
    session_id = server.session()
    assert server.post(session_id, picture(), "a.png").status_code == 200
    before = server.threads(), server.handles()
    proxy.on_file.append(fault)
    for _ in range(5):
        started = time.monotonic()
        late = server.post(session_id, picture(), "b.png")
        assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
        assert LIMIT_S - 0.1 <= time.monotonic() - started < LIMIT_S + 2
    heal(proxy)
    assert wait_until(
        lambda: server.threads() <= before[0] + 2 and server.handles() <= before[1] + 2
    )
    assert server.post(session_id, picture(), "c.png").status_code == 200
    assert files_below(tmp_path / "sessions" / session_id / "models") == ["a.glb", "c.glb"]


@pytest.mark.parametrize("fault", ("mute", "choked"))
def test_a_space_that_never_answers_or_stops_reading_an_upload_ends_at_the_limit(
    server: Server, proxy: faults.Proxy, fault: str
) -> None:
    session_id = server.session()
    # More than the sockets on the way can hold.
    photo = picture((1900, 1900), compress_level=0)
    assert len(photo) > 8 << 20

    def late_ones() -> None:
        setattr(proxy, fault, True)
        for _ in range(2):
            started = time.monotonic()
            late = server.post(session_id, photo)
            assert (late.status_code, late.json()["code"]) == (504, "generation_timeout")
            assert time.monotonic() - started < LIMIT_S + 2
        heal(proxy)
        assert wait_until(lambda: server.post(session_id, photo).status_code == 200)

    # gradio_client keeps the threads of its pool: the first ones make them.
    late_ones()
    before = server.threads(), server.handles()
    late_ones()
    assert wait_until(
        lambda: server.threads() <= before[0] + 2 and server.handles() <= before[1] + 2
    )


GLB = glb_bytes()


@pytest.mark.parametrize(
    "fault",
    (
        faults.body(b"<html>502 Bad Gateway</html>", "text/html"),
        faults.body(b'{"error": "no"}', "application/json"),
        faults.body(GLB[:-8]),
        faults.body(GLB[:8] + b"\xff\xff\0\0" + GLB[12:]),
        faults.body(b""),
        faults.hang_up,
        faults.zeros,
    ),
    ids=("HTML", "JSON", "truncated", "its length lies", "nothing", "hang-up", "2 GB of zeros"),
)
def test_what_is_no_model_is_not_kept(
    patient_server: Server, proxy: faults.Proxy, fault: faults.Fault, tmp_path: Path
) -> None:
    server = patient_server
    session_id = server.session()
    proxy.on_file.append(fault)
    before = server.resident_mb()
    bad = server.post(session_id, picture(), "a.png")
    assert (bad.status_code, bad.json()["code"]) == (502, "generation_failed")
    assert files_below(tmp_path / "sessions" / session_id) == ["uploads/a.png"]
    # 512 MB is the limit; what is on its way in the sockets comes on top.
    assert proxy.sent < 530 << 20
    assert server.resident_mb() - before < 50
    heal(proxy)
    assert server.post(session_id, picture(), "a.png").status_code == 200


def test_a_space_killed_in_mid_job_and_started_again_needs_no_restart_of_ours(
    tmp_path: Path,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    port = free_port()
    server = Server(tmp_path, HUNYUAN_SPACE_ID=f"http://127.0.0.1:{port}")
    try:
        session_id = server.session()
        for _ in range(2):
            process = run_space(port, 60)
            with ThreadPoolExecutor(1) as pool:
                job = pool.submit(server.post, session_id, picture())
                assert process.stdout is not None and process.stdout.readline() == "working\n"
                killed = time.monotonic()
                process.send_signal(signal.SIGKILL)
                dead = job.result(timeout=20)
                assert (dead.status_code, dead.json()["code"]) == (502, "generation_failed")
                assert time.monotonic() - killed < 5
            process.wait()
            process = run_space(port, 0)
            assert server.post(session_id, picture()).status_code == 200
            process.kill()
            process.wait()
    finally:
        server.kill()


def test_a_space_that_is_upgraded_is_asked_anew(tmp_path: Path) -> None:
    mesh = str(tiny_glb(tmp_path / "white_mesh.glb"))

    def old(caption=None, image=None, steps=5):
        return answer(mesh)

    def new(mv_image_front, quality=1, seed=1):
        return answer(mesh) if mv_image_front else None

    port = free_port()
    server = Server(tmp_path, HUNYUAN_SPACE_ID=f"http://127.0.0.1:{port}")
    try:
        session_id = server.session()
        versions: Any = (old, new, old)
        for version in versions:
            with space(version, port=port):
                assert server.post(session_id, picture()).status_code == 200
    finally:
        server.kill()
