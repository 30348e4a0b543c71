"""The page at `/docs`: Swagger UI, with which the API can be read and tried."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from dreamlab.web import assets

blueprint = Blueprint("docs", __name__, template_folder="templates")


@blueprint.get("/docs")
def docs() -> Response:
    """Return the page."""
    html = render_template("docs.html", version=assets.digest())
    # The pictures in Swagger UI's style sheet are data URLs.
    return assets.deliver_html(html, {"img-src": "'self' data:"})
