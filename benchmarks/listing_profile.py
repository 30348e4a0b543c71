"""Where a listing's time goes in Python: Flask alone, without a socket."""

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
# What each part is for, and the file and function that do it.
PARTS: Dict[str, Tuple[str, str]] = {
    "log line and nosniff": ("answers.py", "finish_answer"),
    "CORS headers (flask-cors)": ("extension.py", "cors_after_request"),
    "the session is looked up and touched": ("store.py", "open"),
    "its folder is read": ("session.py", "models"),
    "JSON": ("__init__.py", "jsonify"),
}


def table(sessions: Path) -> List[List[Any]]:
    """Microseconds of a listing and its parts, and of the empty route, called in this process."""
    with Path(os.devnull).open("w") as nowhere:
        with redirect_stderr(nowhere):
            log_to_stderr()
        app = create_app(Settings(engine="http://127.0.0.1:9", sessions_dir=sessions))
        session_id = app.test_client().get("/api/generate_session_id").json["session_id"]
        listing = _caller(app, f"/api/session_models/{session_id}")
        whole_us, empty_us = _us(listing), _us(_caller(create_bare_app(), "/"))
        profile = cProfile.Profile()
        profile.runcall(lambda: [listing() for _ in range(CALLS)])
    spent = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    by_function = {(Path(file).name, name): row[3] for (file, _, name), row in spent.items()}
    us = {part: whole_us * by_function[key] / _total(spent) for part, key in PARTS.items()}
    rows: List[List[Any]] = [["a listing in process", "µs"]]
    rows += [[part, f"{value:.0f}"] for part, value in us.items()]
    rows += [["Flask's routing, contexts and the rest", f"{whole_us - sum(us.values()):.0f}"]]
    return [*rows, ["all", f"**{whole_us:.0f}**"], ["the empty route", f"**{empty_us:.0f}**"]]


def _total(spent: Dict[Any, Any]) -> float:
    return max(float(row[3]) for row in spent.values())


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
