"""Generations: an uploaded photo becomes a model. Each has a URL, and can be cancelled there."""

from __future__ import annotations

from typing import Iterator, Optional

from flask import Blueprint, Response, g, jsonify, request, url_for
from werkzeug.http import parse_list_header

from dreamlab.errors import DreamLabError, GeneratorBusy, to_dict
from dreamlab.generation.description import (
    describe_failure,
    describe_generation,
    describe_result,
)
from dreamlab.generation.form import read_form
from dreamlab.generation.running import RunningGeneration
from dreamlab.routes import event_stream
from dreamlab.routes.answers import no_content
from dreamlab.routes.current import generations, listeners, settings, store
from dreamlab.storage.session import Session

RESPOND_ASYNC = "respond-async"

blueprint = Blueprint("generations", __name__)


@blueprint.post("/api/process_furniture_image/<string:session_id>")
def process_furniture_image(session_id: str) -> Response:
    """Keep the uploaded views and answer with the model made of them, or with its progress."""
    session = store.open(session_id)
    key = request.headers.get("Idempotency-Key")
    form = read_form(request.files, request.form, key, settings)
    g.generation_id = generations.accept(session, form, request.url_root)
    g.filename = session.generations.accepted(g.generation_id)["filename"]
    if prefers_async():
        return answer_accepted(session, g.generation_id)
    return answer_end(generations.find(session, g.generation_id))


@blueprint.get("/api/sessions/<string:session_id>/generations")
def session_generations(session_id: str) -> Response:
    """List a session's generations, newest first."""
    session = store.open(session_id)
    return jsonify(
        session_id=session.id,
        generations=[
            describe_generation(shown, request.url_root) for shown in generations.show_all(session)
        ],
    )


@blueprint.get("/api/sessions/<string:session_id>/generations/<string:generation_id>")
def generation(session_id: str, generation_id: str) -> Response:
    """Describe one generation, or follow it from its present state to its end."""
    session = store.open(session_id)
    generation_id = generation_id.lower()
    if wants_events():
        g.filename = session.generations.accepted(generation_id)["filename"]
        return answer_events(generations.find(session, generation_id))
    return describe_state(session, generation_id)


@blueprint.delete("/api/sessions/<string:session_id>/generations/<string:generation_id>")
def delete_generation(session_id: str, generation_id: str) -> Response:
    """Cancel a generation. Of one that has ended, delete the record."""
    session = store.open(session_id)
    generation_id = generation_id.lower()
    if generations.cancel(session, generation_id):
        cancelled = jsonify(
            describe_generation(generations.show(session, generation_id), request.url_root)
        )
        cancelled.status_code = 202
        return cancelled
    session.generations.delete(generation_id)
    return no_content()


def describe_state(session: Session, generation_id: str) -> Response:
    """Answer with where a generation stands."""
    return jsonify(describe_generation(generations.show(session, generation_id), request.url_root))


def answer_accepted(session: Session, generation_id: str) -> Response:
    """Answer at once, with where the generation can be followed (RFC 7240)."""
    accepted = jsonify(
        describe_generation(generations.show(session, generation_id), request.url_root)
    )
    accepted.status_code = 202
    accepted.headers["Location"] = url_for(
        ".generation", session_id=session.id, generation_id=generation_id
    )
    accepted.headers["Preference-Applied"] = RESPOND_ASYNC
    return accepted


def answer_end(running: RunningGeneration) -> Response:
    """Wait for the end of a generation and answer with its model, or with its events."""
    if wants_events():
        return answer_events(running)
    take_listener()
    try:
        result = running.wait()
    finally:
        listeners.release()
    return jsonify(describe_result(result, request.url_root))


def answer_events(running: RunningGeneration) -> Response:
    """Return the progress of a generation as an event stream, from its present state on."""
    take_listener()
    events = event_stream.stream(follow(running, g.filename, request.url_root))
    # X-Accel-Buffering tells nginx to pass on each event as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    answer = Response(events, mimetype=event_stream.MIMETYPE, headers=headers)
    answer.call_on_close(listeners.release)
    return answer


def take_listener() -> None:
    """Count a request that waits for a generation. Raises GeneratorBusy over the limit."""
    if not listeners.acquire(blocking=False):
        raise GeneratorBusy("Too many requests wait for generations. Ask for its state later.")


def follow(
    running: RunningGeneration,
    filename: str,
    root: str,
    silence_s: float = event_stream.HEARTBEAT_S,
) -> Iterator[Optional[event_stream.Event]]:
    """Yield the events of a generation, and None now and then. `root` is the URL of the API."""
    yield "accepted", {"generation_id": running.id}
    for event in running.follow(silence_s):
        yield event and (type(event).__name__.lower(), event._asdict())
    yield last_event(running, filename, root)


def last_event(running: RunningGeneration, filename: str, root: str) -> event_stream.Event:
    """Return the event that ends the stream of a generation."""
    try:
        return "complete", describe_result(running.wait(), root)
    except DreamLabError as error:
        named = {"filename": filename, "generation_id": running.id}
        return "error", {**describe_failure(to_dict(error)), **named}


def wants_events() -> bool:
    """Return whether the client asks for an event stream rather than for one answer."""
    types = ["application/json", event_stream.MIMETYPE]
    return request.accept_mimetypes.best_match(types) == event_stream.MIMETYPE


def prefers_async() -> bool:
    """Return whether the client wants an answer before the generation has ended."""
    preferences = parse_list_header(",".join(request.headers.getlist("Prefer")))
    return RESPOND_ASYNC in [each.partition(";")[0].strip().lower() for each in preferences]
