"""Seconds from the start to the first answer and to the first model."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from typing import Any, Dict, List

import requests

from benchmarks import photos, servers
from benchmarks.report import Report

ROUNDS = 2


def measure(rounds: int = ROUNDS) -> Report:
    """Measure starts of our app and of an empty Flask app."""
    photo = photos.CHAIR.read_bytes()
    found: Dict[str, List[float]] = {"bare": [], "answer": [], "model": []}
    for _ in range(rounds):
        found["bare"].append(_bare())
        for name, seconds in _ours(photo).items():
            found[name].append(seconds)
    seconds = {name: statistics.median(values) for name, values in found.items()}
    rows = (
        ("an empty Flask app on our server, first answer", "bare"),
        ("`python app.py`, first answer", "answer"),
        ("`python app.py`, first model, requested at the first answer", "model"),
    )
    table: List[List[Any]] = [["", "seconds"]]
    table += [[label, f"**{seconds[name]:.2f}**"] for label, name in rows]
    return Report(
        [table],
        [
            f"Medians of {rounds} starts, with all files in the disk cache.",
            "`gradio_client` is imported in the background, by the first connection.",
        ],
    )


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
