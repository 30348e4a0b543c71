"""A session's uploads: list and delete. No route sends a photo."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from dreamlab.clock import timestamp
from dreamlab.routes.answers import no_content
from dreamlab.routes.current import store

blueprint = Blueprint("uploads", __name__)


@blueprint.get("/api/sessions/<string:session_id>/uploads")
def session_uploads(session_id: str) -> Response:
    """List a session's uploads, oldest first."""
    session = store.open(session_id)
    uploads = [
        {"filename": upload.name, "bytes": upload.size, "created": timestamp(upload.created)}
        for upload in session.uploads.list()
    ]
    return jsonify(session_id=session.id, uploads=uploads)


@blueprint.delete("/api/sessions/<string:session_id>/uploads/<string:filename>")
def delete_upload(session_id: str, filename: str) -> Response:
    """Delete one upload."""
    store.open(session_id).delete_upload(filename)
    return no_content()
