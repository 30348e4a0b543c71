"""What the HTML pages share: their static files and the headers that all of them have."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Dict, Mapping

import flask_swagger_ui
from flask import Blueprint, Response, abort, request

STATIC = Path(__file__).with_name("static")
# What `npm ci` installs there, if somebody has run it.
VIEWER = STATIC / "node_modules/@google/model-viewer/dist/model-viewer.min.js"
SWAGGER_UI = Path(flask_swagger_ui.__file__).with_name("dist")
SWAGGER_UI_VERSION = version_of("flask-swagger-ui")
INSTALLED = (VIEWER, SWAGGER_UI / "swagger-ui-bundle.js", SWAGGER_UI / "swagger-ui.css")
# Not mimetypes: Windows' registry may have text/plain for .js, and `nosniff` forbids to run that.
CONTENT_TYPES = {
    ".css": "text/css",
    ".glb": "model/gltf-binary",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
IMMUTABLE = "public, max-age=31536000, immutable"
# The Content-Security-Policy (W3C CSP level 3) of a page that loads nothing but its own files.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

blueprint = Blueprint("assets", __name__)


@blueprint.get("/static/<string:version>/<string:name>")
def asset(version: str, name: str) -> Response:
    """Return one of the pages' files. Browsers cache it until a file changes."""
    path = assets().get(name)
    if path is None:
        abort(404)
    caching = IMMUTABLE if version == digest() else "no-cache"
    return deliver(path.read_bytes(), CONTENT_TYPES[path.suffix], caching)


def assets() -> Dict[str, Path]:
    """Return the pages' files by name. A client's name is never a path: Windows has many kinds."""
    return {
        path.name: path
        for path in (*STATIC.iterdir(), *INSTALLED)
        if path.suffix in CONTENT_TYPES and path.is_file()
    }


def deliver_html(html: str, sources: Mapping[str, str]) -> Response:
    """Return a page. `sources` are the rules of its policy that differ from POLICY."""
    answer = deliver(html.encode(), "text/html", "no-cache")
    rules = {**POLICY, **sources}
    policy = "; ".join(f"{name} {value}" for name, value in rules.items())
    answer.headers["Content-Security-Policy"] = policy
    # A site that a page links to does not learn where this server is.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def deliver(content: bytes, content_type: str, caching: str) -> Response:
    """Return an answer with `content`, compressed for clients that accept gzip, with an ETag."""
    answer = Response(content, mimetype=content_type)
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"]:
        answer.set_data(compress(content))
        answer.content_encoding = "gzip"
    answer.headers["Cache-Control"] = caching
    answer.add_etag()
    return answer.make_conditional(request)  # type: ignore[return-value]


@lru_cache(maxsize=64)
def compress(content: bytes) -> bytes:
    """Return `content` as gzip: a third of the viewers' megabytes."""
    return gzip.compress(content, mtime=0)


def digest() -> str:
    """Return a hash of the files in static/ and of the versions of what is installed."""
    found = hashlib.sha256(SWAGGER_UI_VERSION.encode())
    for path in sorted(STATIC.iterdir()):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]
