"""The page at `/`, which uses the API the way a frontend does."""

from __future__ import annotations

import json
from typing import NamedTuple

from flask import Blueprint, Response, render_template, url_for

from dreamlab.photos.opening import SUFFIXES
from dreamlab.routes.current import settings
from dreamlab.web import assets

# Google's hosted copy of the version that `npm ci` installs.
HOSTED_VIEWER = "https://ajax.googleapis.com/ajax/libs/model-viewer/{version}/{name}"
# The style sheet that this version of model-viewer writes into its shadow root.
VIEWER_STYLE = "sha256-PXtZZkJMMyc18o/DN1ZEFOJ2qEGq95IQbVaJFMOXOb0="
# What a person may choose. Some systems do not know that HEIC and AVIF are images.
ACCEPTED = ["image/*", *(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)]


class Viewer(NamedTuple):
    """Where the page gets model-viewer from: its URL, and that source's name in the CSP."""

    url: str
    source: str


blueprint = Blueprint("page", __name__, template_folder="templates")


@blueprint.get("/")
def home() -> Response:
    """Return the page."""
    version = assets.digest()
    viewer = find_viewer(version)
    html = render_template(
        "index.html",
        version=version,
        viewer=viewer.url,
        max_upload_mb=settings.max_upload_mb,
        accepted=",".join(ACCEPTED),
    )
    scripts = " ".join(dict.fromkeys(("'self'", viewer.source)))
    return assets.deliver_html(
        html,
        {
            # model-viewer compiles its mesh decoder, which is WebAssembly, when it is loaded.
            "script-src": f"{scripts} 'wasm-unsafe-eval'",
            "style-src": f"'self' '{VIEWER_STYLE}'",
            # Posters are blobs of the chosen photos.
            "img-src": "'self' blob:",
            # model-viewer unpacks a model's textures into blobs and fetches them.
            "connect-src": "'self' blob:",
        },
    )


def find_viewer(version: str) -> Viewer:
    """Return the installed viewer, or the hosted one where none is installed."""
    name = assets.VIEWER.name
    if assets.VIEWER.is_file():
        return Viewer(url_for("assets.asset", version=version, name=name), "'self'")
    lock = json.loads((assets.STATIC / "package-lock.json").read_text("utf-8"))
    pinned = lock["packages"]["node_modules/@google/model-viewer"]["version"]
    url = HOSTED_VIEWER.format(version=pinned, name=name)
    return Viewer(url, url)
