"""Generations: an uploaded photo becomes a model."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any, Dict, Mapping

from flask import Blueprint, Response, g, jsonify, request

from dreamlab.errors import ModelNotFound, SessionNotFound
from dreamlab.generation.form import read_options, read_views
from dreamlab.generation.run import GeneratedModel, Generation, keep_views
from dreamlab.routes import event_stream
from dreamlab.routes.answers import describe_error
from dreamlab.routes.current import generator, settings, store
from dreamlab.routes.models import model_url
from dreamlab.space.progress import ProgressEvent

blueprint = Blueprint("generations", __name__)


@blueprint.post("/api/process_furniture_image/<string:session_id>")
def process_furniture_image(session_id: str) -> Response:
    """Keep the uploaded views and answer with the model made of them, or with its progress."""
    session = store.open(session_id)
    with ExitStack() as held:
        generation_id = held.enter_context(generator.slot(session))
        submitted = read_views(request.files, request.form)
        options = read_options(request.form, settings.generation_defaults)
        hold = held.enter_context(session.uploads.hold())
        views = keep_views(hold, submitted, settings.max_image_megapixels)
        generation = Generation(generation_id, session, views, options)
        g.filename = generation.filename
        if wants_events():
            return answer_events(generation, held.pop_all())
        return jsonify(describe(generation, generator.run(generation), request.url_root))


def describe(generation: Generation, model: GeneratedModel, root: str) -> Dict[str, Any]:
    """Return the answer to a generation that has succeeded. `root` is the URL of the API."""
    session_id = generation.session.id
    answer: Dict[str, Any] = {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": generation.filename,
        "model": model.name,
        "model_url": model_url(root, session_id, model.name),
        "seed": model.seed,
        "engine": model.engine,
    }
    # Somebody may have deleted the model since.
    with suppress(ModelNotFound, SessionNotFound):
        answer.update(describe_size(generation, generation.session.record(model.name)))
    if model.lacks_texture:
        answer["texture"] = False
    if model.warnings:
        answer["warnings"] = list(model.warnings)
    return answer


def describe_size(generation: Generation, record: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the size of a model where one was asked for, and the guess where there is one."""
    guess, described = record["size_guess_cm"], {}
    if generation.options.query_for(guess).size.is_given:
        described["size_cm"] = record["size_cm"]
    if guess is not None:
        described["size_guess_cm"] = guess
    return described


def wants_events() -> bool:
    """Return whether the client asks for an event stream rather than for one answer."""
    types = ["application/json", event_stream.MIMETYPE]
    return request.accept_mimetypes.best_match(types) == event_stream.MIMETYPE


def answer_events(generation: Generation, held: ExitStack) -> Response:
    """Run the generation and return its progress as an event stream. Close `held` at its end."""
    # Only this thread has a request.
    run, root = generator.run, request.url_root

    def work(emit: event_stream.Emit) -> event_stream.Event:
        def on_progress(event: ProgressEvent) -> None:
            emit((type(event).__name__.lower(), event._asdict()))

        with held:
            try:
                return "complete", describe(generation, run(generation, on_progress), root)
            except Exception as error:
                described = describe_error(error, generation.filename)
                return "error", {"status": described.status, **described.body}

    # X-Accel-Buffering tells nginx to pass on each event as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(event_stream.stream(work), mimetype=event_stream.MIMETYPE, headers=headers)
