"""The Flask app: the routes of the contract and its error answers. `python app.py` serves it."""

from __future__ import annotations

import hmac
import logging
import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

from flask import Flask, Response, current_app, g, jsonify, request, send_file
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

import event_stream
import generation
import glb
import page
from errors import DreamLabError
from generation import Generator, InProcess
from hunyuan_service import HunyuanService
from local_space.launcher import StandIn
from order import read_options, read_views
from server import log_to_stderr, serve
from session_store import SessionStore, StorageUnusable
from settings import MEGABYTE, InvalidSetting, Settings, load

log = logging.getLogger("dreamlab")

CODES = {404: "not_found", 405: "method_not_allowed", 413: "upload_too_large"}
# A model never changes under its name, and only those who know the session may see it.
MODEL_CACHING = "private, max-age=31536000, immutable"
EXPOSED = ("Retry-After", "Location", "Content-Disposition", "ETag", "WWW-Authenticate")

Answer = Tuple[int, Dict[str, Any], Dict[str, str]]


class Unauthorized(DreamLabError):
    """An API key is configured and the request does not carry it."""

    status, code = 401, "unauthorized"


def create_app(settings: Optional[Settings] = None, generator: Optional[Generator] = None) -> Flask:
    """The app for `settings`, by default those of the environment.

    Raises InvalidSetting, and StorageUnusable when its sessions cannot be kept.
    """
    settings = settings or load()
    generator = generator or make_generator(settings, StandIn())
    store = SessionStore(settings.sessions_dir)
    store.prepare()
    if settings.session_ttl_hours is not None:
        store.keep_sweeping(settings.session_ttl_hours * 3600)

    app = Flask(__name__, static_folder=None)
    configure(app, settings)
    app.register_blueprint(page.blueprint(settings.max_upload_mb))

    @app.get("/api/generate_session_id")
    def generate_session_id() -> Response:
        """Create a session."""
        require_key(settings.api_key)
        answer = jsonify(session_id=store.create().id)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.post("/api/process_furniture_image/<string:session_id>")
    def process_furniture_image(session_id: str) -> Response:
        """Keep the uploaded views and answer with the model made of them, or with its progress."""
        session = store.open(session_id)
        with ExitStack() as held:
            generation_id = held.enter_context(generator.slot(session))
            views, options = read_views(request.files), read_options(request.form)
            sources = generation.accept(session, views, settings.max_image_megapixels)
            g.filename = sources[0].upload.name
            make = partial(generator.run, generation_id, session, sources, options)
            describe = partial(describe_model, session.id, g.filename, request.url_root)
            if wants_events():
                return answer_events(make, describe, g.filename, held.pop_all())
            return jsonify(describe(make()))

    @app.get("/api/session_models/<string:session_id>")
    def session_models(session_id: str) -> Response:
        """List a session's models, oldest first."""
        session = store.open(session_id)
        return jsonify(session_id=session.id, models=session.models())

    @app.get("/api/sessions/<string:session_id>/models/<string:name>", endpoint="model_twin")
    @app.get("/sessions/<string:session_id>/models/<string:name>")
    def model(session_id: str, name: str) -> Response:
        """Serve one model."""
        answer = send_model(store.open(session_id).model(name), settings)
        answer.headers["Cache-Control"] = MODEL_CACHING
        return answer

    @app.delete("/api/sessions/<string:session_id>/models/<string:name>")
    def delete_model(session_id: str, name: str) -> Response:
        """Delete one model."""
        store.open(session_id).delete_model(name)
        return Response(status=204)

    @app.delete("/api/delete_all_models/<string:session_id>")
    def delete_all_models(session_id: str) -> Response:
        """Delete every model of a session."""
        store.open(session_id).delete_models()
        return Response(status=204)

    @app.delete("/api/sessions/<string:session_id>")
    def delete_session(session_id: str) -> Response:
        """Delete a session with all its files."""
        store.delete(session_id)
        return Response(status=204)

    @app.get("/api/health")
    def health() -> Response:
        """Say that the API is up, and what is known of the generator."""
        return jsonify(status="ok", **generator.health())

    @app.get("/openapi.json")
    def openapi() -> Response:
        """Describe all of this."""
        return send_file(Path(app.root_path) / "openapi.json", mimetype="application/json")

    return app


def make_generator(settings: Settings, stand_in: StandIn) -> Generator:
    """Who makes the models: Celery workers where there is a broker, else this process."""
    if settings.broker_url is not None:
        # What it needs, a plain installation does not have.
        from task_queue import TaskQueue

        return TaskQueue(settings)
    service = HunyuanService(settings, stand_in.url if settings.is_local else None)
    return InProcess(service, settings)


def configure(app: Flask, settings: Settings) -> None:
    """What holds for every route: limits, errors, CORS, proxies, the log."""
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_upload_mb * MEGABYTE)
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_error_handler(Exception, answer_error)
    app.before_request(start_clock)
    app.after_request(finish_answer)
    CORS(
        app,
        origins=list(settings.cors_origins),
        send_wildcard=settings.cors_origins == ("*",),
        expose_headers=list(EXPOSED),
        max_age=600,
    )
    hops = settings.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops, x_prefix=hops
        )


