"""The disk is full or read-only, or a folder is deleted during a generation."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Iterator

import pytest
import requests

from support.api import files_below, image_bytes, wait_until
from support.models import glb_bytes
from support.needs import need
from support.processes import Server, StartServer, run_app
from support.spaces import answer, space


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    is_mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
    need(is_mounted, "root, who may mount a file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def heavy_space(tmp_path: Path) -> Iterator[str]:
    """A Gradio server whose models have 1.7 MB."""
    mesh = tmp_path / "white_mesh.glb"
    glb, size = glb_bytes(), 1_700_000
    mesh.write_bytes(glb[:8] + size.to_bytes(4, "little") + glb[12:] + bytes(size - len(glb)))

    def shape(image=None):
        return answer(mesh)

    with space(shape) as url:
        yield url


def test_a_full_disk_is_reported_and_nothing_is_damaged(
    small_disk: Path, heavy_space: str, start_server: StartServer
) -> None:
    server = start_server(small_disk, HUNYUAN_SPACE_ID=heavy_space)
    session_id = server.session()
    folder = small_disk / "sessions" / session_id
    assert server.post(session_id, image_bytes(), "first.png").status_code == 200
    model = (folder / "models" / "first.glb").read_bytes()

    # During the save: the upload fits, the model does not.
    full = server.post(session_id, image_bytes(), "second.png")
    # 3 MB hold one model of 1.7 MB and not two, with the uploads and folders.
    assert (full.status_code, full.json()["code"]) == (507, "storage_full")
    assert full.json()["filename"] == "second.png"

    # During the upload.
    noise = image_bytes((900, 900), "BMP")
    assert len(noise) > 2_000_000
    full = server.post(session_id, noise, "third.bmp")
    assert (full.status_code, full.json()["code"]) == (507, "storage_full")

    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    full = requests.get(server.url + "/api/generate_session_id")
    assert full.status_code in (200, 507)
    assert files_below(folder) == [
        "models/first.glb",
        "uploads/first.png",
        "uploads/second.png",
    ]
    assert (folder / "models" / "first.glb").read_bytes() == model
    assert server.download(session_id, "first.glb") == model

    filler.unlink()
    requests.delete(f"{server.url}/api/delete_all_models/{session_id}")
    assert server.post(session_id, image_bytes(), "fourth.png").status_code == 200


def test_a_read_only_folder_stops_the_start(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for folder in (small_disk, small_disk / "sessions"):
        done = run_app(SESSIONS_DIR=str(folder), HUNYUAN_SPACE_ID="a/b")
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("SESSIONS_DIR cannot be written to: ")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, slow_space: str) -> Iterator[Server]:
    """A server whose folder did not exist before its start."""
    folder = tmp_path_factory.mktemp("disk") / "not" / "yet"
    server = Server(folder, HUNYUAN_SPACE_ID=slow_space)
    yield server
    server.kill()


def test_a_missing_folder_is_created(server: Server) -> None:
    assert server.post(server.session(), image_bytes()).status_code == 200


@pytest.mark.parametrize("deleted", ("", "uploads", "models"))
def test_a_folder_deleted_during_a_generation_is_no_internal_error(
    server: Server, deleted: str
) -> None:
    session_id = server.session()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(server.post, session_id, image_bytes())
        assert wait_until(lambda: server.health()["generating"] == 1)
        folder = server.sessions / session_id / deleted
        while folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        ended = job.result(timeout=30)
    if deleted == "uploads":
        # The generator may have the photo already.
        assert ended.status_code in (200, 404)
    else:
        assert ended.status_code == 404
        # The record of the generation goes a moment before the folder of the session.
        gone = ("session_not_found", *(() if deleted else ("generation_not_found",)))
        assert ended.json()["code"] in gone
    assert server.post(server.session(), image_bytes()).status_code == 200
