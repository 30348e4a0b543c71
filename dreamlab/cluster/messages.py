"""What front ends and workers send to each other: names and plain data, never files."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Sequence

from celery import Celery
from kombu.entity import Queue

from dreamlab.errors import DreamLabError
from dreamlab.settings import Settings

TASK = "dreamlab.generate"
# The state of a task while an attempt runs, beside Celery's own states.
WORKING = "WORKING"
# The remote-control command that asks a worker for its engine.
ENGINE_COMMAND = "engine"
MAX_ATTEMPTS = 3
# The limit for connecting to the broker, and for sending it a message.
BROKER_TIMEOUT_S = 5.0


class GenerationTask(NamedTuple):
    """The task: a session, upload names by side, the model's reserved name and the options."""

    session_id: str
    views: Dict[str, str]
    model: str
    options: Dict[str, Any]


class AttemptReport(NamedTuple):
    """A worker's report of an attempt that runs, with the name and fields of a progress event."""

    attempt_id: str
    engine: str
    event: Optional[str] = None
    fields: Sequence[Any] = ()


class TaskResult(NamedTuple):
    """The end of a task: what is told of the model, or the fields of an error."""

    engine: str
    seed: Optional[int] = None
    error: Optional[Dict[str, Any]] = None
    warnings: Sequence[str] = ()
    lacks_texture: bool = False


def error_to_dict(error: DreamLabError) -> Dict[str, Any]:
    """Return the fields of an error, for a message."""
    return {
        "status": error.status,
        "code": error.code,
        "message": str(error),
        "retry_after": error.retry_after,
    }


def error_from_dict(fields: Dict[str, Any]) -> DreamLabError:
    """Return the error with these fields. Its class is the root of the family."""
    error = DreamLabError(fields["message"], fields["retry_after"])
    error.status, error.code = fields["status"], fields["code"]
    return error


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
