"""Runs the app under waitress, the stand-in beside it where that is the engine."""

from __future__ import annotations

import ctypes
import json
import logging
import re
import signal
import sys
import time
from types import FrameType
from typing import Any, Callable, NoReturn, Optional

import waitress
from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask, WSGITask

from settings import MEGABYTE, Settings

# Waiting generations never take the last threads: a listing does not wait for them.
SPARE_THREADS = 8
# A body some times too large is still read to its end: a client that is cut off while it sends
# does not see why.
READ_TO_REFUSE = 4
# What the file descriptor limit of most systems allows, with room for files.
CONNECTIONS = 800
# Who sends less than this in that time, in the middle of a request, is cut off.
SLOWEST_BYTES, SLOWEST_S = 8192, 60
CODES = {400: "bad_request", 413: "upload_too_large"}
# Of a file that is sent: as much is read at once, and much of it again when the socket takes less.
SEND_BYTES = 1 << 18
# The first of a body up to this size goes out with its head; a larger one is not copied for that.
SMALL_BYTES = 1 << 14
# Of glibc's malloc.h.
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def serve(app: Flask, settings: Settings, stop: Callable[[], None]) -> None:
    """Serve `app` until Ctrl-C or SIGTERM, then call `stop`. Raises OSError for a taken port."""
    BaseWSGIServer.channel_class = Channel
    bound_memory()
    server = waitress.create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.max_generations + SPARE_THREADS,
        max_request_body_size=int(settings.max_upload_mb * MEGABYTE) * READ_TO_REFUSE,
        clear_untrusted_proxy_headers=not settings.trusted_proxies,
        connection_limit=CONNECTIONS,
        channel_timeout=SLOWEST_S,
        cleanup_interval=5,
        asyncore_use_poll=True,
        ident=None,
    )

    def end(signum: int, frame: Optional[FrameType]) -> NoReturn:
        stop()
        raise SystemExit

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    engine = settings.engine if settings.broker_url is None else "those of the Celery workers"
    print(
        f"DreamLab listens on http://{settings.host}:{settings.port}, engine: {engine}"
        + settings.is_local
        * " (a CPU stand-in; HUNYUAN_SPACE_ID=tencent/Hunyuan3D-2 is the real one)",
        flush=True,
    )
    server.run()


def log_to_stderr() -> None:
    """Log one line each for requests and generations, session ids shortened wherever they are."""
    handler = logging.StreamHandler()
    handler.setFormatter(_ShortIds("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # What no line of ours tells need not be found out for each (Logging HOWTO, «Optimization»).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # They write one line per call, with addresses and file names of the generator.
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _ShortIds(logging.Formatter):
    """Whoever knows a session's id may use the session: a log, tracebacks too, has none whole."""

    def format(self, record: logging.LogRecord) -> str:
        return _UUID.sub(r"\1…", super().format(record))


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses (no HTTP, far too large), answered as the contract says."""

    def execute(self) -> None:
        error = self.request.error
        code = CODES.get(error.code, error.reason.lower().replace(" ", "_"))
        body = json.dumps({"error": f"{error.reason}.", "code": code}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(body)


class Task(WSGITask):  # type: ignore[misc]
    """Sends a small answer in one piece, where waitress wakes its client twice."""

    def write(self, data: bytes) -> None:
        starts: bool = self.complete and not self.wrote_header  # type: ignore[has-type]
        is_sent = self.has_body and self.content_length != 0
        if starts and is_sent and 0 < len(data) <= SMALL_BYTES:
            self.channel.head = self.build_response_header()
            self.wrote_header = True
        super().write(data)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that counts as active only while it sends at a useful rate."""

    task_class = Task
    error_task_class = JsonErrorTask
    head = b""  # of an answer, until what follows it is sent
    _unrewarded = 0
    _active_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By default the whole of the kernel's buffer: 2.5 MB for each client of a download.
        self.sendbuf_len = SEND_BYTES

    def write_soon(self, data: Any) -> int:
        if self.head:
            data, self.head = self.head + data, b""
        return int(super().write_soon(data))

    def received(self, data: bytes) -> bool:
        self._unrewarded += len(data)
        if self.request is None or self._unrewarded >= SLOWEST_BYTES:
            self._unrewarded, self._active_at = 0, time.time()
        # What waitress's own channel_timeout counts from.
        self.last_activity = self._active_at
        return bool(super().received(data))


def bound_memory() -> None:
    """Let glibc keep less of what is freed: 60 MB less after some photos, 200 MB after large ones.

    Two arenas, not sixteen; and pixels go back to the system at once: by itself the threshold for
    that rises to the largest block ever freed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
