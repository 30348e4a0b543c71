"""What front ends and workers send to each other: names and plain data, never files.

A task has the id of its generation, whose record is in the session's folder. It returns how that
ended, as the record has it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, NamedTuple, Optional, Sequence

from celery import Celery
from kombu.entity import Queue
from redis import Redis, RedisError

from dreamlab.settings import Settings
from dreamlab.space.progress import Progress, ProgressEvent, Queued

TASK = "dreamlab.generate"
# The state of a task while an attempt runs, beside Celery's own states.
WORKING = "WORKING"
# The remote-control command that asks a worker for its engine.
ENGINE_COMMAND = "engine"
MAX_ATTEMPTS = 3
# The limit for connecting to the broker, and for sending it a message.
BROKER_TIMEOUT_S = 5.0
_ASK_S = 1.0


class AttemptReport(NamedTuple):
    """A worker's report of an attempt that runs, with the name and fields of a progress event."""

    attempt_id: str
    event: Optional[str] = None
    fields: Sequence[Any] = ()

    def progress(self) -> Optional[ProgressEvent]:
        """Return the progress event, if there is one."""
        if self.event is None:
            return None
        return (Queued if self.event == Queued.__name__ else Progress)(*self.fields)


class Cancellation:
    """Whether a generation was cancelled, as a front end tells the worker by a key in Redis."""

    def __init__(self, redis: Redis, generation_id: str) -> None:
        self._redis = redis
        self._key = f"dreamlab:cancelled:{generation_id}"
        self._asked_at = 0.0

    def set(self, seconds: float) -> None:
        """Cancel it. The key stays for so long. Raises redis.RedisError."""
        self._redis.set(self._key, 1, ex=int(seconds))

    def __call__(self) -> bool:
        """Return whether it was cancelled. Redis is asked once a second."""
        if time.monotonic() - self._asked_at < _ASK_S:
            return False
        self._asked_at = time.monotonic()
        # A task does not fail because Redis is away.
        with suppress(RedisError):
            return bool(self._redis.exists(self._key))
        return False


def longest_task_s(settings: Settings) -> float:
    """Return the time limit of a task with all its attempts."""
    return settings.generation_timeout_s * MAX_ATTEMPTS


def make_celery(settings: Settings, queues: Sequence[str]) -> Celery:
    """Return the Celery application for a front end, or for a worker of some `queues`."""
    broker = str(settings.broker_url)
    celery = Celery("dreamlab", broker=broker, backend=settings.result_backend)
    longest_s = longest_task_s(settings)
    celery.conf.update(
        task_queues=[Queue(name, durable=True) for name in queues],
        task_default_queue=queues[0],
        task_serializer="json",
        accept_content=["json"],
        result_expires=int(longest_s + 3600),
        # A task is acknowledged at its end: if its worker dies, the broker gives it to another one.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"confirm_publish": True}
        if broker.startswith("amqp")
        else {"visibility_timeout": max(3600, longest_s)},
        broker_connection_timeout=BROKER_TIMEOUT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # RabbitMQ notices a lost host after two heartbeats.
        broker_heartbeat=10,
        redis_socket_timeout=BROKER_TIMEOUT_S,
        redis_socket_connect_timeout=BROKER_TIMEOUT_S,
        result_backend_thread_safe=True,
    )
    return celery
