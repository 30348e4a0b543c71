"""A session's models: list, download and delete."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, jsonify, send_file

from dreamlab.models import glb
from dreamlab.routes.answers import no_content
from dreamlab.routes.current import settings, store

# A model never changes under its name, and only those who know the session may see it.
CACHE_CONTROL = "private, max-age=31536000, immutable"

blueprint = Blueprint("models", __name__)


@blueprint.get("/api/session_models/<string:session_id>")
def session_models(session_id: str) -> Response:
    """List a session's models, oldest first."""
    session = store.open(session_id)
    return jsonify(session_id=session.id, models=session.models())


@blueprint.get("/api/sessions/<string:session_id>/models/<string:name>")
@blueprint.get("/sessions/<string:session_id>/models/<string:name>")
def model(session_id: str, name: str) -> Response:
    """Send one model."""
    answer = _send(store.open(session_id).model(name))
    answer.headers["Cache-Control"] = CACHE_CONTROL
    return answer


@blueprint.delete("/api/sessions/<string:session_id>/models/<string:name>")
def delete_model(session_id: str, name: str) -> Response:
    """Delete one model."""
    store.open(session_id).delete_model(name)
    return no_content()


@blueprint.delete("/api/delete_all_models/<string:session_id>")
def delete_all_models(session_id: str) -> Response:
    """Delete every model of a session, and the photos that no running generation needs."""
    session = store.open(session_id)
    session.delete_models()
    session.uploads.delete_unused()
    return no_content()


def _send(path: Path) -> Response:
    """Send the file, with ranges and ETag, or tell the nginx in front to send it."""
    if settings.sendfile is None:
        return send_file(path, mimetype=glb.MIMETYPE, download_name=path.name, conditional=True)
    answer = Response(mimetype=glb.MIMETYPE)
    answer.headers.set("Content-Disposition", "inline", filename=path.name)
    location = settings.sendfile + path.relative_to(settings.sessions_dir).as_posix()
    answer.headers["X-Accel-Redirect"] = location
    return answer


def model_url(root: str, session_id: str, name: str) -> str:
    """Return the absolute URL of a model. Names of models need no percent-encoding."""
    return f"{root}sessions/{session_id}/models/{name}"
