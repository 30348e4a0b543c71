"""Sessions: create and delete."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request

from dreamlab.errors import SessionNotFound, Unauthorized
from dreamlab.routes.answers import no_content
from dreamlab.routes.current import generations, settings, store

blueprint = Blueprint("sessions", __name__)


@blueprint.get("/api/generate_session_id")
def generate_session_id() -> Response:
    """Create a session."""
    require_api_key()
    answer = jsonify(session_id=store.create().id)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.delete("/api/sessions/<string:session_id>")
def delete_session(session_id: str) -> Response:
    """Delete a session with all its files."""
    generations.cancel_all(store.open(session_id), SessionNotFound())
    store.delete(session_id)
    return no_content()


def require_api_key() -> None:
    """Raise Unauthorized unless the request carries the API key, if one is configured."""
    if settings.api_key is None:
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # WSGI decodes the bytes of a header as Latin-1.
    given = token.strip().encode("latin-1", "replace")
    is_right = hmac.compare_digest(given, settings.api_key.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise Unauthorized("A session needs the header Authorization: Bearer <API key>.")
