"""One attempt of a generation, from the pictures to a saved model, and how it ended."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Callable, List, Optional

from dreamlab.clock import timestamp
from dreamlab.errors import (
    ConversionFailed,
    ConversionTimeout,
    DreamLabError,
    GenerationCancelled,
    ModelUnsupported,
    NotAvailable,
)
from dreamlab.formats.catalogue import GLB
from dreamlab.formats.process import Job, convert
from dreamlab.generation.running import RunningGeneration
from dreamlab.generation.service import Service
from dreamlab.generation.views import Generation
from dreamlab.models.query import ModelQuery
from dreamlab.settings import Settings
from dreamlab.space.outputs import GeneratedModel
from dreamlab.space.progress import IsCancelled, OnProgress
from dreamlab.storage.records import End, ModelRecord, Result
from dreamlab.storage.session import Session

log = logging.getLogger("dreamlab")


def complete_generation(
    session: Session, running: RunningGeneration, attempt: Callable[[], End]
) -> Optional[End]:
    """Make an attempt and keep how the generation ended. Return the end that counts.

    Returns None where the generation goes on, later or elsewhere: those who wait are told.
    """
    try:
        end = attempt()
    except DreamLabError as error:
        if not error.ends_generation:
            running.interrupt(error)
            return None
        end = running.failed(error)
    except Exception as error:
        end = running.failed(error)
    return keep_end(session, running, end)


def keep_end(session: Session, running: RunningGeneration, end: End) -> End:
    """Keep how a generation ended, then show its model, or remove it if another end counts.

    Return the end that counts: the generation may have been cancelled.
    """
    try:
        counts = session.end_generation(running.id, end)
        if counts["result"] is not None:
            session.publish(counts["result"]["model"])
    except Exception as error:
        # It was deleted meanwhile, or the disk is full. A failure keeps its own reason.
        counts = end if end["error"] is not None else running.failed(error)
    if end["result"] is not None and counts["result"] is None:
        session.unstage(end["result"]["model"])
    return counts


def generate_model(
    generation: Generation,
    service: Service,
    settings: Settings,
    on_progress: OnProgress,
    is_cancelled: IsCancelled,
) -> Result:
    """Generate a model and stage it.

    Returns its result. Raises GenerationError, StorageFull, and SessionNotFound if the session is
    deleted meanwhile.
    """
    session, options = generation.session, generation.options
    started, size, outcome = time.monotonic(), 0, "internal_error"
    try:
        with session.draft() as draft:
            pictures = generation.pictures
            made = service.generate(pictures, options, draft, on_progress, is_cancelled)
            refusals = _change(session, draft, options.query_for(made.size_guess_cm), settings)
            size = draft.stat().st_size
            record = _record(generation, made, draft, service.engine, refusals)
            record["seconds"] = round(time.monotonic() - started, 3)
            if is_cancelled():
                raise GenerationCancelled
            name = generation.model or session.reserve(generation.filename)
            session.stage(draft, name, record)
        outcome = "ok"
        return result_of(generation, name, record)
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


def result_of(generation: Generation, model: str, record: ModelRecord) -> Result:
    """Return the result of a generation whose model has that record."""
    guess = record["size_guess_cm"]
    result: Result = {
        "message": "Image saved successfully",
        "session_id": generation.session.id,
        "filename": generation.filename,
        "model": model,
        "seed": record["seed"],
        "engine": str(record["engine"]),
        "generation_id": generation.id,
    }
    if generation.options.query_for(guess).size.is_given:
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


def _record(
    generation: Generation, made: GeneratedModel, draft: Path, engine: str, refusals: List[str]
) -> ModelRecord:
    """Return the record of a model, but for the seconds that it took."""
    # numpy is not imported before it is needed.
    from dreamlab.models import facts

    found = facts.read(draft.read_bytes())
    return {
        "generation_id": generation.id,
        "engine": engine,
        "seed": made.seed,
        "options": asdict(generation.options),
        "uploads": generation.uploads,
        "created": timestamp(time.time()),
        "size_guess_cm": made.size_guess_cm,
        "warnings": [*made.warnings, *refusals],
        "lacks_texture": made.lacks_texture,
        "triangles": found.triangles,
        "size_cm": found.size_cm,
        "texture": found.texture,
    }
