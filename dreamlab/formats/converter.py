"""Makes formats of models in child processes, and keeps them beside the model.

At most MAX_CONVERSIONS processes run at once, each for CONVERSION_TIMEOUT_S. A few requests wait
for a place; two for the same format wait for the same process.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping

from dreamlab import metrics
from dreamlab.errors import DreamLabError, GeneratorBusy
from dreamlab.formats import catalogue
from dreamlab.formats.catalogue import FormatQuery
from dreamlab.formats.process import Job, convert
from dreamlab.settings import Settings
from dreamlab.storage.formats import KeptFormats
from dreamlab.storage.session import Session

# What a format looks like. A change of it makes those that are kept beside models anew.
VERSION = 2
# A gallery asks for all its pictures at once: so many requests may wait, and so long.
WAITING = 16
_WAIT_S, _RETRY_AFTER_S = 10.0, 5
_BUSY = "Too many models are being converted at the moment. Try again soon."
log = logging.getLogger("dreamlab")


class Converter:
    """The conversions of one server process, within the limits of its settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requests = threading.Semaphore(settings.max_conversions + WAITING)
        self._places = threading.Semaphore(settings.max_conversions)
        self._running: Dict[Path, Future[Path]] = {}
        self._lock = threading.Lock()

    def path(self, session: Session, name: str, texts: Mapping[str, str]) -> Path:
        """Return the path of the format that `name` and the query `texts` mean.

        Raises ModelNotFound, ModelUnsupported, InvalidOption, GeneratorBusy, and what a conversion
        ends with.
        """
        model, wanted = catalogue.split(name)
        source = session.model(model)
        query = FormatQuery.parse(texts, wanted)
        if wanted is catalogue.GLB and not query.model.changes(source):
            return source
        kept = session.formats(model)
        path = kept.path(f"{VERSION}-{query.digest()}{wanted.suffix}")
        if path.exists():
            return path

        def make() -> Path:
            return self._make(session, kept, path, Job(source, wanted.suffix, texts))

        with _one_of(self._requests, 0):
            return self._once(path, make)

    def _once(self, path: Path, make: Callable[[], Path]) -> Path:
        """Return what `make` returns, or what it returns to another request for this path."""
        with self._lock:
            other = self._running.get(path)
            own: Future[Path] = Future()
            if other is None:
                self._running[path] = own
        if other is not None:
            return other.result()
        try:
            own.set_result(make())
        except BaseException as error:
            own.set_exception(error)
        finally:
            with self._lock:
                del self._running[path]
        return own.result()

    def _make(self, session: Session, kept: KeptFormats, path: Path, job: Job) -> Path:
        if path.exists():
            return path
        started, outcome = time.monotonic(), "internal_error"
        try:
            with _one_of(self._places, _WAIT_S), session.draft() as draft:
                convert(job, draft, self._settings)
                kept.save(draft, path)
            outcome = "ok"
        except DreamLabError as error:
            outcome = error.code
            raise
        finally:
            metrics.count_conversion(job.suffix[1:], outcome)
            log.info(
                "conversion to %(form)s: %(outcome)s, %(seconds).2f s",
                {
                    "form": job.suffix[1:],
                    "outcome": outcome,
                    "seconds": round(time.monotonic() - started, 6),
                },
            )
        return path


@contextmanager
def _one_of(semaphore: threading.Semaphore, wait_s: float) -> Iterator[None]:
    """Take one of the places, and give it back. Raises GeneratorBusy."""
    if not semaphore.acquire(timeout=wait_s):
        raise GeneratorBusy(_BUSY, _RETRY_AFTER_S)
    try:
        yield
    finally:
        semaphore.release()
