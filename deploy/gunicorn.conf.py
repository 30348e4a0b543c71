"""A front end's gunicorn: `gunicorn -c deploy/gunicorn.conf.py -b HOST:PORT 'app:create_app()'`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dreamlab import serving
from dreamlab.logs import formatter, log_to_stderr
from dreamlab.serving import bound_memory
from dreamlab.settings import load

settings = load()

worker_class = "gthread"
workers = 2
# Each worker process runs up to MAX_GENERATIONS generations and MAX_CONVERSIONS conversions.
threads = serving.threads(settings)
# gunicorn writes its own lines as text, unless it is told how.
if settings.log_format == "json":
    logconfig_dict = {
        "formatters": {"json": {"()": formatter, "log_format": "json"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {name: {"propagate": True} for name in ("gunicorn.error", "gunicorn.access")},
    }


def on_starting(server: Any) -> None:
    """Make a new folder for the metrics of all processes."""
    if settings.has_metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="dreamlab-metrics-")


def on_exit(server: Any) -> None:
    """Remove the folder of the metrics."""
    if settings.has_metrics:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    """Forget what a process that has ended had in flight."""
    if settings.has_metrics:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def post_fork(server: Any, worker: Any) -> None:
    """Set up each process as `python app.py` does."""
    log_to_stderr(settings.log_format)
    bound_memory()
