"""Generations: an uploaded photo becomes a model."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any, Callable, Dict

from flask import Blueprint, Response, g, jsonify, request

from dreamlab.generation.form import read_options, read_views
from dreamlab.generation.run import GeneratedModel, keep_views
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
        submitted, options = read_views(request.files), read_options(request.form)
        views = keep_views(session, submitted, settings.max_image_megapixels)
        g.filename = views[0].upload.name
        generate = partial(generator.run, generation_id, session, views, options)
        describe = partial(describe_model, request.url_root, session.id, g.filename)
        if wants_events():
            return answer_events(generate, describe, g.filename, held.pop_all())
        return jsonify(describe(generate()))


def describe_model(
    root: str, session_id: str, filename: str, model: GeneratedModel
) -> Dict[str, Any]:
    """Return the answer to a generation that has succeeded."""
    return {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": filename,
        "model": model.name,
        "model_url": model_url(root, session_id, model.name),
        "seed": model.seed,
        "engine": model.engine,
    }


def wants_events() -> bool:
    """Return whether the client asks for an event stream rather than for one answer."""
    types = ["application/json", event_stream.MIMETYPE]
    return request.accept_mimetypes.best_match(types) == event_stream.MIMETYPE


def answer_events(
    generate: Callable[..., GeneratedModel],
    describe: Callable[[GeneratedModel], Dict[str, Any]],
    filename: str,
    held: ExitStack,
) -> Response:
    """Return the progress of `generate` as an event stream. `held` is closed when it ends."""

    def work(emit: event_stream.Emit) -> event_stream.Event:
        def on_progress(event: ProgressEvent) -> None:
            emit((type(event).__name__.lower(), event._asdict()))

        with held:
            try:
                return "complete", describe(generate(on_progress))
            except Exception as error:
                described = describe_error(error, filename)
                return "error", {"status": described.status, **described.body}

    # X-Accel-Buffering tells nginx to pass on each event as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(event_stream.stream(work), mimetype=event_stream.MIMETYPE, headers=headers)
