"""What the HTML pages share: their static files and the headers that all of them have."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Dict, Mapping

from flask import Blueprint, Response, abort, request

STATIC = Path(__file__).with_name("static")
NODE_MODULES = STATIC / "node_modules"
# What `npm ci` installs, by the name under which it is served.
INSTALLED = {
    path.name: path
    for path in (
        NODE_MODULES / "@google/model-viewer/dist/model-viewer.min.js",
        NODE_MODULES / "swagger-ui-dist/swagger-ui-bundle.js",
        NODE_MODULES / "swagger-ui-dist/swagger-ui.css",
    )
}
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
    found = {path.name: path for path in (*STATIC.iterdir(), *INSTALLED.values())}
    return {
        name: path
        for name, path in found.items()
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
    """Return a hash of the files in static/, which include the versions of what is installed."""
    found = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]
