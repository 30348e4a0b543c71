"""A front end's gunicorn: `gunicorn -c deploy/gunicorn.conf.py -b HOST:PORT 'app:create_app()'`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dreamlab import serving
from dreamlab.background import start
from dreamlab.logs import log_to_stderr
from dreamlab.routes import current
from dreamlab.serving import bound_memory
from dreamlab.settings import load

worker_class = "gthread"
workers = 2
# Each worker process runs up to MAX_GENERATIONS generations and MAX_CONVERSIONS conversions.
settings = load()
threads = serving.threads(settings)
# Generations that have ended have some further seconds to be answered.
graceful_timeout = int(settings.shutdown_grace_s) + 10


def post_fork(server: Any, worker: Any) -> None:
    """Set up each process as `python app.py` does."""
    log_to_stderr()
    bound_memory()


def post_worker_init(worker: Any) -> None:
    """Let each process drain after SIGTERM, before it ends by gunicorn's own handler."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def drain(signum: int, frame: Any) -> None:
        current.drain(worker.wsgi, settings.shutdown_grace_s)
        stop(signum, frame)

    signal.signal(signal.SIGTERM, lambda *signalled: start(drain, *signalled))
