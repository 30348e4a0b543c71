"""The front end's side of the cluster: a Generator whose models are made by Celery workers.

Messages have names only: the files are in the sessions' folder, which all hosts mount. A task is
acknowledged when it ends, so the broker gives it to another worker if its worker dies. The first
attempt that ends saves the model.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import redis
from celery import _state, states
from kombu.exceptions import OperationalError

from dreamlab.cluster import messages
from dreamlab.cluster.limits import SharedLimits
from dreamlab.cluster.messages import AttemptReport, GenerationTask, TaskResult
from dreamlab.errors import GenerationTimeout, GeneratorUnavailable
from dreamlab.generation.limits import Capacity
from dreamlab.generation.run import GeneratedModel, Generation
from dreamlab.settings import PLAIN, QUEUES, TEXTURED, Settings
from dreamlab.space.progress import OnProgress, Progress, Queued, ignore_progress
from dreamlab.storage.session import Session

log = logging.getLogger("dreamlab")

_POLL_S = 0.2
_RENEW_S = 1.0
_PROBE_S = 5.0
# An attempt that reaches its limit has this long to report it.
_SLACK_S = 2.0
# A waiting request tolerates that Redis is away for this long.
_REDIS_AWAY_S = 10.0
# If a model is saved and its result does not come within this time, the result is lost.
_RESULT_LATE_S = 3.0
_QUEUE_UNREACHABLE = "The task queue cannot be reached."
_NO_WORKER = "No worker answers."


class CeleryGenerator:
    """A Generator whose generations are tasks of Celery workers. Safe for threads."""

    def __init__(self, settings: Settings) -> None:
        # Nobody joins results here. Otherwise Celery subscribes to a Redis channel for each task,
        # which nobody reads.
        _state._set_task_join_will_block(True)
        self._settings = settings
        self._celery = messages.make_celery(settings, QUEUES)
        self._backend: Any = self._celery.backend
        self._capacity = Capacity(settings.max_generations)
        self._limits = SharedLimits(
            self._backend.client, settings.max_queue, settings.max_generations_per_session
        )
        self._closing = threading.Event()
        self._workers = _Workers("starting", "The workers have not answered yet.", [], 0)
        threading.Thread(target=self._keep_probing, daemon=True).start()

    @contextmanager
    def slot(self, session: Session) -> Iterator[str]:
        """Hold a slot of this process and a lease of all front ends, with a new generation id.

        Raises GeneratorBusy, and GeneratorUnavailable when Redis cannot be reached.
        """
        with self._capacity.slot(session) as generation_id:
            try:
                self._limits.acquire(generation_id, session.id)
            except redis.RedisError as error:
                log.warning("no result backend: %r", error)
                raise GeneratorUnavailable(_QUEUE_UNREACHABLE) from error
            try:
                yield generation_id
            finally:
                with suppress(redis.RedisError):
                    self._limits.release(generation_id, session.id, QUEUES)

    def run(
        self, generation: Generation, on_progress: OnProgress = ignore_progress
    ) -> GeneratedModel:
        """Have a worker generate one model, and wait for it. Raises what `run.run` raises.

        The model is saved and listed even if nobody waits any longer.
        """
        queue = TEXTURED if generation.options.texture else PLAIN
        waiting = _WaitingTask(generation, queue)
        # A session with a draft is not swept while its task waits.
        with generation.session.draft():
            self._send(waiting)
            try:
                return self._wait(waiting, on_progress)
            except GenerationTimeout:
                with suppress(OperationalError, OSError):
                    self._celery.control.revoke(waiting.id)
                raise

    def health(self) -> Dict[str, Any]:
        """Return what the last probe found."""
        workers = self._workers
        return {
            "engine": workers.engine,
            "generator": workers.state,
            "reason": workers.reason,
            **self._capacity.health(),
            "workers": len(workers.engines),
            "queued": workers.queued,
        }

    def close(self) -> None:
        """End the requests that wait, each with GeneratorUnavailable. The workers go on."""
        self._closing.set()

    def _send(self, waiting: _WaitingTask) -> None:
        try:
            self._celery.send_task(
                messages.TASK,
                args=[waiting.task._asdict()],
                task_id=waiting.id,
                queue=waiting.queue,
                expires=messages.longest_task_s(self._settings),
                confirm_timeout=messages.BROKER_TIMEOUT_S,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0.1},
            )
        except (OperationalError, OSError) as error:
            log.warning("no broker: %r", error)
            raise GeneratorUnavailable(_QUEUE_UNREACHABLE) from error

    def _wait(self, waiting: _WaitingTask, on_progress: OnProgress) -> GeneratedModel:
        limit_s = self._settings.generation_timeout_s
        reached_redis = time.monotonic()
        deadline = reached_redis + limit_s + _SLACK_S
        while not self._closing.wait(_POLL_S):
            try:
                state, message = self._poll(waiting, on_progress)
                reached_redis = time.monotonic()
            except redis.RedisError as error:
                state, message = states.PENDING, None
                if time.monotonic() - reached_redis > _REDIS_AWAY_S:
                    log.warning("no result backend: %r", error)
                    raise GeneratorUnavailable(
                        "It is not known at the moment what becomes of the model: once it is made, "
                        "it is in the session's list."
                    ) from error
            if state == states.SUCCESS:
                return waiting.finish(TaskResult(*message))
            if state == states.FAILURE:
                raise RuntimeError(f"a worker failed: {message!r}")
            if state == messages.WORKING and waiting.update(AttemptReport(*message), on_progress):
                # The limit is that of one attempt, and a new one has begun.
                deadline = time.monotonic() + limit_s + _SLACK_S
            if waiting.has_lost_its_result():
                engine = waiting.engine or self._workers.engine
                return GeneratedModel(waiting.model, waiting.task.options["seed"], engine)
            if state == states.REVOKED or time.monotonic() > deadline:
                raise GenerationTimeout(limit_s)
        raise GeneratorUnavailable("The server is stopping.")

    def _poll(self, waiting: _WaitingTask, on_progress: OnProgress) -> Tuple[str, Any]:
        """Return the task's state and message. Renew its lease now and then."""
        meta = self._backend.get_task_meta(waiting.id, cache=False)
        if time.monotonic() - waiting.renewed > _RENEW_S:
            waiting.renewed = time.monotonic()
            is_pending = meta["status"] == states.PENDING
            position = self._limits.renew(waiting.id, waiting.session.id, waiting.queue, is_pending)
            if is_pending and position != waiting.position:
                waiting.position = position
                on_progress(Queued(position, None))
        return meta["status"], meta["result"]

    def _keep_probing(self) -> None:
        while not self._closing.is_set():
            try:
                engines = self._engines()
                state, reason = ("ready", None) if engines else ("unreachable", _NO_WORKER)
                self._workers = _Workers(state, reason, engines, self._queued())
            except (OperationalError, OSError) as error:
                log.warning("no broker: %r", error)
                self._workers = _Workers("unreachable", _QUEUE_UNREACHABLE, [], 0)
            self._closing.wait(_PROBE_S)

    def _engines(self) -> List[str]:
        command = messages.ENGINE_COMMAND
        replies = self._celery.control.broadcast(command, reply=True, timeout=1.0) or []
        return [answer["engine"] for reply in replies for answer in reply.values()]

    def _queued(self) -> int:
        """Return the number of tasks that no worker has taken yet."""
        total = 0
        with self._celery.connection_for_read() as connection:
            for queue in QUEUES:
                # A queue that nobody has used yet does not exist.
                with suppress(*connection.channel_errors), connection.channel() as channel:
                    total += channel.queue_declare(queue, passive=True).message_count
        return total


