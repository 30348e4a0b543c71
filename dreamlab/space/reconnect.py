"""Keeps one connection to the generator: connects again when the server is a new process."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from typing import Callable, Optional

from dreamlab.errors import GenerationError, GenerationTimeout, GeneratorUnavailable
from dreamlab.settings import Settings
from dreamlab.space.connection import Connection
from dreamlab.space.deadlines import call_within, in_thread, seconds_left

log = logging.getLogger(__name__)

# A Space that is asleep can take minutes to wake. The client should rather come back.
_CONNECT_TIMEOUT_S = 30.0
_SAME_SERVER_TIMEOUT_S = 5.0
_PROBE_EVERY_S = 8.0
_PROBE_WHILE_STARTING_S = 0.5

# Returns the generator's address (a URL or a Space's id). It waits for at most that many seconds,
# and raises TimeoutError while the generator is still starting.
Locate = Callable[[float], str]


class _StillStarting(GeneratorUnavailable):
    pass


class Connector:
    """The current connection to one generator. All threads share it."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self._settings = settings
        self._locate = locate or (lambda timeout_s: settings.engine)
        self._lock = threading.Lock()
        self._connection: Optional[Future[Connection]] = None
        self._closing = threading.Event()
        self._state = "starting"
        self._probe: Optional[threading.Thread] = None

    def connected(self, deadline: float) -> Connection:
        """Return a connection to the server that runs now.

        Raises GeneratorUnavailable, and GenerationTimeout after `deadline`.
        """
        import httpx

        try:
            address = self._locate(seconds_left(deadline))
        except TimeoutError as error:
            raise _StillStarting("The generator is still starting. Try again soon.") from error
        except Exception as error:
            log.exception("the generator cannot be started")
            raise GeneratorUnavailable("The generator cannot be started.") from error
        future = self._current(address, deadline)
        try:
            return future.result(timeout=min(_CONNECT_TIMEOUT_S, seconds_left(deadline)))
        except Exception as error:
            if not future.done() and seconds_left(deadline) == 0:
                raise GenerationTimeout(self._settings.generation_timeout_s) from error
            if isinstance(error, httpx.ReadTimeout):
                # Another request began to connect and ran out of time. This one has time left.
                return self.connected(deadline)
            log.warning("no connection to %s: %r", self._settings.engine, error)
            raise GeneratorUnavailable from error

    def state(self) -> str:
        """Return `starting`, `ready` or `unreachable`: the result of a probe in the background."""
        with self._lock:
            if self._probe is None:
                self._probe = threading.Thread(target=self._keep_probing, daemon=True)
                self._probe.start()
        return self._state

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def close(self) -> None:
        """Stop probing."""
        self._closing.set()

    def _current(self, address: str, deadline: float) -> Future[Connection]:
        """Return the last connection if it is still good, else begin a new one.

        This is a function of its own because its caller's frame is in a failed connection's
        traceback: with the last connection in that frame, each failure would hold all earlier ones.
        """
        known = self._connection
        if known is None or not self._is_good(known, address, deadline):
            with self._lock:
                if self._connection is known:
                    self._connection = in_thread(Connection, address, self._settings)
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
            try:
                self.connected(time.monotonic() + _SAME_SERVER_TIMEOUT_S)
                self._state = "ready"
            except _StillStarting:
                self._state = "starting"
            except GenerationError as error:
                if self._state != "unreachable":
                    log.warning("the generator cannot be reached: %s", error)
                self._state = "unreachable"
            is_starting = self._state == "starting"
            self._closing.wait(_PROBE_WHILE_STARTING_S if is_starting else _PROBE_EVERY_S)
