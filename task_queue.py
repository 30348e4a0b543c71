"""Generations made by Celery workers, on as many machines as there are: what a front end does.

Messages carry names: the files are in the sessions' folder, which all hosts mount. A task is
acknowledged when it has ended, so that the broker hands it on if its worker dies; whichever attempt
ends first makes the model.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import redis
from celery import Celery, _state, states
from kombu.entity import Queue
from kombu.exceptions import OperationalError

import errors
from errors import GenerationTimeout, GeneratorUnavailable
from generation import Capacity, Made, Source
from hunyuan_service import OnProgress, Progress, Queued
from order import Options
from places import Places
from session_store import Session
from settings import PLAIN, QUEUES, TEXTURED, Settings

log = logging.getLogger("dreamlab")

TASK = "dreamlab.generate"
# The state of a task that an attempt is at, beside Celery's own ones.
WORKING = "WORKING"
# What a worker answers with its engine.
ENGINE_QUESTION = "engine"
_POLL_S = 0.2
_RENEW_S = 1.0
_PROBE_S = 5.0
# How long an attempt that has reached its limit may take to say so.
_SLACK_S = 2.0
_MAX_ATTEMPTS = 3
# What Redis may be away for without a waiting request noticing.
_BLIND_S = 10.0
# A model that is there for longer without a result is one whose result got lost.
_RESULT_LATE_S = 3.0
# What the broker may take to be reached, and to take a message.
_BROKER_S = 5.0


class Order(NamedTuple):
    """What a message says: the session, its uploads by side, the model's reserved name, options."""

    session_id: str
    views: Dict[str, str]
    model: str
    options: Dict[str, Any]


class Report(NamedTuple):
    """What a worker says of an attempt that goes on: Progress or Queued, by its name and values."""

    attempt: str
    engine: str
    kind: Optional[str] = None
    values: Sequence[Any] = ()


class Outcome(NamedTuple):
    """What a worker says in the end: the seed, or the parts of an error."""

    engine: str
    seed: Optional[int] = None
    error: Optional[Dict[str, Any]] = None


def connect(settings: Settings, queues: Sequence[str]) -> Celery:
    """The Celery application of `settings`, for a front end or for a worker of some `queues`."""
    broker = str(settings.broker_url)
    celery = Celery("dreamlab", broker=broker, backend=settings.result_backend)
    longest_s = _longest_s(settings)
    celery.conf.update(
        task_queues=[Queue(name, durable=True) for name in queues],
        task_default_queue=queues[0],
        task_serializer="json",
        accept_content=["json"],
        result_expires=int(longest_s + 3600),
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"confirm_publish": True}
        if broker.startswith("amqp")
        else {"visibility_timeout": max(3600, longest_s)},
        broker_connection_timeout=_BROKER_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A host that is gone without a word is noticed after two of these.
        broker_heartbeat=10,
        redis_socket_timeout=_BROKER_S,
        redis_socket_connect_timeout=_BROKER_S,
        result_backend_thread_safe=True,
    )
    return celery


def _longest_s(settings: Settings) -> float:
    return settings.generation_timeout_s * _MAX_ATTEMPTS


