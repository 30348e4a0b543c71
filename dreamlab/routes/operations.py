"""What operators and tools ask for: the health of the server and the description of the API."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, jsonify, send_file

from dreamlab.routes.current import generator

DESCRIPTION = Path(__file__).with_name("openapi.json")

blueprint = Blueprint("operations", __name__)


@blueprint.get("/api/health")
def health() -> Response:
    """Return that the API is up, and what is known of the generator."""
    return jsonify(status="ok", **generator.health())


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the description of the API as OpenAPI 3.1."""
    return send_file(DESCRIPTION, mimetype="application/json")
