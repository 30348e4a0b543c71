"""Seconds from the start to the first answer and the first model, and the cost of the imports."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Any, Dict, List, Tuple

import requests

from benchmarks import photos, servers
from benchmarks.report import Report

ROUNDS = 2
SHOWN = 12
OURS, BARE = "app", "flask"


def measure(rounds: int = ROUNDS) -> Report:
    """Measure starts of our app and of an empty Flask app, then the imports of both."""
    photo = photos.CHAIR.read_bytes()
    found: Dict[str, List[float]] = {"bare": [], "answer": [], "model": []}
    for _ in range(rounds):
        found["bare"].append(_bare())
        for name, seconds in _ours(photo).items():
            found[name].append(seconds)
    seconds = {name: statistics.median(values) for name, values in found.items()}
    imports = {name: _imports(name, rounds) for name in (OURS, BARE)}
    rows = (
        ("an empty Flask app on our server, first answer", "bare"),
        ("`python app.py`, first answer", "answer"),
        ("`python app.py`, first model, requested at the first answer", "model"),
    )
    table: List[List[Any]] = [["", "seconds"]]
    table += [[label, f"**{seconds[name]:.2f}**"] for label, name in rows]
    modules, total_ms = imports[OURS]
    _, flask_ms = imports[BARE]
    by_package: List[List[Any]] = [["imports of app.py, by package", "ms"]]
    by_package += [[f"`{name}`", f"{ms:.0f}"] for name, ms in modules[:SHOWN]]
    by_package += [["total", f"**{total_ms:.0f}**"]]
    by_package += [["`import flask` alone", f"**{flask_ms:.0f}**"]]
    return Report(
        [table, by_package],
        [
            f"Medians of {rounds} starts, with all files in the disk cache. Imports: each module's "
            "own time by `-X importtime`, summed by package. `-X importtime` adds some time.",
            "`gradio_client` is imported in the background, by the first connection.",
        ],
        lambda figure: _draw(figure, modules[:SHOWN]),
    )


def _draw(figure: Any, modules: List[Tuple[str, float]]) -> None:
    axes = figure.subplots()
    names = [name for name, _ in reversed(modules)]
    axes.barh(names, [ms for _, ms in reversed(modules)])
    axes.set_xlabel("ms of import, own time by package")


def _bare() -> float:
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        start = time.perf_counter()
        server = stack.enter_context(servers.ours(folder, "benchmarks.bare_app"))
        requests.get(server.url + "/").raise_for_status()
        return time.perf_counter() - start


def _ours(photo: bytes) -> Dict[str, float]:
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        start = time.perf_counter()
        server = stack.enter_context(servers.ours(folder, HUNYUAN_SPACE_ID="local"))

        session_id = servers.session(server.url)
        answer_s = time.perf_counter() - start
        server.post(session_id, photo).raise_for_status()
        model_s = time.perf_counter() - start
        return {"answer": answer_s, "model": model_s}


def _imports(module: str, rounds: int) -> Tuple[List[Tuple[str, float]], float]:
    """Return the milliseconds by package, longest first, and in total, of the fastest import."""
    found = []
    for _ in range(rounds):
        output = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", f"import {module}"],
            cwd=servers.PROJECT,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        packages: Dict[str, float] = {}
        for line in output.splitlines()[1:]:
            own, _, name = line[len("import time:") :].split("|")
            package = name.strip().partition(".")[0]
            if own.strip().isdigit():
                packages[package] = packages.get(package, 0.0) + int(own) / 1000
        found.append(packages)
    best = min(found, key=lambda packages: sum(packages.values()))
    return sorted(best.items(), key=lambda item: -item[1]), sum(best.values())
