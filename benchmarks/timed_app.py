"""Our app with timers around some functions. Writes a JSON line per generation to a file."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict

import app
from dreamlab import photos
from dreamlab.routes import generations
from dreamlab.space.reconnect import Connector
from dreamlab.storage.session import Session
from hunyuan_service import HunyuanService

_spans = threading.local()


def _timed(owner: Any, name: str, stage: str) -> None:
    function: Callable[..., Any] = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            # time.monotonic() is the same clock in all processes, so the benchmark can compare.
            _thread_spans()[stage] = (start, time.monotonic())

    setattr(owner, name, timed)


def _thread_spans() -> Dict[str, Any]:
    if not hasattr(_spans, "found"):
        _spans.found = {}
    found: Dict[str, Any] = _spans.found
    return found


def _logged(function: Callable[..., Any]) -> Callable[..., Any]:
    def logged(*args: Any, **kwargs: Any) -> Any:
        with Path(os.environ["BENCHMARK_SPANS"]).open("a") as file:
            file.write(json.dumps(_thread_spans()) + "\n")
        return function(*args, **kwargs)

    return logged


if __name__ == "__main__":
    _timed(generations, "read_views", "form")
    _timed(photos, "read", "check")
    _timed(Session, "keep", "keep")
    _timed(Connector, "connected", "connect")
    _timed(HunyuanService, "_wait_for", "wait")
    _timed(HunyuanService, "_download", "download")
    _timed(Session, "save", "save")
    generations.describe = _logged(generations.describe)  # type: ignore[assignment]
    status = app.main()
    sys.stdout.flush()
    os._exit(status)
