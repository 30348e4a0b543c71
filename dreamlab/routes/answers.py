"""What holds for every answer: errors as JSON, headers, CORS, the log line of a request."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any, Dict, NamedTuple, Optional

from flask import Flask, Response, current_app, g, jsonify, request
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from dreamlab import metrics
from dreamlab.background import REQUEST_ID
from dreamlab.errors import DreamLabError, code_of
from dreamlab.settings import MEGABYTE, Settings

log = logging.getLogger("dreamlab")

# The headers that a browser's script may read from another origin.
EXPOSED_HEADERS = (
    "Retry-After",
    "Location",
    "Preference-Applied",
    "Content-Disposition",
    "ETag",
    "WWW-Authenticate",
    "X-Request-Id",
)
# What a client may choose as the id of its request.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SESSION_ID_LENGTH = len(str(uuid.UUID(int=0)))
_PREFLIGHT_MAX_AGE_S = 600
# A body of up to this many times the limit is read to its end before it is refused. A client or a
# proxy that is disconnected while it sends does not see the reason.
READ_TO_REFUSE = 4
_CHUNK_BYTES = 1 << 20


class ErrorAnswer(NamedTuple):
    """An error as it is sent: the HTTP status, the JSON body and further headers."""

    status: int
    body: Dict[str, Any]
    headers: Dict[str, str]


def register(app: Flask, settings: Settings) -> None:
    """Apply all of this to `app`."""
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_upload_mb * MEGABYTE)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_error_handler(Exception, answer_error)
    app.before_request(begin_request)
    app.before_request(read_what_is_refused)
    app.after_request(finish_answer)
    CORS(
        app,
        origins=[_literally(origin) for origin in settings.cors_origins],
        send_wildcard=settings.cors_origins == ("*",),
        expose_headers=list(EXPOSED_HEADERS),
        max_age=_PREFLIGHT_MAX_AGE_S,
    )


def _literally(origin: str) -> str:
    """Return what flask_cors takes as this very origin: one with brackets is a pattern to it."""
    return re.escape(origin) + "$" if "[" in origin else origin


def no_content() -> Response:
    """Return the answer to a deletion."""
    return Response(status=204)


def answer_error(error: Exception) -> Response:
    """Return the JSON answer to any error of any route."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    described = describe_error(error, g.get("filename"), g.get("generation_id"))
    answer = jsonify(described.body)
    answer.status_code = described.status
    answer.headers.update(described.headers)
    return answer


def describe_error(
    error: Exception, filename: Optional[str] = None, generation_id: Optional[str] = None
) -> ErrorAnswer:
    """Return the answer for an error. `filename` is the upload that is kept all the same."""
    headers: Dict[str, str] = {}
    if isinstance(error, DreamLabError):
        status, code, message = error.status, error.code, str(error)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, HTTPException):
        status = error.code or 500
        code, message = code_of(status, error.name), error.description or error.name
        if isinstance(error, RequestEntityTooLarge):
            limit = current_app.config["MAX_CONTENT_LENGTH"] / MEGABYTE
            message = f"The request is too large: {limit:g} MB is the limit, and few form fields."
        headers.update(error.get_headers())
        headers.pop("Content-Type", None)
    else:
        log.error("exception in %s %s", request.method, request.path, exc_info=error)
        status, code, message = 500, "internal_error", "Something is wrong on the server."
    body = {"error": message, "code": code}
    if filename:
        body["filename"] = filename
    if generation_id:
        body["generation_id"] = generation_id
    return ErrorAnswer(status, body, headers)


def begin_request() -> None:
    """Note when the request came, and its id: the client's own, or a new one."""
    g.started = time.monotonic()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    REQUEST_ID.set(_without_session(g.request_id))


def read_what_is_refused() -> None:
    """Read a body that is too large to its end. waitress has done so, gunicorn has not."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    if limit < (request.content_length or 0) <= READ_TO_REFUSE * limit:
        while request.environ["wsgi.input"].read(_CHUNK_BYTES):
            pass


def _without_session(request_id: str) -> str:
    """Return a request id as the log may have it: a client may use its session id."""
    session_id: str = (request.view_args or {}).get("session_id", "")
    if len(session_id) != _SESSION_ID_LENGTH:
        return request_id
    in_any_case = re.compile(re.escape(session_id), re.IGNORECASE)
    return in_any_case.sub(lambda found: found[0][:8] + "…", request_id)


def finish_answer(answer: Response) -> Response:
    """Log and count the request, and forbid browsers to guess a content type."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["X-Request-Id"] = g.request_id
    route = str(request.url_rule or "no route")
    seconds = round(time.monotonic() - g.started, 6)
    metrics.count_request(route, request.method, answer.status_code, seconds)
    size = "streamed" if answer.content_length is None else "%(bytes_out)d"
    log.info(
        f"%(method)s %(route)s %(session)s: %(status)d, %(bytes_in)d bytes in, {size} out, "
        "%(seconds).3f s",
        {
            "method": request.method,
            "route": route,
            "session": (request.view_args or {}).get("session_id", "")[:8].lower(),
            "status": answer.status_code,
            "bytes_in": request.content_length or 0,
            "bytes_out": answer.content_length,
            "seconds": seconds,
        },
    )
    return answer
