"""The page at `/docs`: the description of the API to read and to try, and programs that use it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup, escape

from dreamlab.routes.current import settings
from dreamlab.routes.operations import DESCRIPTION
from dreamlab.web import assets

# Swagger UI. Without it the page shows the description as plain HTML.
VIEWER = "swagger-ui-bundle.js"
EXAMPLES = Path(__file__).with_name("examples")
LANGUAGES = {"curl": "journey.sh", "Python": "journey.py", "JavaScript": "journey.mjs"}
# The address of the API in the files of the examples.
EXAMPLE_URL = "http://127.0.0.1:5000"

blueprint = Blueprint("docs", __name__, template_folder="templates")


@blueprint.get("/docs")
def docs() -> Response:
    """Return the page."""
    root = request.url_root.rstrip("/")
    html = render_template(
        "docs.html",
        version=assets.digest(),
        has_viewer=assets.INSTALLED[VIEWER].is_file(),
        viewer=VIEWER,
        needs_key=settings.api_key is not None,
        api=description(),
        examples={
            language: (EXAMPLES / name).read_text("utf-8").replace(EXAMPLE_URL, root)
            for language, name in LANGUAGES.items()
        },
    )
    # The pictures in Swagger UI's style sheet are data URLs.
    return assets.deliver_html(html, {"img-src": "'self' data:"})


@lru_cache(maxsize=None)
def description() -> Dict[str, Any]:
    """Return openapi.json for the template: without references, but those to schemas."""
    tree: Dict[str, Any] = json.loads(DESCRIPTION.read_text("utf-8"))
    return dict(resolve(tree, tree["components"]))


def resolve(node: Any, components: Dict[str, Any]) -> Any:
    """Return a part of the description with what its references name in their place."""
    if isinstance(node, list):
        return [resolve(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    _, _, named = node.get("$ref", "").partition("#/components/")
    kind, _, name = named.partition("/")
    if kind and kind != "schemas":
        return resolve(components[kind][name], components)
    return {key: resolve(value, components) for key, value in node.items()}


@blueprint.app_template_filter("with_code")
def with_code(text: str) -> Markup:
    """Return a text of the description as HTML, with what is in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
