"""The delivery of webhooks, signed as the Standard Webhooks specification says, until a 2xx."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Callable, List, Optional, Tuple
from urllib.parse import urlsplit

from dreamlab import background
from dreamlab.settings import Settings
from dreamlab.space.deadlines import call_within
from dreamlab.space.proxies import certificates
from dreamlab.webhooks import public

log = logging.getLogger("dreamlab")

# The pauses after the first, second, … attempt. The last one is repeated for a day.
PAUSES_S = (5.0, 60.0, 600.0)
GIVE_UP_S = 86400.0
ATTEMPT_S = 10.0
_TIMEOUTS = ("connect", "read", "write", "pool")
_MAX_ANSWER_BYTES = 65536
# Receivers that hang hold up at most so many others.
_WORKERS = 8


@dataclass
class _Delivery:
    url: str
    message_id: str
    body: bytes
    settled: Callable[[], None]
    request_id: str
    first: float
    attempts: int = 0


class Webhooks:
    """Sends webhooks from threads of its own. Nothing is started before the first one."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.webhook_secret
        self._allow_private = settings.webhook_allow_private
        self._due: List[Tuple[float, int, _Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._pool: Optional[ThreadPoolExecutor] = None

    def send(self, url: str, message_id: str, body: bytes, settled: Callable[[], None]) -> None:
        """Deliver `body`, JSON, as a POST. `settled` is called after a 2xx, or after giving up.

        Returns at once. Every attempt has the same `message_id`, by which a receiver knows it.
        """
        with self._changed:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="webhook")
                background.start(self._work)
        now, request_id = time.monotonic(), background.REQUEST_ID.get()
        self._put(now, _Delivery(url, message_id, body, settled, request_id, now))

    def _put(self, when: float, delivery: _Delivery) -> None:
        with self._changed:
            heapq.heappush(self._due, (when, next(self._numbers), delivery))
            self._changed.notify()

    def _work(self) -> None:
        """Give each delivery to the pool when it is due."""
        assert self._pool is not None
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    pause = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(pause)
                _, _, delivery = heapq.heappop(self._due)
            self._pool.submit(background.for_request, delivery.request_id, self._attempt, delivery)

    def _attempt(self, delivery: _Delivery) -> None:
        pause = PAUSES_S[min(delivery.attempts, len(PAUSES_S) - 1)]
        delivery.attempts += 1
        status, reason = 0, ""
        try:
            status = self._post(delivery)
        except Exception as error:
            # A receiver can fail in any way.
            reason = type(error).__name__
        host = urlsplit(delivery.url).hostname
        log.info("webhook to %s: %s, attempt %d", host, reason or status, delivery.attempts)
        if 200 <= status < 300 or time.monotonic() + pause - delivery.first > GIVE_UP_S:
            delivery.settled()
        else:
            self._put(time.monotonic() + pause, delivery)

    def _post(self, delivery: _Delivery) -> int:
        """Make one attempt. Return the status of the answer, whose body is thrown away."""
        import httpcore

        backend = public.backend(self._allow_private)
        pool = httpcore.ConnectionPool(ssl_context=certificates(), network_backend=backend)

        def post() -> int:
            with pool.stream(
                "POST",
                delivery.url,
                headers=self._headers(delivery),
                content=delivery.body,
                extensions={"timeout": dict.fromkeys(_TIMEOUTS, ATTEMPT_S)},
            ) as answer:
                size = 0
                for chunk in answer.iter_stream():
                    size += len(chunk)
                    if size > _MAX_ANSWER_BYTES:
                        break
                return int(answer.status)

        with pool:
            # A receiver may send one byte after another.
            status: int = call_within(time.monotonic() + ATTEMPT_S, post)
            return status

    def _headers(self, delivery: _Delivery) -> List[Tuple[str, str]]:
        from standardwebhooks.webhooks import Webhook

        now = datetime.now(timezone.utc)
        signer = Webhook(str(self._secret))
        return [
            ("host", urlsplit(delivery.url).netloc),
            ("content-type", "application/json"),
            ("content-length", str(len(delivery.body))),
            ("user-agent", "DreamLab"),
            ("webhook-id", delivery.message_id),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", signer.sign(delivery.message_id, now, delivery.body.decode())),
        ]
