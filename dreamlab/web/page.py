"""The page at `/`: its HTML, its files, and the headers that only it needs."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Dict, NamedTuple

from flask import Blueprint, Response, abort, render_template, request, url_for

from dreamlab.routes.current import settings

STATIC = Path(__file__).with_name("static")
VIEWER = "model-viewer.min.js"
# The file that `npm ci` installs, and Google's hosted copy of the same version.
INSTALLED_VIEWER = STATIC / "node_modules/@google/model-viewer/dist" / VIEWER
HOSTED_VIEWER = "https://ajax.googleapis.com/ajax/libs/model-viewer/{version}/" + VIEWER
# The style sheet that this version of model-viewer writes into its shadow root.
VIEWER_STYLE = "sha256-PXtZZkJMMyc18o/DN1ZEFOJ2qEGq95IQbVaJFMOXOb0="
# Not mimetypes: Windows' registry may have text/plain for .js, and `nosniff` forbids to run that.
CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
IMMUTABLE = "public, max-age=31536000, immutable"


class Viewer(NamedTuple):
    """Where the page gets model-viewer from: its URL, and that source's name in the CSP."""

    url: str
    source: str


blueprint = Blueprint("page", __name__, template_folder="templates")


@blueprint.get("/")
def home() -> Response:
    """Return a page that uses the API the way a frontend does."""
    version = digest()
    viewer = find_viewer(version)
    html = render_template(
        "index.html", version=version, viewer=viewer.url, max_upload_mb=settings.max_upload_mb
    )
    answer = deliver(html.encode(), "text/html", "no-cache")
    answer.headers["Content-Security-Policy"] = policy(viewer)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.get("/static/<string:version>/<string:name>")
def asset(version: str, name: str) -> Response:
    """Return one of the page's files. Browsers cache it until a file changes."""
    path = assets().get(name)
    if path is None:
        abort(404)
    caching = IMMUTABLE if version == digest() else "no-cache"
    return deliver(path.read_bytes(), CONTENT_TYPES[path.suffix], caching)


def assets() -> Dict[str, Path]:
    """Return the page's files by name. A client's name is never a path: Windows has many kinds."""
    found = {path.name: path for path in (*STATIC.iterdir(), INSTALLED_VIEWER)}
    return {
        name: path
        for name, path in found.items()
        if path.suffix in CONTENT_TYPES and path.is_file()
    }


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


@lru_cache(maxsize=32)
def compress(content: bytes) -> bytes:
    """Return `content` as gzip: a third of the viewer's megabyte."""
    return gzip.compress(content, mtime=0)


def digest() -> str:
    """Return a hash of the files in static/, which include the viewer's version."""
    found = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def find_viewer(version: str) -> Viewer:
    """Return the installed viewer, or the hosted one where none is installed."""
    if INSTALLED_VIEWER.is_file():
        return Viewer(url_for("page.asset", version=version, name=VIEWER), "'self'")
    lock = json.loads((STATIC / "package-lock.json").read_text("utf-8"))
    pinned = lock["packages"]["node_modules/@google/model-viewer"]["version"]
    url = HOSTED_VIEWER.format(version=pinned)
    return Viewer(url, url)


def policy(viewer: Viewer) -> str:
    """Return the page's Content-Security-Policy (W3C CSP level 3)."""
    scripts = " ".join(dict.fromkeys(("'self'", viewer.source)))
    rules: Dict[str, str] = {
        "default-src": "'none'",
        # model-viewer compiles its mesh decoder, which is WebAssembly, when it is loaded.
        "script-src": f"{scripts} 'wasm-unsafe-eval'",
        "style-src": f"'self' '{VIEWER_STYLE}'",
        # Posters are blobs of the chosen photos.
        "img-src": "'self' blob:",
        # model-viewer unpacks a model's textures into blobs and fetches them.
        "connect-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
