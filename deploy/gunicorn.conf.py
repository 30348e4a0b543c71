"""A front end's gunicorn: `gunicorn -c deploy/gunicorn.conf.py -b HOST:PORT 'app:create_app()'`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from server import SPARE_THREADS, bound_memory, log_to_stderr
from settings import load

worker_class = "gthread"
workers = 2
# Each worker process has MAX_GENERATIONS places of its own.
threads = load().max_generations + SPARE_THREADS


def post_fork(server: Any, worker: Any) -> None:
    """What server.py does for one process."""
    log_to_stderr()
    bound_memory()