class TaskQueue:
    """The workers as a front end sees them. Safe for threads."""

    def __init__(self, settings: Settings) -> None:
        # Nobody joins results here. Else Celery subscribes to a channel of Redis for each task,
        # which nobody reads.
        _state._set_task_join_will_block(True)
        self._settings = settings
        self._celery = connect(settings, QUEUES)
        self._backend: Any = self._celery.backend
        self._capacity = Capacity(settings.max_generations)
        self._places = Places(
            self._backend.client, settings.max_queue, settings.max_generations_per_session
        )
        self._closing = threading.Event()
        self._seen = _Seen("starting", [], 0)
        threading.Thread(target=self._keep_probing, daemon=True).start()

    @contextmanager
    def slot(self, session: Session) -> Iterator[str]:
        """Hold one of this process's places and one of all, with an id for what is made in it.

        Raises GeneratorBusy, and GeneratorUnavailable when Redis is away.
        """
        with self._capacity.slot(session) as generation_id:
            try:
                self._places.take(generation_id, session.id)
            except redis.RedisError as error:
                log.warning("no result backend: %r", error)
                raise GeneratorUnavailable("The task queue cannot be reached.") from error
            try:
                yield generation_id
            finally:
                with suppress(redis.RedisError):
                    self._places.give_back(generation_id, session.id, QUEUES)

    def run(
        self,
        generation_id: str,
        session: Session,
        sources: List[Source],
        options: Options,
        on_progress: OnProgress = lambda news: None,
    ) -> Made:
        """Have one model made, in a place that is held, and wait. Raises what generation.run does.

        It is made and listed all the same when nobody waits any longer.
        """
        queue = TEXTURED if options.texture else PLAIN
        task = _Task(generation_id, session, session.reserve(sources[0].upload.name), queue)
        views = {source.side: source.upload.name for source in sources}
        order = Order(session.id, views, task.model, asdict(options))
        # A draft keeps the session from being swept while its task waits.
        with session.draft():
            self._send(task, order)
            try:
                return self._wait(task, on_progress)
            except GenerationTimeout:
                with suppress(OperationalError, OSError):
                    self._celery.control.revoke(task.id)
                raise

    def health(self) -> Dict[str, Any]:
        """What the health route tells, known at once."""
        seen = self._seen
        return {
            "engine": seen.engine,
            "generator": seen.state,
            "generating": self._capacity.in_flight,
            "capacity": self._capacity.limit,
            "workers": len(seen.engines),
            "queued": seen.queued,
        }

    def close(self) -> None:
        """End the waiting, each with GeneratorUnavailable; the workers go on."""
        self._closing.set()

    def _send(self, task: _Task, order: Order) -> None:
        try:
            self._celery.send_task(
                TASK,
                args=[order._asdict()],
                task_id=task.id,
                queue=task.queue,
                expires=_longest_s(self._settings),
                confirm_timeout=_BROKER_S,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0.1},
            )
        except (OperationalError, OSError) as error:
            log.warning("no broker: %r", error)
            raise GeneratorUnavailable("The task queue cannot be reached.") from error

    def _wait(self, task: _Task, on_progress: OnProgress) -> Made:
        limit_s = self._settings.generation_timeout_s
        heard = time.monotonic()
        deadline = heard + limit_s + _SLACK_S
        while not self._closing.wait(_POLL_S):
            try:
                state, said = self._look(task, on_progress)
                heard = time.monotonic()
            except redis.RedisError as error:
                state, said = states.PENDING, None
                if time.monotonic() - heard > _BLIND_S:
                    log.warning("no result backend: %r", error)
                    raise GeneratorUnavailable(
                        "It is not known at the moment what becomes of the model: once it is made, "
                        "it is in the session's list."
                    ) from error
            if state == states.SUCCESS:
                return task.end(Outcome(*said))
            if state == states.FAILURE:
                raise RuntimeError(f"a worker failed: {said!r}")
            if state == WORKING and task.hear(Report(*said), on_progress):
                # The limit is one attempt's; another one began.
                deadline = time.monotonic() + limit_s + _SLACK_S
            if task.has_lost_its_result():
                return Made(task.model, None, task.engine or self._seen.engine)
            if state == states.REVOKED or time.monotonic() > deadline:
                raise GenerationTimeout(f"The generator made no model within {limit_s:g} seconds.")
        raise GeneratorUnavailable("The server is stopping.")

    def _look(self, task: _Task, on_progress: OnProgress) -> Tuple[str, Any]:
        """The task's state and what was said with it; its place is renewed now and then."""
        meta = self._backend.get_task_meta(task.id, cache=False)
        if time.monotonic() - task.renewed > _RENEW_S:
            task.renewed = time.monotonic()
            waits = meta["status"] == states.PENDING
            position = self._places.renew(task.id, task.session.id, task.queue, waits)
            if waits and position != task.position:
                task.position = position
                on_progress(Queued(position, None))
        return meta["status"], meta["result"]

    def _keep_probing(self) -> None:
        while not self._closing.is_set():
            try:
                engines = self._engines()
                self._seen = _Seen("ready" if engines else "unreachable", engines, self._queued())
            except (OperationalError, OSError) as error:
                log.warning("no broker: %r", error)
                self._seen = _Seen("unreachable", [], 0)
            self._closing.wait(_PROBE_S)

    def _engines(self) -> List[str]:
        told = self._celery.control.broadcast(ENGINE_QUESTION, reply=True, timeout=1.0) or []
        return [answer["engine"] for reply in told for answer in reply.values()]

    def _queued(self) -> int:
        """How many tasks the broker holds that no worker has taken."""
        total = 0
        with self._celery.connection_for_read() as connection:
            for queue in QUEUES:
                # A queue that nobody has used yet is not there.
                with suppress(*connection.channel_errors), connection.channel() as channel:
                    total += channel.queue_declare(queue, passive=True).message_count
        return total


class _Seen(NamedTuple):
    """What the last look at the workers showed."""

    state: str
    engines: List[str]
    queued: int

    @property
    def engine(self) -> str:
        return ", ".join(sorted(set(self.engines))) or "none"


class _Task:
    """What one waiting request knows of its task."""

    def __init__(self, task_id: str, session: Session, model: str, queue: str) -> None:
        self.id = task_id
        self.session = session
        self.model = model
        self.queue = queue
        self.engine = ""
        self.position = 0
        self.renewed = 0.0
        self._attempts: Set[str] = set()
        self._last: Optional[Report] = None
        self._made_at: Optional[float] = None

    def hear(self, report: Report, on_progress: OnProgress) -> bool:
        """Pass on what is new. Whether another attempt began, of those that are allowed."""
        if report != self._last and report.kind is not None:
            kind = Queued if report.kind == Queued.__name__ else Progress
            on_progress(kind(*report.values))
        self._last, self.engine = report, report.engine
        began = report.attempt not in self._attempts
        self._attempts.add(report.attempt)
        return began and len(self._attempts) <= _MAX_ATTEMPTS

    def end(self, outcome: Outcome) -> Made:
        """The model, or the error that the worker met."""
        if outcome.error is not None:
            raise errors.from_plain(outcome.error)
        return Made(self.model, outcome.seed, outcome.engine)

    def has_lost_its_result(self) -> bool:
        """Whether the model is there, and its result has not come for too long."""
        if self._made_at is None and self.session.is_made(self.model):
            self._made_at = time.monotonic()
        return self._made_at is not None and time.monotonic() - self._made_at > _RESULT_LATE_S