def require_key(key: Optional[str]) -> None:
    """Raise Unauthorized unless the request carries `key`, if there is one."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # WSGI hands a header's bytes on as Latin-1.
    token = given.strip().encode("latin-1", "replace")
    if key is not None and not (
        scheme.lower() == "bearer" and hmac.compare_digest(token, key.encode())
    ):
        raise Unauthorized("A session needs the header Authorization: Bearer <API key>.")


def send_model(path: Path, settings: Settings) -> Response:
    """A model's file, or word to the nginx in front to send it, ranges and ETags included."""
    if settings.sendfile is None:
        return send_file(path, mimetype=glb.MIMETYPE, download_name=path.name, conditional=True)
    answer = Response(mimetype=glb.MIMETYPE)
    answer.headers.set("Content-Disposition", "inline", filename=path.name)
    place = path.relative_to(settings.sessions_dir).as_posix()
    answer.headers["X-Accel-Redirect"] = settings.sendfile + place
    return answer


def describe_model(
    session_id: str, filename: str, root: str, made: generation.Made
) -> Dict[str, Any]:
    """The answer to a generation; names of models need no percent-encoding in a URL."""
    return {
        "message": "Image saved successfully",
        "session_id": session_id,
        "filename": filename,
        "model": made.model,
        "model_url": f"{root}sessions/{session_id}/models/{made.model}",
        "seed": made.seed,
        "engine": made.engine,
    }


def wants_events() -> bool:
    """Whether the client asks for progress rather than for one answer."""
    kinds = ["application/json", event_stream.MIMETYPE]
    return request.accept_mimetypes.best_match(kinds) == event_stream.MIMETYPE


def answer_events(
    make: Callable[..., generation.Made],
    describe: Callable[[generation.Made], Dict[str, Any]],
    filename: str,
    held: ExitStack,
) -> Response:
    """The progress of `make` as an event stream; `held` is let go when it ends."""

    def work(tell: event_stream.Tell) -> event_stream.Event:
        with held:
            try:
                made = make(lambda news: tell((type(news).__name__.lower(), news._asdict())))
                return "complete", describe(made)
            except Exception as error:
                status, body, _ = describe_error(error, filename)
                return "error", {"status": status, **body}

    # X-Accel-Buffering is nginx's: pass each event on as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(event_stream.stream(work), mimetype=event_stream.MIMETYPE, headers=headers)


def answer_error(error: Exception) -> Response:
    """The JSON answer to any error of any route."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status, body, headers = describe_error(error, g.get("filename"))
    answer = jsonify(body)
    answer.status_code = status
    answer.headers.update(headers)
    return answer


def describe_error(error: Exception, filename: Optional[str]) -> Answer:
    """The one place where an error becomes a status, a body and headers.

    `filename` is the upload that is kept all the same.
    """
    headers: Dict[str, str] = {}
    if isinstance(error, DreamLabError):
        status, code, words = error.status, error.code, str(error)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"] / MEGABYTE
        status, code = 413, CODES[413]
        words = f"The request is too large: {limit:g} MB is the limit, and few form fields."
    elif isinstance(error, HTTPException):
        status = error.code or 500
        code = CODES.get(status, error.name.lower().replace(" ", "_"))
        words = error.description or error.name
        headers.update(error.get_headers())
        headers.pop("Content-Type", None)
    else:
        log.error("a defect", exc_info=error)
        status, code, words = 500, "internal_error", "Something is wrong on the server."
    body = {"error": words, "code": code}
    return status, {**body, "filename": filename} if filename else body, headers


def start_clock() -> None:
    """Note when the request came."""
    g.started = time.monotonic()


def finish_answer(answer: Response) -> Response:
    """Log the request, and let no browser guess what an answer is."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    session_id = (request.view_args or {}).get("session_id", "")
    log.info(
        "%s %s %s: %d, %s bytes in, %s out, %.3f s",
        request.method,
        request.url_rule or "no route",
        session_id[:8],
        answer.status_code,
        request.content_length or 0,
        answer.content_length if answer.content_length is not None else "streamed",
        time.monotonic() - g.started,
    )
    return answer


def main() -> int:
    """Check what the start needs, then serve. Answers the exit status: 2 for what is not right."""
    stand_in = StandIn()
    log_to_stderr()
    try:
        settings = load()
        if settings.is_local and not StandIn.is_installed():
            raise InvalidSetting(
                "HUNYUAN_SPACE_ID=local needs local_space/requirements.txt: install that, or name "
                "a Hunyuan3D server"
            )
        generator = make_generator(settings, stand_in)
        app = create_app(settings, generator)
        if settings.is_local:
            stand_in.start()
        generator.health()
        serve(app, settings, generator.close)
    except (InvalidSetting, StorageUnusable) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"HOST and PORT cannot be listened on: {error}", file=sys.stderr)
        return 2
    finally:
        stand_in.stop()
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # The threads of gradio_client may wait for a server for minutes; nothing is left to wait for.
    os._exit(status)
