"""One generation, from submitted photos to a saved model."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import (
    Any,
    ContextManager,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
)
from typing import Counter as Counts

import images
from errors import ALL_PLACES_TAKEN, SESSION_S_PLACES_TAKEN, DreamLabError, GeneratorBusy
from hunyuan_service import HunyuanService, OnProgress
from order import Options, View
from session_store import Incoming, Session, Upload
from settings import Settings

log = logging.getLogger("dreamlab")


class Source(NamedTuple):
    """One kept view: the side it shows, the upload, and what is known of its image."""

    side: str
    upload: Upload
    photo: images.Photo


class Made(NamedTuple):
    """A saved model's name, which generator made it, and with what seed if it said so."""

    model: str
    seed: Optional[int]
    engine: str


def accept(session: Session, views: List[View], max_megapixels: float) -> List[Source]:
    """Check the photos of one request, then keep all of them or none, the front one first.

    Raises what images.read and Session.keep do.
    """
    photos = [images.read(view.file.stream, view.field, max_megapixels) for view in views]
    uploads = session.keep(
        [
            Incoming(view.file.stream, view.file.filename or "", photo.suffixes)
            for view, photo in zip(views, photos)
        ]
    )
    return [Source(view.side, upload, photo) for view, upload, photo in zip(views, uploads, photos)]


def reopen(session: Session, views: Mapping[str, str], max_megapixels: float) -> List[Source]:
    """The kept views of a generation that another process accepted: upload names by side."""
    sources = []
    for side, name in views.items():
        upload = session.upload(name)
        with session.reading(upload) as file:
            sources.append(Source(side, upload, images.read(file, side, max_megapixels)))
    return sources


def run(
    session: Session,
    sources: List[Source],
    options: Options,
    service: HunyuanService,
    on_progress: OnProgress = lambda news: None,
    name: Optional[str] = None,
) -> Made:
    """Make a model of the sources and save it in the session, as the reserved `name` if given.

    Raises GenerationError, StorageFull, and SessionNotFound if the session is removed meanwhile.
    """
    started, size, outcome = time.monotonic(), 0, "internal_error"
    try:
        with session.draft() as draft, _files(session, sources) as files:
            seed = service.generate(files, options, draft, on_progress)
            size = draft.stat().st_size
            if name is None:
                name = session.save(draft, sources[0].upload.name)
            else:
                session.save_as(draft, name)
        outcome = "ok"
        return Made(name, seed, service.engine)
    except DreamLabError as error:
        outcome = error.code
        raise
    finally:
        log.info(
            "generation in %s by %s: %s, %d bytes, %.2f s",
            session.short_id,
            service.engine,
            outcome,
            size,
            time.monotonic() - started,
        )


@contextmanager
def _files(session: Session, sources: List[Source]) -> Iterator[Dict[str, Path]]:
    """What the generator gets of each side: the upload itself or, for a while, a clean copy."""
    with ExitStack() as copies:
        yield {
            side: upload.path
            if photo.copy is None
            else copies.enter_context(session.scratch(photo.copy, photo.copy_suffix))
            for side, upload, photo in sources
        }


class Capacity:
    """The generations in flight in this process: `limit` at once, `per_session` of one session."""

    def __init__(self, limit: int, per_session: Optional[int] = None) -> None:
        self.limit = limit
        self.in_flight = 0
        self._per_session = per_session or limit
        self._by_session: Counts[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, session: Session) -> Iterator[str]:
        """Hold one of the places, with an id for what is made in it. Raises GeneratorBusy."""
        with self._lock:
            if self.in_flight >= self.limit:
                raise GeneratorBusy(ALL_PLACES_TAKEN)
            if self._by_session[session.id] >= self._per_session:
                raise GeneratorBusy(SESSION_S_PLACES_TAKEN)
            self.in_flight += 1
            self._by_session[session.id] += 1
        try:
            yield str(uuid.uuid4())
        finally:
            with self._lock:
                self.in_flight -= 1
                self._by_session[session.id] -= 1
                self._by_session += Counter()  # forgets those at zero


class Generator(Protocol):
    """Who makes the models that the routes are asked for."""

    def slot(self, session: Session) -> ContextManager[str]:
        """A place among those who wait, with an id for what is made in it."""

    def run(
        self,
        generation_id: str,
        session: Session,
        sources: List[Source],
        options: Options,
        on_progress: OnProgress = ...,
    ) -> Made:
        """Make and save one model, in a place that is held. Raises what the function `run` does."""

    def health(self) -> Dict[str, Any]:
        """What the health route tells, known at once."""

    def close(self) -> None:
        """End what waits, each with GeneratorUnavailable."""


class InProcess:
    """A Generator whose models are made by the threads that ask for them."""

    def __init__(self, service: HunyuanService, settings: Settings) -> None:
        self._service = service
        self._capacity = Capacity(settings.max_generations, settings.max_generations_per_session)

    def slot(self, session: Session) -> ContextManager[str]:
        return self._capacity.slot(session)

    def run(
        self,
        generation_id: str,
        session: Session,
        sources: List[Source],
        options: Options,
        on_progress: OnProgress = lambda news: None,
    ) -> Made:
        return run(session, sources, options, self._service, on_progress)

    def close(self) -> None:
        self._service.close()

    def health(self) -> Dict[str, Any]:
        return {
            "engine": self._service.engine,
            "generator": self._service.state(),
            "generating": self._capacity.in_flight,
            "capacity": self._capacity.limit,
        }
