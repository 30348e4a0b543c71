"""A session's models: list, download and delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping

from flask import Blueprint, Response, jsonify, request, send_file

from dreamlab.formats import catalogue
from dreamlab.generation.description import model_url
from dreamlab.models import glb
from dreamlab.routes.answers import no_content
from dreamlab.routes.current import converter, settings, store
from dreamlab.storage.session import ListedModel

# A model never changes under its name, and only those who know the session may see it.
CACHE_CONTROL = "private, max-age=31536000, immutable"
# The format of a model that is its small picture.
THUMBNAIL_SUFFIX = ".webp"
# What the list says of a model's record.
_OF_RECORD = (
    "created",
    "engine",
    "seed",
    "generation_id",
    "triangles",
    "size_cm",
    "texture",
)

blueprint = Blueprint("models", __name__)


@blueprint.get("/api/session_models/<string:session_id>")
def session_models(session_id: str) -> Response:
    """List a session's models, oldest first."""
    session = store.open(session_id)
    return jsonify(session_id=session.id, models=session.models())


@blueprint.get("/api/sessions/<string:session_id>/models")
def described_models(session_id: str) -> Response:
    """List a session's models with what is known of each, oldest first."""
    session = store.open(session_id)
    models = [describe(session.id, listed, request.url_root) for listed in session.listed_models()]
    return jsonify(session_id=session.id, models=models)


def describe(session_id: str, listed: ListedModel, root: str) -> Dict[str, Any]:
    """Return what the list says of a model. `root` is the URL of the API."""
    url = model_url(root, session_id, listed.name)
    record: Mapping[str, Any] = listed.record
    return {
        "model": listed.name,
        "model_url": url,
        "thumbnail_url": url[: -len(glb.SUFFIX)] + THUMBNAIL_SUFFIX,
        "bytes": listed.size,
        **{name: record[name] for name in _OF_RECORD},
    }


@blueprint.get("/api/sessions/<string:session_id>/models/<string:name>")
@blueprint.get("/sessions/<string:session_id>/models/<string:name>")
def model(session_id: str, name: str) -> Response:
    """Send one model, in the format that the end of its name says."""
    answer = _send(converter.path(store.open(session_id), name, request.args), name)
    answer.headers["Cache-Control"] = CACHE_CONTROL
    return answer


@blueprint.get("/api/sessions/<string:session_id>/models/<string:name>/report")
def model_report(session_id: str, name: str) -> Response:
    """Describe one model, or what the query would make of it, and where it can be shown."""
    # numpy is not imported before it is needed.
    from dreamlab.models.report import report

    session = store.open(session_id)
    session.model(name)
    content = converter.path(session, name, request.args).read_bytes()
    return jsonify(session_id=session.id, model=name, **report(content))


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
    session.delete_unused_uploads()
    return no_content()


def _send(path: Path, name: str) -> Response:
    """Send the file, with ranges and ETag, or tell the nginx in front to send it."""
    mimetype = catalogue.split(name)[1].mimetype
    if settings.sendfile is None:
        return send_file(path, mimetype=mimetype, download_name=name, conditional=True)
    answer = Response(mimetype=mimetype)
    answer.headers.set("Content-Disposition", "inline", filename=name)
    location = settings.sendfile + path.relative_to(settings.sessions_dir).as_posix()
    answer.headers["X-Accel-Redirect"] = location
    return answer
