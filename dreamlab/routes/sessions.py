"""Sessions: create and delete."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from dreamlab.errors import SessionNotFound
from dreamlab.routes.answers import no_content
from dreamlab.routes.bearer import require_bearer
from dreamlab.routes.current import generations, settings, store

blueprint = Blueprint("sessions", __name__)


@blueprint.get("/api/generate_session_id")
def generate_session_id() -> Response:
    """Create a session."""
    if settings.api_key is not None:
        require_bearer(
            settings.api_key, "A session needs the header Authorization: Bearer <API key>."
        )
    answer = jsonify(session_id=store.create().id)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.delete("/api/sessions/<string:session_id>")
def delete_session(session_id: str) -> Response:
    """Delete a session with all its files."""
    generations.cancel_all(store.open(session_id), SessionNotFound())
    store.delete(session_id)
    return no_content()
