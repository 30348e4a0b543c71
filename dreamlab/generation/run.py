"""One generation, from submitted photos to a saved model."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from dreamlab import photos
from dreamlab.clock import timestamp
from dreamlab.errors import (
    ConversionFailed,
    ConversionTimeout,
    DreamLabError,
    GenerationCancelled,
    ModelUnsupported,
    NotAvailable,
)
from dreamlab.forms.catalogue import GLB
from dreamlab.forms.process import Job, convert
from dreamlab.generation.form import UPLOAD_FIELD, Views
from dreamlab.generation.unfinished import QUEUED, Unfinished
from dreamlab.models.query import ModelQuery
from dreamlab.settings import Settings
from dreamlab.space.options import Options
from dreamlab.space.progress import IsCancelled, OnProgress
from dreamlab.storage.generations import End
from dreamlab.storage.session import Session
from dreamlab.storage.uploads import Hold, NewUpload, Upload
from hunyuan_service import HunyuanService, Made

log = logging.getLogger("dreamlab")

Result = Dict[str, Any]


class KeptView(NamedTuple):
    """One view of a generation: the side that it shows, its upload and its checked photo."""

    side: str
    upload: Upload
    photo: photos.Photo


class Generation(NamedTuple):
    """One generation: its id, its session, its views (the front one first) and its options.

    `model` is the reserved name of its model, where more than one attempt may make it.
    """

    id: str
    session: Session
    views: List[KeptView]
    options: Options
    model: Optional[str] = None

    @property
    def filename(self) -> str:
        """The name of the front view's upload, after which the model is named."""
        return self.views[0].upload.name


def keep_views(hold: Hold, views: Views, max_megapixels: float) -> List[KeptView]:
    """Check the photos of one request, then keep all new ones or none. The front one comes first.

    Raises what photos.read, Hold.keep and Hold.take raise.
    """
    reused = []
    if views.upload is not None:
        reused.append(_reopen("front", UPLOAD_FIELD, hold.take(views.upload), max_megapixels))
    submitted = views.submitted
    checked = [photos.read(view.file.stream, view.field, max_megapixels) for view in submitted]
    uploads = hold.keep(
        [
            NewUpload(view.file.stream, view.file.filename or "", photo.suffixes)
            for view, photo in zip(submitted, checked)
        ]
    )
    return reused + [
        KeptView(view.side, upload, photo)
        for view, upload, photo in zip(submitted, uploads, checked)
    ]


def reopen(session: Session, generation_id: str, hold: Hold, max_megapixels: float) -> Generation:
    """Return a generation that another process has accepted, its photos in `hold`.

    Raises GenerationNotFound, UploadNotFound and what photos.read raises.
    """
    accepted = session.generations.accepted(generation_id)
    views = [
        _reopen(side, side, hold.take_back(name), max_megapixels)
        for side, name in accepted["uploads"].items()
    ]
    options = Options(**accepted["options"])
    return Generation(generation_id, session, views, options, accepted["model"])


def _reopen(side: str, field: str, upload: Upload, max_megapixels: float) -> KeptView:
    with upload.open() as file:
        return KeptView(side, upload, photos.read(file, field, max_megapixels))


def complete(session: Session, unfinished: Unfinished, attempt: Callable[[], End]) -> End:
    """Make an attempt and keep how the generation ended. Return the end that counts."""
    try:
        end = attempt()
    except Exception as error:
        end = unfinished.failed(error)
    return keep_end(session, unfinished, end)


def keep_end(session: Session, unfinished: Unfinished, end: End) -> End:
    """Keep how a generation ended, then show its model, or remove it if another end counts.

    Return the end that counts: the generation may have been cancelled. One that goes on has none.
    """
    if end["status"] == QUEUED:
        return end
    try:
        counts = session.end_generation(unfinished.id, end)
        if counts["result"] is not None:
            session.publish(counts["result"]["model"])
    except Exception as error:
        # It was deleted meanwhile, or the disk is full. A failure keeps its own reason.
        counts = end if end["error"] is not None else unfinished.failed(error)
    if end["result"] is not None and counts["result"] is None:
        session.unstage(end["result"]["model"])
    return counts


