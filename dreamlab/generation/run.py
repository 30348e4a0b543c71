"""One generation, from submitted photos to a saved model."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from dreamlab import photos
from dreamlab.errors import DreamLabError
from dreamlab.generation.form import View
from dreamlab.space.options import Options
from dreamlab.space.progress import OnProgress, ignore_progress
from dreamlab.storage.session import NewUpload, Session, Upload
from hunyuan_service import HunyuanService

log = logging.getLogger("dreamlab")


class KeptView(NamedTuple):
    """One view of a generation: the side that it shows, its upload and its checked photo."""

    side: str
    upload: Upload
    photo: photos.Photo


class Generation(NamedTuple):
    """One generation: its id, its session, its views (the front one first) and its options."""

    id: str
    session: Session
    views: List[KeptView]
    options: Options

    @property
    def filename(self) -> str:
        """The name of the front view's upload, after which the model is named."""
        return self.views[0].upload.name


class GeneratedModel(NamedTuple):
    """A saved model: its name, its seed where it counted, its engine, and what it lacks."""

    name: str
    seed: Optional[int]
    engine: str
    warnings: Sequence[str] = ()
    lacks_texture: bool = False


def keep_views(session: Session, views: List[View], max_megapixels: float) -> List[KeptView]:
    """Check the photos of one request, then keep all of them or none, the front one first.

    Raises what photos.read and Session.keep raise.
    """
    checked = [photos.read(view.file.stream, view.field, max_megapixels) for view in views]
    uploads = session.keep(
        [
            NewUpload(view.file.stream, view.file.filename or "", photo.suffixes)
            for view, photo in zip(views, checked)
        ]
    )
    return [
        KeptView(view.side, upload, photo) for view, upload, photo in zip(views, uploads, checked)
    ]


def reopen_views(
    session: Session, names: Mapping[str, str], max_megapixels: float
) -> List[KeptView]:
    """Return the views that another process has kept. `names` has their uploads, by side."""
    views = []
    for side, name in names.items():
        upload = session.upload(name)
        with session.open_upload(upload) as file:
            views.append(KeptView(side, upload, photos.read(file, side, max_megapixels)))
    return views


def run(
    generation: Generation,
    service: HunyuanService,
    on_progress: OnProgress = ignore_progress,
    reserved_name: Optional[str] = None,
) -> GeneratedModel:
    """Generate a model and save it, under the reserved name if there is one.

    Raises GenerationError, StorageFull, and SessionNotFound if the session is deleted meanwhile.
    """
    session, options = generation.session, generation.options
    started, size, outcome = time.monotonic(), 0, "internal_error"
    try:
        with session.draft() as draft, _files(generation) as files:
            made = service.generate(files, options, draft, on_progress)
            size = draft.stat().st_size
            if reserved_name is None:
                name = session.save(draft, generation.filename)
            else:
                name = reserved_name
                session.save_reserved(draft, name)
        outcome = "ok"
        return GeneratedModel(name, made.seed, service.engine, made.warnings, made.lacks_texture)
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
def _files(generation: Generation) -> Iterator[Dict[str, Path]]:
    """The file for the generator, by side: the upload itself or a temporary clean copy."""
    with ExitStack() as copies:
        files = {}
        for side, upload, photo in generation.views:
            files[side] = upload.path
            if photo.copy is not None:
                copy = generation.session.temporary_upload(photo.copy, photo.copy_suffix)
                files[side] = copies.enter_context(copy)
        yield files
