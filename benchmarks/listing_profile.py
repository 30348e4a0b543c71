"""Profiles the listing route inside one process, without a server."""

from __future__ import annotations

import cProfile
import os
import pstats
import timeit
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from flask import Flask
from werkzeug.test import EnvironBuilder

from app import create_app
from benchmarks.bare_app import create_app as create_bare_app
from dreamlab.logs import log_to_stderr
from dreamlab.settings import Settings

CALLS = 1000
# The parts of a listing, each with the file and the function that implement it.
PARTS: Dict[str, Tuple[str, str]] = {
    "log line and nosniff": ("answers.py", "finish_answer"),
    "CORS headers (flask-cors)": ("extension.py", "cors_after_request"),
    "opening the session": ("store.py", "open"),
    "reading its folder": ("session.py", "models"),
    "JSON": ("__init__.py", "jsonify"),
}


def table(sessions: Path) -> List[List[Any]]:
    """Return a table of the microseconds of a listing, of its parts, and of the empty route."""
    with Path(os.devnull).open("w") as null:
        with redirect_stderr(null):
            log_to_stderr()
        app = create_app(Settings(engine="http://127.0.0.1:9", sessions_dir=sessions))
        session_id = app.test_client().get("/api/generate_session_id").json["session_id"]
        listing = _caller(app, f"/api/session_models/{session_id}")
        listing_us, empty_us = _us(listing), _us(_caller(create_bare_app(), "/"))
        profile = cProfile.Profile()
        profile.runcall(lambda: [listing() for _ in range(CALLS)])
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    by_function = {(Path(file).name, name): row[3] for (file, _, name), row in stats.items()}
    us = {part: listing_us * by_function[key] / _total(stats) for part, key in PARTS.items()}
    rows: List[List[Any]] = [["a listing without a server", "µs"]]
    rows += [[part, f"{value:.0f}"] for part, value in us.items()]
    rows += [["Flask's routing, contexts and the rest", f"{listing_us - sum(us.values()):.0f}"]]
    return [
        *rows,
        ["the listing", f"**{listing_us:.0f}**"],
        ["the empty route", f"**{empty_us:.0f}**"],
    ]


def _total(stats: Dict[Any, Any]) -> float:
    return max(float(row[3]) for row in stats.values())


def _caller(app: Flask, path: str) -> Callable[[], None]:
    environ = EnvironBuilder(path=path).get_environ()

    def call() -> None:
        answer: Any = app(dict(environ), lambda status, headers, error=None: None)
        b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()

    return call


def _us(function: Callable[[], None]) -> float:
    return min(timeit.repeat(function, number=CALLS // 5, repeat=5)) / (CALLS // 5) * 1e6
