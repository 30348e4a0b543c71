"""Formats of a model: seconds and memory of each, the error of fewer faces, the list meanwhile."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import requests

from benchmarks import dense_meshes, servers
from benchmarks.report import Report

PIECES = ("chair", "couch", "bookcase", "armchair")
KINDS = "plain", "textured"
FACES = SMALL, LARGE = 40_000, 450_000
SUFFIXES = (".usdz", ".obj.zip", ".stl", ".ply", ".png", ".webp")
ROUNDS = 3
DATA = servers.PROJECT / "tests" / "data" / "pieces"
MEMORY_MB = 16_384
# The usage that the system reports counts the memory of the parent, too.
WATCHED = """
from pathlib import Path
from dreamlab.formats import child
child.main()
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0], flush=True)
"""


class Run(NamedTuple):
    """One conversion in its own process: its seconds, start included, its peak MB, its bytes."""

    seconds: float
    peak_mb: float
    content: bytes


def measure() -> Report:
    """Convert plain and textured models of two sizes, then measure the list meanwhile."""
    with servers.scratch() as folder:
        models = _models(folder)
        runs = {key: _formats(path, folder) for key, path in models.items()}
        errors = [_error(name, folder) for name in PIECES]
        meanwhile = _meanwhile(folder, models["plain", LARGE])
    return Report(
        [_format_table(runs), _error_table(errors), meanwhile],
        [
            f"Each conversion is one process with its start: medians of {ROUNDS}. The models are "
            "marching cubes around a chair, as dense as Hunyuan3D's; the texture is one of "
            "1024 pixels, projected from the front, with one seam.",
            "Error: distances between the two surfaces, both ways, at 40,000 points each, in per "
            "mille of the longest side. Aim: 1 ‰ in the mean.",
            "The list meanwhile: wrk with 4 connections while four clients ask for formats that "
            "are not there yet, two at a time (MAX_CONVERSIONS). Aim: 2 times the idle p99.",
        ],
    )


def _models(folder: Path) -> Dict[Tuple[str, int], Path]:
    found = {}
    for faces in FACES:
        plain = dense_meshes.dense(DATA / "chair.glb", faces)
        for kind, mesh in zip(KINDS, (plain, dense_meshes.textured(plain))):
            found[kind, faces] = folder / f"{kind}-{faces}.glb"
            mesh.export(found[kind, faces])
    return found


def _formats(path: Path, folder: Path) -> Dict[str, Run]:
    found = {suffix: _run(path, folder, suffix) for suffix in SUFFIXES}
    found["height_cm"] = _run(path, folder, ".glb", height_cm="90")
    found["max_faces"] = _run(path, folder, ".glb", max_faces=str(SMALL))
    return found


def _run(source: Path, folder: Path, suffix: str, **query: str) -> Run:
    runs = [_run_once(source, folder / f"model{suffix}", suffix, query) for _ in range(ROUNDS)]
    return sorted(runs)[ROUNDS // 2]


def _run_once(source: Path, target: Path, suffix: str, query: Dict[str, str]) -> Run:
    job = {
        "source": str(source),
        "suffix": suffix,
        "query": query,
        "target": str(target),
        "memory_mb": MEMORY_MB,
    }
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", WATCHED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=servers.PROJECT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        answer, peak_kb = process.stdout.read().split(b"\n")[:2]
    if answer != b"{}":
        raise RuntimeError(f"the conversion to {suffix} failed: {answer!r}")
    return Run(time.monotonic() - start, int(peak_kb) / 1024, target.read_bytes())


def _error(name: str, folder: Path) -> Tuple[str, List[float], List[int]]:
    """The mean and the 95th percentile of the error of both kinds, and the faces that are left."""
    plain = dense_meshes.dense(DATA / f"{name}.glb", LARGE)
    found: List[float] = []
    faces = [len(plain.faces)]
    for mesh in (plain, dense_meshes.textured(plain)):
        path = folder / "model.glb"
        mesh.export(path)
        content = _run_once(path, folder / "fewer.glb", ".glb", {"max_faces": str(SMALL)}).content
        made = dense_meshes.load(content)
        distances = dense_meshes.error(made, plain)
        found += [float(distances.mean()), float(np.percentile(distances, 95))]
        faces.append(len(made.faces))
    return name, found, faces


def _meanwhile(folder: Path, model: Path) -> List[List[Any]]:
    """The list's and the page's p99 when idle, and while four models are converted."""
    with servers.ours(folder / "server") as server:
        session_id = servers.session(server.url)
        models = server.sessions / session_id / "models"
        for number in range(4):
            (models / f"chair-{number}.glb").write_bytes(model.read_bytes())
        listing = f"{server.url}/api/sessions/{session_id}/models"
        requests.get(listing, timeout=60)
        urls = {"the described list": listing, "the page": server.url + "/"}
        idle = {name: _p99(url) for name, url in urls.items()}
        busy: Dict[str, float] = {}
        stop = threading.Event()
        threads = [
            threading.Thread(target=_convert, args=(f"{listing}/chair-{number}", stop))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        time.sleep(1)
        busy = {name: _p99(url) for name, url in urls.items()}
        stop.set()
        for thread in threads:
            thread.join()
    table: List[List[Any]] = [["p99, ms", "idle", "while converting", "ratio"]]
    for name in urls:
        ratio = f"**{busy[name] / idle[name]:.2f}**"
        table.append([name, f"{idle[name]:.1f}", f"{busy[name]:.1f}", ratio])
    return table


def _convert(url: str, stop: threading.Event) -> None:
    height = 100
    while not stop.is_set():
        answer = requests.get(f"{url}.usdz?height_cm={height}", timeout=120)
        if answer.status_code != 503:
            answer.raise_for_status()
        height += 1


def _p99(url: str) -> float:
    return statistics.median(servers.wrk(url, 4, 3).p99_ms for _ in range(3))


def _format_table(runs: Dict[Tuple[str, int], Dict[str, Run]]) -> List[List[Any]]:
    heads = [f"{kind}, {faces:,}: {what}" for kind, faces in runs for what in ("s", "MB", "bytes")]
    table: List[List[Any]] = [["format", *heads]]
    for name in next(iter(runs.values())):
        row: List[Any] = [name.lstrip(".")]
        for found in runs.values():
            run = found[name]
            row += [f"**{run.seconds:.2f}**", f"{run.peak_mb:.0f}", f"{len(run.content):,}"]
        table.append(row)
    return table


def _error_table(errors: List[Tuple[str, List[float], List[int]]]) -> List[List[Any]]:
    table: List[List[Any]] = [
        ["piece", "faces", "left", "mean, ‰", "95 %, ‰"]
        + [f"textured: {what}" for what in ("left", "mean, ‰", "95 %, ‰")]
    ]
    for name, found, (before, plain, coloured) in errors:
        numbers = [f"**{found[0]:.2f}**", f"{found[1]:.2f}"]
        of_textured = [f"**{found[2]:.2f}**", f"{found[3]:.2f}"]
        table.append([name, f"{before:,}", f"{plain:,}", *numbers, f"{coloured:,}", *of_textured])
    return table
