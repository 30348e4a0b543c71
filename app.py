"""The Flask app: the routes of the contract and its error answers. `python app.py` serves it."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterator, List, NoReturn, Optional

import waitress
from flask import Flask, Response, g, jsonify, request, send_file, url_for
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import glb
import images
from errors import DreamLabError
from hunyuan_service import Capacity, HunyuanService
from local_space.launcher import StandIn
from order import View, read_options, read_views
from session_store import Incoming, Session, SessionStore, StorageUnusable, Upload
from settings import LOCAL, MEGABYTE, InvalidSetting, Settings, load

log = logging.getLogger("dreamlab")

# Waiting generations never take the last threads: a listing does not wait for them.
SPARE_THREADS = 8
# A body some times too large is still read to its end: a client that is cut off while it sends
# does not see why.
READ_TO_REFUSE = 4
# What the file descriptor limit of most systems allows, with room for files.
CONNECTIONS = 800
# Of glibc's malloc.h.
M_ARENA_MAX = -8
CODES = {404: "not_found", 405: "method_not_allowed", 413: "upload_too_large"}


def create_app(
    settings: Optional[Settings] = None, service: Optional[HunyuanService] = None
) -> Flask:
    """The app for `settings`, by default those of the environment. Raises InvalidSetting."""
    settings = settings or load()
    service = service or HunyuanService(settings, locator(settings, StandIn()))
    store = SessionStore(settings.sessions_dir)
    capacity = Capacity(settings.max_generations)

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_upload_mb * MEGABYTE)
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_error_handler(Exception, answer_error)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops, x_prefix=hops
        )

    @app.get("/api/generate_session_id")
    def generate_session_id() -> Response:
        """Create a session."""
        answer = jsonify(session_id=store.create().id)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.post("/api/process_furniture_image/<string:session_id>")
    def process_furniture_image(session_id: str) -> Response:
        """Keep the uploaded views and answer with the model made of them."""
        session = store.open(session_id)
        views, options = read_views(request.files), read_options(request.form)
        with capacity.slot():
            photos = check(views, settings.max_image_megapixels)
            uploads = keep(session, views, photos)
            g.filename = uploads[0].name
            with sources(session, views, photos, uploads) as paths, session.draft() as draft:
                seed = service.generate(paths, options, draft)
                model = session.save(draft, uploads[0].name)
        return jsonify(
            message="Image saved successfully",
            session_id=session.id,
            filename=uploads[0].name,
            model=model,
            model_url=url_for("model", session_id=session.id, name=model, _external=True),
            seed=seed,
            engine=settings.engine,
        )

    @app.get("/api/session_models/<string:session_id>")
    def session_models(session_id: str) -> Response:
        """List a session's models, oldest first."""
        session = store.open(session_id)
        return jsonify(session_id=session.id, models=session.models())

    @app.get("/api/sessions/<string:session_id>/models/<string:name>", endpoint="model_twin")
    @app.get("/sessions/<string:session_id>/models/<string:name>")
    def model(session_id: str, name: str) -> Response:
        """Serve one model."""
        path = store.open(session_id).model(name)
        return send_file(path, mimetype=glb.MIMETYPE, download_name=name, conditional=True)

    @app.get("/api/health")
    def health() -> Response:
        """Say that the API is up, and what is known of the generator."""
        return jsonify(
            status="ok",
            engine=settings.engine,
            generator=service.state(),
            generating=capacity.in_flight,
            capacity=capacity.limit,
        )

    return app


def locator(settings: Settings, stand_in: StandIn) -> Any:
    """How the service finds the generator: None where the setting itself is the address."""
    return stand_in.url if settings.engine == LOCAL else None


def check(views: List[View], max_megapixels: float) -> List[images.Photo]:
    """Each view as a checked photo. Raises what images.read does."""
    return [images.read(view.file.stream, view.field, max_megapixels) for view in views]


def keep(session: Session, views: List[View], photos: List[images.Photo]) -> List[Upload]:
    """The uploads of one request, all kept or none."""
    return session.keep(
        [
            Incoming(view.file.stream, view.file.filename or "", photo.suffixes)
            for view, photo in zip(views, photos)
        ]
    )


@contextmanager
def sources(
    session: Session, views: List[View], photos: List[images.Photo], uploads: List[Upload]
) -> Iterator[Dict[str, Path]]:
    """What the generator gets of each side: the upload itself or, for a while, a clean copy."""
    with ExitStack() as copies:
        yield {
            view.side: upload.path
            if photo.copy is None
            else copies.enter_context(session.scratch(photo.copy, photo.copy_suffix))
            for view, photo, upload in zip(views, photos, uploads)
        }


def answer_error(error: Exception) -> Response:
    """The one place where an error becomes an answer."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, DreamLabError):
        answer = jsonify(error_body(str(error), error.code))
        answer.status_code = error.status
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, HTTPException):
        status, reason = error.code or 500, error.name.lower().replace(" ", "_")
        answer = jsonify(error_body(error.description or error.name, CODES.get(status, reason)))
        answer.status_code = status
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                answer.headers[name] = value
    else:
        log.error("a defect in %s %s", request.method, request.endpoint, exc_info=error)
        answer = jsonify(error_body("Something is wrong on the server.", "internal_error"))
        answer.status_code = 500
    return answer


def error_body(message: str, code: str) -> Dict[str, str]:
    """The body of an error, with the name of the upload that is kept all the same."""
    body = {"error": message, "code": code}
    if "filename" in g:
        body["filename"] = g.filename
    return body


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM, the stand-in beside it where that is the engine."""
    stand_in = StandIn()
    if settings.engine == LOCAL:
        stand_in.start()
    service = HunyuanService(settings, locator(settings, stand_in))
    HTTPChannel.error_task_class = JsonErrorTask
    bound_memory()
    server = waitress.create_server(
        create_app(settings, service),
        host=settings.host,
        port=settings.port,
        threads=settings.max_generations + SPARE_THREADS,
        max_request_body_size=int(settings.max_upload_mb * MEGABYTE) * READ_TO_REFUSE,
        clear_untrusted_proxy_headers=not settings.trusted_proxies,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        ident=None,
    )

    def stop(signum: int, frame: Optional[FrameType]) -> NoReturn:
        service.close()
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    hint = " (a CPU stand-in; HUNYUAN_SPACE_ID=tencent/Hunyuan3D-2 is the real one)"
    print(
        f"DreamLab listens on http://{settings.host}:{settings.port}, "
        f"engine: {settings.engine}{hint if settings.engine == LOCAL else ''}",
        flush=True,
    )
    service.state()
    try:
        server.run()
    finally:
        stand_in.stop()


def bound_memory() -> None:
    """Let glibc keep freed memory in two arenas, not in sixteen: 60 MB less after some photos."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses (no HTTP, far too large), answered as the contract says."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps(
            {"error": f"{error.reason}.", "code": CODES.get(error.code, "bad_request")}
        ).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(body)


def main() -> int:
    """Check what the start needs, then serve. Answers the exit status: 2 for what is not right."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # They write one line per call, with addresses and file names of the generator.
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        settings = load()
        SessionStore(settings.sessions_dir).check()
        if settings.engine == LOCAL and not StandIn.is_installed():
            raise InvalidSetting(
                "HUNYUAN_SPACE_ID=local needs local_space/requirements.txt: install that, or name "
                "a Hunyuan3D server"
            )
        serve(settings)
    except (InvalidSetting, StorageUnusable) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"HOST and PORT cannot be listened on: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # The threads of gradio_client may wait for a server for minutes; nothing is left to wait for.
    os._exit(status)