def run(
    generation: Generation,
    service: HunyuanService,
    settings: Settings,
    on_progress: OnProgress,
    is_cancelled: IsCancelled,
) -> Result:
    """Generate a model and stage it.

    Returns its result. Raises GenerationError, StorageFull, and SessionNotFound if the session is
    deleted meanwhile.
    """
    session, options = generation.session, _settled(generation)
    started, size, outcome = time.monotonic(), 0, "internal_error"
    try:
        with session.draft() as draft, _files(generation) as files:
            made = service.generate(files, options, draft, on_progress, is_cancelled)
            refusals = _change(session, draft, options.query_for(made.size_guess_cm), settings)
            size = draft.stat().st_size
            record = {
                **_record(generation, options, made, draft),
                "engine": service.engine,
                "warnings": [*made.warnings, *refusals],
                "lacks_texture": made.lacks_texture,
                "seconds": round(time.monotonic() - started, 3),
            }
            if is_cancelled():
                raise GenerationCancelled
            name = generation.model or session.reserve(generation.filename)
            session.stage(draft, name, record)
        outcome = "ok"
        return describe(generation, name, record)
    except DreamLabError as error:
        outcome = error.code
        raise
    finally:
        log.info(
            "generation in %(session)s by %(engine)s: %(outcome)s, %(bytes)d bytes, "
            "%(seconds).2f s",
            {
                "session": session.short_id,
                "engine": service.engine,
                "outcome": outcome,
                "bytes": size,
                "seconds": round(time.monotonic() - started, 6),
            },
        )


def describe(generation: Generation, model: str, record: Mapping[str, Any]) -> Result:
    """Return the result of a generation whose model has that record."""
    options, guess = generation.options, record["size_guess_cm"]
    result = {
        "message": "Image saved successfully",
        "session_id": generation.session.id,
        "filename": generation.filename,
        "model": model,
        "seed": record["seed"],
        "engine": record["engine"],
        "generation_id": generation.id,
    }
    if options.query_for(guess).size.is_given:
        result["size_cm"] = record["size_cm"]
    if guess is not None:
        result["size_guess_cm"] = guess
    if record["lacks_texture"]:
        result["texture"] = False
    if record["warnings"]:
        result["warnings"] = record["warnings"]
    return result


def _change(session: Session, draft: Path, query: ModelQuery, settings: Settings) -> List[str]:
    """Give the model what is asked of it. Return why it stays as it is, where it has to."""
    refusals = []
    if query.max_faces is not None:
        try:
            _simplify(session, draft, query.max_faces, settings)
        except (ModelUnsupported, NotAvailable, ConversionFailed, ConversionTimeout) as error:
            refusals.append(str(error))
    if query.size.is_given:
        try:
            draft.write_bytes(ModelQuery(query.size).apply(draft.read_bytes()))
        except ModelUnsupported as error:
            refusals.append(str(error))
    return refusals


def _simplify(session: Session, draft: Path, max_faces: int, settings: Settings) -> None:
    """Give the model fewer faces, in a process of its own: it takes seconds and memory."""
    if not ModelQuery(max_faces=max_faces).changes(draft):
        return
    with session.draft() as simplified:
        job = Job(draft, GLB.suffix, {"max_faces": str(max_faces)})
        convert(job, simplified, settings)
        simplified.replace(draft)


def _record(generation: Generation, options: Options, made: Made, draft: Path) -> Dict[str, Any]:
    """Return what is kept of a generation beside its model."""
    # numpy is not imported before it is needed.
    from dreamlab.models import facts

    return {
        "generation_id": generation.id,
        "seed": made.seed,
        "options": asdict(options),
        "uploads": {view.side: view.upload.name for view in generation.views},
        "created": timestamp(time.time()),
        "size_guess_cm": made.size_guess_cm,
        **facts.read(draft.read_bytes())._asdict(),
    }


def _settled(generation: Generation) -> Options:
    """The options, with the background removed unless each photo is already cut out.

    A generator that removes it drops the alpha channel first, and may cut out something else.
    """
    options = generation.options
    if options.remove_background is None:
        are_cut_out = all(view.photo.is_cut_out for view in generation.views)
        options = replace(options, remove_background=not are_cut_out)
    return options


@contextmanager
def _files(generation: Generation) -> Iterator[Dict[str, Path]]:
    """A temporary file with the picture for the generator, by side."""
    uploads = generation.session.uploads
    with ExitStack() as temporary:
        yield {
            view.side: temporary.enter_context(
                uploads.temporary(view.photo.content, view.photo.suffix)
            )
            for view in generation.views
        }
