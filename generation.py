"""One generation, from submitted photos to a saved model."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional

import images
from errors import DreamLabError
from hunyuan_service import HunyuanService, OnProgress
from order import Options, View
from session_store import Incoming, Session, Upload

log = logging.getLogger("dreamlab")


class Source(NamedTuple):
    """One kept view: the side it shows, the upload, and what is known of its image."""

    side: str
    upload: Upload
    photo: images.Photo


class Made(NamedTuple):
    """A saved model's name, and the seed that the generator used if it said so."""

    model: str
    seed: Optional[int]


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


def run(
    session: Session,
    sources: List[Source],
    options: Options,
    service: HunyuanService,
    on_progress: OnProgress = lambda news: None,
) -> Made:
    """Make a model of the sources and save it in the session.

    Raises GenerationError, StorageFull, and SessionNotFound if the session is removed meanwhile.
    """
    started, size, outcome = time.monotonic(), 0, "internal_error"
    try:
        with session.draft() as draft, _files(session, sources) as files:
            seed = service.generate(files, options, draft, on_progress)
            size = draft.stat().st_size
            model = session.save(draft, sources[0].upload.name)
        outcome = "ok"
        return Made(model, seed)
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
