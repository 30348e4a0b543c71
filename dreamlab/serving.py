"""Runs the app under waitress."""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import time
from types import FrameType
from typing import Any, Callable, NoReturn, Optional

import waitress
from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from dreamlab.errors import code_of
from dreamlab.settings import MEGABYTE, Settings

# Threads for the other routes: a listing never waits for a generation.
SPARE_THREADS = 8
# A body of up to this many times the limit is read to its end before it is refused. A client that
# is disconnected while it sends does not see the reason.
READ_TO_REFUSE = 4
# What the file descriptor limit of most systems allows, with room for files.
MAX_CONNECTIONS = 800
# Clients that send fewer bytes in this time are disconnected.
MIN_BYTES, MIN_BYTES_S = 8192, 60
# Each slow download holds this much of its file in memory.
SEND_BYTES = 1 << 18
# Of glibc's malloc.h.
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3


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
        connection_limit=MAX_CONNECTIONS,
        channel_timeout=MIN_BYTES_S,
        cleanup_interval=5,
        asyncore_use_poll=True,
        ident=None,
    )

    def end(signum: int, frame: Optional[FrameType]) -> NoReturn:
        stop()
        raise SystemExit

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print(_start_line(settings), flush=True)
    server.run()


def _start_line(settings: Settings) -> str:
    engine = settings.engine if settings.broker_url is None else "those of the Celery workers"
    if settings.is_local:
        engine += " (a CPU stand-in; HUNYUAN_SPACE_ID=tencent/Hunyuan3D-2 is the real one)"
    return f"DreamLab listens on http://{settings.host}:{settings.port}, engine: {engine}"


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers with JSON where waitress itself refuses a request (no HTTP, or far too large)."""

    def execute(self) -> None:
        error = self.request.error
        code = code_of(error.code, error.reason)
        body = json.dumps({"error": f"{error.reason}.", "code": code}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with protection against slow clients, for which waitress has no setting.

    It counts as active only while it sends MIN_BYTES in MIN_BYTES_S. waitress by itself renews its
    channel_timeout with any single byte.
    """

    error_task_class = JsonErrorTask
    _new_bytes = 0
    _active_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By default it is the kernel's whole send buffer, 2.5 MB.
        self.sendbuf_len = SEND_BYTES

    def received(self, data: bytes) -> bool:
        self._new_bytes += len(data)
        if self.request is None or self._new_bytes >= MIN_BYTES:
            self._new_bytes, self._active_at = 0, time.time()
        # waitress counts its channel_timeout from here.
        self.last_activity = self._active_at
        return bool(super().received(data))


def bound_memory() -> None:
    """Make glibc return freed memory: 60 MB after some photos, 200 MB after large ones.

    It gets two arenas instead of sixteen, and a fixed threshold above which a block is returned at
    once. By itself the threshold rises to the size of the largest block ever freed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
