"""The page at `/`: its HTML, the files it is made of, and the headers that only it needs."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import lru_cache
from typing import Dict, NamedTuple

from flask import Blueprint, Response, abort, render_template, request, url_for

from settings import PROJECT

STATIC = PROJECT / "static"
VIEWER = "model-viewer.min.js"
# What `npm ci` in static/ installs, and Google's hosted copy of the same version.
INSTALLED_VIEWER = STATIC / "node_modules/@google/model-viewer/dist" / VIEWER
HOSTED_VIEWER = "https://ajax.googleapis.com/ajax/libs/model-viewer/{version}/" + VIEWER
# The style sheet that this version of model-viewer writes into its shadow root.
VIEWER_STYLE = "sha256-PXtZZkJMMyc18o/DN1ZEFOJ2qEGq95IQbVaJFMOXOb0="
# Windows' registry may know .js as text/plain, which `nosniff` would then forbid to run.
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_GOOD = "public, max-age=31536000, immutable"


class Viewer(NamedTuple):
    """Where the page gets model-viewer from: a URL, and what its CSP calls that."""

    url: str
    source: str


def blueprint(max_upload_mb: float) -> Blueprint:
    """The page's two routes; it refuses photos over `max_upload_mb` before it sends them."""
    page = Blueprint("page", __name__)

    @page.get("/")
    def home() -> Response:
        """A page that uses the API the way a frontend does."""
        version = digest()
        viewer = find_viewer(version)
        html = render_template(
            "index.html", version=version, viewer=viewer.url, max_upload_mb=max_upload_mb
        )
        answer = deliver(html.encode(), "text/html", "no-cache")
        answer.headers["Content-Security-Policy"] = policy(viewer)
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    @page.get("/static/<string:version>/<string:name>")
    def asset(version: str, name: str) -> Response:
        """One of the page's files, kept by browsers for as long as no file changes."""
        path = INSTALLED_VIEWER if name == VIEWER else STATIC / name
        if path.suffix not in KINDS or not path.is_file():
            abort(404)
        caching = FOR_GOOD if version == digest() else "no-cache"
        return deliver(path.read_bytes(), KINDS[path.suffix], caching)

    return page


def deliver(content: bytes, kind: str, caching: str) -> Response:
    """The answer with that content, packed for those who can unpack it, or with none if known."""
    answer = Response(content, mimetype=kind)
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"]:
        answer.set_data(pack(content))
        answer.content_encoding = "gzip"
    answer.headers["Cache-Control"] = caching
    answer.add_etag()
    return answer.make_conditional(request)  # type: ignore[return-value]


@lru_cache(maxsize=32)
def pack(content: bytes) -> bytes:
    """`content` as gzip: a third of the viewer's megabyte."""
    return gzip.compress(content, mtime=0)


def digest() -> str:
    """A name for what is in static/ now, the viewer's version included."""
    found = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def find_viewer(version: str) -> Viewer:
    """The installed viewer, or the hosted one where there is none."""
    if INSTALLED_VIEWER.is_file():
        return Viewer(url_for("page.asset", version=version, name=VIEWER), "'self'")
    lock = json.loads((STATIC / "package-lock.json").read_text("utf-8"))
    pinned = lock["packages"]["node_modules/@google/model-viewer"]["version"]
    url = HOSTED_VIEWER.format(version=pinned)
    return Viewer(url, url)


def policy(viewer: Viewer) -> str:
    """The page's Content-Security-Policy (W3C CSP level 3)."""
    scripts = " ".join(dict.fromkeys(("'self'", viewer.source)))
    rules: Dict[str, str] = {
        "default-src": "'none'",
        # model-viewer compiles its decoder of packed meshes, WebAssembly, as soon as it is loaded.
        "script-src": f"{scripts} 'wasm-unsafe-eval'",
        "style-src": f"'self' '{VIEWER_STYLE}'",
        # Posters are blobs of the chosen photos, thumbnails are data kept in the browser.
        "img-src": "'self' blob: data:",
        # model-viewer unpacks a model's textures into blobs and fetches them.
        "connect-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
