"""Runs the app under waitress."""

from __future__ import annotations

import ctypes
import errno
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, Callable, Dict, List, Optional

import waitress
from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from dreamlab.background import start
from dreamlab.formats.converter import WAITING
from dreamlab.routes.answers import READ_TO_REFUSE
from dreamlab.routes.current import LISTENERS
from dreamlab.settings import MEGABYTE, Settings

# Threads for the other routes: a listing never waits for a generation or a conversion.
SPARE_THREADS = 8
MAX_CONNECTIONS = 800
# Three of four file descriptors are for connections, the others for files and the generator.
DESCRIPTORS = 1100
# Windows' select takes 512 sockets, of which some are the server's own.
SELECT_CONNECTIONS = 500
AIRPLAY_PORT = 5000
# Clients that send fewer bytes in this time are disconnected.
MIN_BYTES, MIN_BYTES_S = 8192, 60
# Each slow download holds this much of its file in memory.
SEND_BYTES = 1 << 18
# So long the last answers may take when the server ends.
FLUSH_S = 5.0
# Of glibc's malloc.h.
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3


class CannotListen(Exception):
    """The server cannot listen at HOST and PORT. The message is one line that says why."""


def serve(app: Flask, settings: Settings, drain: Callable[[float], None]) -> None:
    """Serve `app` until a signal ends it. Raises CannotListen.

    `drain` takes the seconds that the generations have to end. SIGTERM gives them SHUTDOWN_GRACE_S,
    the other signals give none, and a second signal does not wait for anything.
    """
    BaseWSGIServer.channel_class = Channel
    bound_memory()
    connections: Dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=connections,
        sockets=listen(settings.host, settings.port),
        threads=threads(settings),
        max_request_body_size=int(settings.max_upload_mb * MEGABYTE) * READ_TO_REFUSE,
        clear_untrusted_proxy_headers=not settings.trusted_proxies,
        connection_limit=bound_connections(),
        channel_timeout=MIN_BYTES_S,
        cleanup_interval=5,
        ident=None,
    )

    # A signal handler that raises an exception may do so, and lose it, anywhere.
    is_ending = has_ended = False

    def end(signum: int, frame: Optional[FrameType]) -> None:
        nonlocal is_ending, has_ended
        has_ended = is_ending
        if not is_ending:
            is_ending = True
            # The main thread goes on with sending the answers.
            start(_end, settings.shutdown_grace_s if signum == signal.SIGTERM else 0.0)

    def _end(grace_s: float) -> None:
        nonlocal has_ended
        drain(grace_s)
        deadline = time.monotonic() + FLUSH_S
        while _are_busy(connections) and time.monotonic() < deadline:
            time.sleep(0.05)
        has_ended = True

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        # nohup ignores SIGHUP. A shell ignores SIGINT for what it runs in the background, but who
        # sends it means it.
        if number and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, end)
    print(_start_line(settings), flush=True)
    while not has_ended:
        wasyncore.loop(timeout=0.5, use_poll=True, map=connections, count=1)
    server.task_dispatcher.shutdown()


def _are_busy(connections: Dict[int, Any]) -> bool:
    """Return whether a request is read or answered, or an answer is sent."""
    return any(
        channel.request or channel.requests or channel.total_outbufs_len
        for channel in list(connections.values())
        if isinstance(channel, Channel)
    )


def threads(settings: Settings) -> int:
    """Return how many requests are served at once."""
    return settings.max_generations + LISTENERS + settings.max_conversions + WAITING + SPARE_THREADS


def _start_line(settings: Settings) -> str:
    engine = settings.engine if settings.broker_url is None else "those of the Celery workers"
    if settings.is_local:
        engine += " (a CPU stand-in; HUNYUAN_SPACE_ID=tencent/Hunyuan3D-2 is the real one)"
    return f"DreamLab listens on http://{settings.host}:{settings.port}, engine: {engine}"


def listen(host: str, port: int) -> List[socket.socket]:
    """Return a socket for each address of `host`. Raises CannotListen."""
    try:
        found = socket.getaddrinfo(
            None if host == "*" else host.strip("[]"),
            port,
            type=socket.SOCK_STREAM,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_PASSIVE,
        )
        # Some systems name an address twice.
        return [_listen_at(family, address) for family, _, _, _, address in dict.fromkeys(found)]
    except OSError as error:
        message = f"HOST and PORT cannot be listened on: {error}"
        is_taken = error.errno == errno.EADDRINUSE
        if is_taken and sys.platform == "darwin" and port == AIRPLAY_PORT:
            message += "; macOS' AirPlay Receiver uses port 5000: set PORT to another one"
        raise CannotListen(message) from error


def _listen_at(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform == "win32":
        # By itself, Windows lets a second server have the same port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    listener.listen()
    return listener


if sys.platform == "win32":

    def bound_connections() -> int:
        """Return how many connections the system can take."""
        return SELECT_CONNECTIONS

else:
    import resource

    def bound_connections() -> int:
        """Return how many connections the system can take, if asked for more: macOS gives 256."""
        # A negative limit is none.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= soft < DESCRIPTORS:
            soft = min(DESCRIPTORS, hard) if hard >= 0 else DESCRIPTORS
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(MAX_CONNECTIONS, soft * 3 // 4) if soft >= 0 else MAX_CONNECTIONS


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with protection against slow clients, for which waitress has no setting.

    It counts as active only while it sends MIN_BYTES in MIN_BYTES_S. waitress by itself renews its
    channel_timeout with any single byte.
    """

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
