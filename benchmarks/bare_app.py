"""The baseline: a Flask app on our server, with an empty route and one that discards uploads."""

from __future__ import annotations

from flask import Flask, request

from dreamlab.serving import serve
from dreamlab.settings import load


def create_app() -> Flask:
    app = Flask(__name__, static_folder=None)

    @app.get("/")
    def empty() -> str:
        return ""

    @app.post("/discard")
    def discard() -> str:
        while request.stream.read(1 << 16):
            pass
        return ""

    return app


if __name__ == "__main__":
    serve(create_app(), load(), lambda: None)
