"""A front end's gunicorn: `gunicorn -c deploy/gunicorn.conf.py -b HOST:PORT 'app:create_app()'`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dreamlab import serving
from dreamlab.background import start
from dreamlab.logs import formatter, log_to_stderr
from dreamlab.routes import current
from dreamlab.serving import bound_memory
from dreamlab.settings import load

settings = load()

worker_class = "gthread"
workers = 2
# Each worker process runs up to MAX_GENERATIONS generations and MAX_CONVERSIONS conversions.
threads = serving.threads(settings)
# Generations that have ended have some further seconds to be answered.
graceful_timeout = int(settings.shutdown_grace_s) + 10
# gunicorn writes its own lines as text, unless it is told how. It then logs each request too, with
# the address of the client.
if settings.log_format == "json":
    logconfig_dict = {
        "formatters": {"json": {"()": formatter, "log_format": "json"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"propagate": True},
            "gunicorn.access": {"level": "WARNING"},
        },
    }


def on_starting(server: Any) -> None:
    """Make an empty folder for the metrics of all processes."""
    if settings.has_metrics:
        address = re.sub(r"\W+", "-", ",".join(server.cfg.bind))
        folder = Path(tempfile.gettempdir()) / f"dreamlab-metrics-{address}"
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def child_exit(server: Any, worker: Any) -> None:
    """Forget what a process that has ended had in flight."""
    if settings.has_metrics:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def post_fork(server: Any, worker: Any) -> None:
    """Set up each process as `python app.py` does."""
    log_to_stderr(settings.log_format)
    bound_memory()


def post_worker_init(worker: Any) -> None:
    """Let each process drain after SIGTERM, before it ends by gunicorn's own handler."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def drain(signum: int, frame: Any) -> None:
        current.drain(worker.wsgi, settings.shutdown_grace_s)
        stop(signum, frame)

    signal.signal(signal.SIGTERM, lambda *signalled: start(drain, *signalled))
