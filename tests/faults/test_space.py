"""The Space hangs, sends invalid files, crashes, or changes its API."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator

import pytest

from support import proxy as faults
from support.api import files_below, image_bytes, wait_until
from support.models import glb_bytes
from support.processes import Server, StartServer, run_space
from support.spaces import answer, free_port, space

LIMIT_S = 1.5
MAX_MODEL_MB = 100


@pytest.fixture(scope="module")
def shared_proxy(quick_space: str) -> Iterator[faults.Proxy]:
    proxy = faults.Proxy(int(quick_space.rpartition(":")[2]))
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(shared_proxy: faults.Proxy) -> Iterator[faults.Proxy]:
    yield shared_proxy
    end_faults(shared_proxy)


@pytest.fixture(scope="module")
def server(
    shared_proxy: faults.Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("faults"),
        HUNYUAN_SPACE_ID=shared_proxy.url,
        GENERATION_TIMEOUT_S=str(LIMIT_S),
        MAX_MODEL_MB=str(MAX_MODEL_MB),
    )
    assert wait_until(lambda: server.health()["generator"] == "ready")
    yield server
    server.kill()


def end_faults(proxy: faults.Proxy) -> None:
    proxy.is_silent = proxy.is_choked = False
    proxy.on_file.clear()


@pytest.mark.parametrize("fault", (faults.stall, faults.trickle))
def test_a_download_that_does_not_end_is_a_timeout(
    server: Server, proxy: faults.Proxy, fault: faults.Fault
) -> None:
    session_id = server.session()
    assert server.post(session_id, image_bytes(), "a.png").status_code == 200
    before = server.threads(), server.handles()
    proxy.on_file.append(fault)
    for _ in range(3):
        assert_timeout(server, session_id, image_bytes(), "b.png")
    end_faults(proxy)
    assert wait_until(
        lambda: server.threads() <= before[0] + 2 and server.handles() <= before[1] + 2
    )
    assert server.post(session_id, image_bytes(), "c.png").status_code == 200
    assert files_below(server.sessions / session_id / "models") == ["a.glb", "c.glb"]


def assert_timeout(server: Server, session_id: str, photo: bytes, name: str) -> None:
    started = time.monotonic()
    late = server.post(session_id, photo, name)
    assert (late.status_code, late.json()["code"]) == (504, "generation_timeout"), late.text
    assert LIMIT_S - 0.1 <= time.monotonic() - started < LIMIT_S + 8


@pytest.mark.parametrize("fault", ("is_silent", "is_choked"))
def test_a_space_that_does_not_answer_or_read_is_a_timeout(
    server: Server, proxy: faults.Proxy, fault: str
) -> None:
    session_id = server.session()
    # More than the buffers of the sockets can hold.
    photo = image_bytes((1900, 1900), compress_level=0)
    assert len(photo) > 8 << 20

    def run_into_timeouts() -> None:
        setattr(proxy, fault, True)
        for _ in range(3):
            assert_timeout(server, session_id, photo, "chair.png")
        end_faults(proxy)
        assert wait_until(lambda: server.post(session_id, photo).status_code == 200)

    # gradio_client creates the threads of its pool during the first generations and keeps them.
    run_into_timeouts()
    before = server.threads(), server.handles()
    run_into_timeouts()
    assert wait_until(
        lambda: server.threads() <= before[0] + 2 and server.handles() <= before[1] + 2
    )


GLB = glb_bytes()


@pytest.mark.parametrize(
    "fault",
    (
        faults.send_body(b"<html>502 Bad Gateway</html>", "text/html"),
        faults.send_body(b'{"error": "no"}', "application/json"),
        faults.send_body(GLB[:-8]),
        faults.send_body(GLB[:8] + b"\xff\xff\0\0" + GLB[12:]),
        faults.send_body(b""),
        faults.hang_up,
        faults.send_zeros,
    ),
    ids=("HTML", "JSON", "truncated", "wrong length", "nothing", "hang-up", "2 GB of zeros"),
)
def test_an_invalid_file_is_not_kept(
    server: Server, proxy: faults.Proxy, fault: faults.Fault
) -> None:
    session_id = server.session()
    before, proxy.sent = server.resident_mb(), 0
    proxy.on_file.append(fault)
    bad = server.post(session_id, image_bytes(), "a.png")
    end_faults(proxy)
    assert (bad.status_code, bad.json()["code"]) == (502, "generation_failed")
    assert files_below(server.sessions / session_id) == ["uploads/a.png"]
    # The buffers of the sockets hold more than the limit.
    assert proxy.sent < (MAX_MODEL_MB + 18) << 20
    assert server.resident_mb() - before < 50
    assert server.post(session_id, image_bytes(), "a.png").status_code == 200


def test_the_server_reconnects_to_a_space_that_crashed(
    start_server: StartServer,
) -> None:
    port = free_port()
    server = start_server(HUNYUAN_SPACE_ID=f"http://127.0.0.1:{port}")
    session_id = server.session()
    process = run_space(port, 60)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(server.post, session_id, image_bytes())
        assert process.stdout is not None and process.stdout.readline() == "working\n"
        killed = time.monotonic()
        process.send_signal(signal.SIGKILL)
        failed = job.result(timeout=20)
        assert (failed.status_code, failed.json()["code"]) == (502, "generation_failed")
        assert time.monotonic() - killed < 5
    process.wait()
    process = run_space(port, 0)
    assert server.post(session_id, image_bytes()).status_code == 200
    process.kill()
    process.wait()


def test_the_api_of_an_upgraded_space_is_read_again(start_server: StartServer) -> None:
    def old(caption=None, image=None, steps=5):
        return answer()

    def new(mv_image_front, quality=1, seed=1):
        return answer() if mv_image_front else None

    port = free_port()
    server = start_server(HUNYUAN_SPACE_ID=f"http://127.0.0.1:{port}")
    session_id = server.session()
    versions: Any = (old, new, old)
    for version in versions:
        with space(version, port=port):
            assert server.post(session_id, image_bytes()).status_code == 200
