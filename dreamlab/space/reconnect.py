"""Keeps one connection to the generator: connects again when the server is a new process."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Callable, NamedTuple, Optional

from dreamlab.errors import GenerationTimeout, GeneratorStarting, GeneratorUnavailable
from dreamlab.settings import Settings
from dreamlab.space import servers
from dreamlab.space.connection import Connection, connect
from dreamlab.space.deadlines import call_within, in_thread, seconds_left

log = logging.getLogger(__name__)

# A Space that is asleep can take minutes to wake. The client should rather come back.
_CONNECT_TIMEOUT_S = 30.0
# Longer than the requests to Hugging Face and to a Space that wakes: these know what is wrong.
_PROBE_TIMEOUT_S = 12.0
_SAME_SERVER_TIMEOUT_S = 5.0
_RETRY_WHILE_STARTING_S = 10
_PROBE_EVERY_S = 8.0
_PROBE_WHILE_STARTING_S = 0.5

# Returns the generator's address (a URL or a Space's id). It waits for at most that many seconds,
# and raises TimeoutError while the generator is still starting.
Locate = Callable[[float], str]


class Health(NamedTuple):
    """Whether the generator is `starting`, `ready` or `unreachable`, and what is wrong with it."""

    state: str
    reason: Optional[str] = None


class Connector:
    """The current connection to one generator. All threads share it."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self._settings = settings
        self._locate = locate or (lambda timeout_s: settings.engine)
        self._lock = threading.Lock()
        self._connection: Optional[Future[Connection]] = None
        self._closing = threading.Event()
        self._health = Health("starting", "The generator has not answered yet.")
        self._probe: Optional[threading.Thread] = None

    def connected(self, deadline: float) -> Connection:
        """Return a connection to the server that runs now.

        Raises GeneratorUnavailable, and GenerationTimeout after `deadline`.
        """
        try:
            return self._connected(seconds_left(deadline), deadline)
        except GeneratorStarting:
            raise
        except GeneratorUnavailable as error:
            if seconds_left(deadline) == 0:
                raise GenerationTimeout(self._settings.generation_timeout_s) from error
            raise

    def health(self) -> Health:
        """Return what was seen last, by a generation or by a probe in the background."""
        with self._lock:
            if self._probe is None:
                self._probe = threading.Thread(target=self._keep_probing, daemon=True)
                self._probe.start()
        return self._health

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def close(self) -> None:
        """Stop probing."""
        self._closing.set()

    def _connected(self, locate_s: float, deadline: float) -> Connection:
        """Return a connection, and note for `health` what came of it."""
        try:
            address = self._address(locate_s)
            connection = self._connect(address, deadline)
        except GeneratorUnavailable as error:
            self._note_error(error)
            raise
        health = Health("ready", connection.description.warning)
        if health != self._health:
            log.info("%s is ready", self._settings.engine)
            if health.reason:
                log.warning("%s: %s", self._settings.engine, health.reason)
        self._health = health
        return connection

    def _address(self, timeout_s: float) -> str:
        try:
            return self._locate(timeout_s)
        except TimeoutError as error:
            raise GeneratorStarting(
                "The generator is still starting. Try again soon.", _RETRY_WHILE_STARTING_S
            ) from error
        except Exception as error:
            log.exception("the generator cannot be started")
            raise GeneratorUnavailable("The generator cannot be started.") from error

    def _connect(self, address: str, deadline: float) -> Connection:
        limit = min(deadline, time.monotonic() + _CONNECT_TIMEOUT_S)
        future = self._current(address, limit)
        wait([future], timeout=seconds_left(limit))
        if not future.done():
            raise GeneratorUnavailable(servers.NO_ANSWER)
        error = future.exception()
        if isinstance(error, GeneratorUnavailable):
            raise error
        if isinstance(error, Exception):
            raise servers.explain(error) from error
        return future.result()

    def _note_error(self, error: GeneratorUnavailable) -> None:
        state = "starting" if isinstance(error, GeneratorStarting) else "unreachable"
        health = Health(state, str(error))
        if health != self._health:
            cause = f" ({error.__cause__!r})" if error.__cause__ else ""
            log.warning("%s is not ready: %s%s", self._settings.engine, error, cause)
        self._health = health

    def _current(self, address: str, deadline: float) -> Future[Connection]:
        """Return the last connection if it is still good, else begin a new one.

        This is a function of its own because its caller's frame is in a failed connection's
        traceback: with the last connection in that frame, each failure would hold all earlier ones.
        """
        known = self._connection
        if known is None or not self._is_good(known, address, deadline):
            with self._lock:
                if self._connection is known:
                    self._connection = in_thread(connect, address, self._settings)
        assert self._connection is not None
        return self._connection

    def _is_good(self, known: Future[Connection], address: str, deadline: float) -> bool:
        if not known.done():
            return True
        if known.exception() is not None or known.result().address != address:
            return False
        limit = min(deadline, time.monotonic() + _SAME_SERVER_TIMEOUT_S)
        try:
            return bool(call_within(limit, known.result().is_to_same_server))
        except Exception as error:
            log.info("connecting to %s again: %r", self._settings.engine, error)
            return False

    def _keep_probing(self) -> None:
        while not self._closing.is_set():
            with suppress(GeneratorUnavailable):
                self._connected(0, time.monotonic() + _PROBE_TIMEOUT_S)
            is_starting = self._settings.is_local and self._health.state == "starting"
            self._closing.wait(_PROBE_WHILE_STARTING_S if is_starting else _PROBE_EVERY_S)