class _Workers(NamedTuple):
    """What the last probe found of the workers."""

    state: str
    reason: Optional[str]
    engines: List[str]
    queued: int

    @property
    def engine(self) -> str:
        return ", ".join(sorted(set(self.engines))) or "none"


class _WaitingTask:
    """What one waiting request knows of its task."""

    def __init__(self, generation: Generation, queue: str) -> None:
        self.id = generation.id
        self.session = generation.session
        self.model = self.session.reserve(generation.filename)
        self.queue = queue
        uploads = {view.side: view.upload.name for view in generation.views}
        options = asdict(generation.options)
        self.task = GenerationTask(self.session.id, uploads, self.model, options)
        self.engine = ""
        self.position = 0
        self.renewed = 0.0
        self._attempts: Set[str] = set()
        self._last: Optional[AttemptReport] = None
        self._saved_at: Optional[float] = None

    def update(self, report: AttemptReport, on_progress: OnProgress) -> bool:
        """Pass on a new progress event. Return whether a new attempt began that is allowed."""
        if report != self._last and report.event is not None:
            event_type = Queued if report.event == Queued.__name__ else Progress
            on_progress(event_type(*report.fields))
        self._last, self.engine = report, report.engine
        is_new = report.attempt_id not in self._attempts
        self._attempts.add(report.attempt_id)
        return is_new and len(self._attempts) <= messages.MAX_ATTEMPTS

    def finish(self, result: TaskResult) -> GeneratedModel:
        """Return the model, or raise the worker's error."""
        if result.error is not None:
            raise messages.error_from_dict(result.error)
        return GeneratedModel(
            self.model, result.seed, result.engine, result.warnings, result.lacks_texture
        )

    def has_lost_its_result(self) -> bool:
        """Return whether the model is saved and its result has not come for too long."""
        if self._saved_at is None and self.session.was_saved(self.model):
            self._saved_at = time.monotonic()
        return self._saved_at is not None and time.monotonic() - self._saved_at > _RESULT_LATE_S
