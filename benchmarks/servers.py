"""Starts the servers that are measured, each in its own process on 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple

import requests

from benchmarks.report import Skipped

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))

from support.processes import Server  # noqa: E402
from support.spaces import free_port  # noqa: E402

MEGABYTE = 1 << 20
ENDPOINT = "/shape_generation"


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="dreamlab-benchmarks-") as folder:
        yield Path(folder)


@contextmanager
def ours(folder: Path, program: str = "app", **environ: str) -> Iterator[Server]:
    """A server `python -m program`: our app or another one with the same settings."""
    environ.setdefault("HUNYUAN_SPACE_ID", "http://127.0.0.1:9")
    server = Server(folder, ("-m", program), **environ)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def generator(seconds: float, mesh: Path) -> Iterator[str]:
    """The URL of a Gradio server. Its jobs take `seconds`, one at a time, and return `mesh`."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.generator", str(port), str(seconds), str(mesh)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


class Load(NamedTuple):
    """The results of wrk."""

    requests_per_s: float
    megabytes_per_s: float
    p50_ms: float
    p99_ms: float


def wrk(url: str, clients: int, seconds: int) -> Load:
    """Load `url` from `clients` connections at once. Raises Skipped if wrk is missing."""
    if shutil.which("wrk") is None:
        raise Skipped("wrk is missing: apt-get install wrk")
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"{url} answered with errors")
    return Load(
        float(_search(r"Requests/sec:\s+([\d.]+)", output)),
        _parse_quantity(_search(r"Transfer/sec:\s+([\d.]+\w+)", output)) / MEGABYTE,
        _parse_quantity(_search(r"50%\s+([\d.]+\w+)", output)) * 1000,
        _parse_quantity(_search(r"99%\s+([\d.]+\w+)", output)) * 1000,
    )


_UNITS = {
    **{"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0},
    **{"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30},
}


def _parse_quantity(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _search(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no {pattern} in the output of wrk: {text}")
    return found.group(1)


def session(url: str) -> str:
    """Create a session and return its id."""
    return str(requests.get(url + "/api/generate_session_id").json()["session_id"])


def glb_file(path: Path, megabytes: float) -> Path:
    """Write a GLB of that size, with a buffer of random bytes, and return its path."""
    noise = os.urandom(int(megabytes * MEGABYTE) // 4 * 4)
    text = json.dumps(
        {"asset": {"version": "2.0"}, "buffers": [{"byteLength": len(noise)}]}
    ).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(noise)
    path.write_bytes(
        struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(noise), 0x004E4942)
        + noise
    )
    return path
