"""What operators and tools ask for: the health of the server and the description of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from flask import Blueprint, Response, jsonify, send_file

from dreamlab.errors import GeneratorBusy, GeneratorUnavailable
from dreamlab.generation.generator import LIMIT_REACHED
from dreamlab.routes.current import generations, generator, store

DESCRIPTION = Path(__file__).with_name("openapi.json")

blueprint = Blueprint("operations", __name__)


@blueprint.get("/api/health")
def health() -> Response:
    """Return that the API is up, and what is known of the generator."""
    return jsonify(status="ok", **generator.health())


@blueprint.get("/api/ready")
def ready() -> Response:
    """Return whether a generation would be taken now: 503 with the reason if not."""
    generations.draining.check()
    store.check()
    check_generator(generator.health())
    return jsonify(status="ready")


def check_generator(found: Mapping[str, Any]) -> None:
    """Raise GeneratorUnavailable or GeneratorBusy if the generator takes no generation."""
    if found["generator"] != "ready":
        raise GeneratorUnavailable(found["reason"])
    if found["generating"] >= found["capacity"]:
        raise GeneratorBusy(LIMIT_REACHED)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the description of the API as OpenAPI 3.1."""
    return send_file(DESCRIPTION, mimetype="application/json")
