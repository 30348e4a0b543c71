"""The front end's side of the cluster: a Generator whose models are made by Celery workers.

Messages have names only: the files are in the sessions' folder, which all hosts mount. A task is
acknowledged when it ends, so the broker gives it to another worker if its worker dies. The first
attempt that ends saves the model, and writes into the record how the generation ended.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import redis
from celery import _state, states
from kombu.exceptions import OperationalError

from dreamlab.cluster import messages
from dreamlab.cluster.limits import SharedLimits
from dreamlab.cluster.messages import AttemptReport
from dreamlab.errors import (
    EndUnknown,
    GenerationCancelled,
    GenerationTimeout,
    GeneratorUnavailable,
    Stopping,
)
from dreamlab.generation.generator import Capacity
from dreamlab.generation.running import RunningGeneration
from dreamlab.generation.views import Generation
from dreamlab.settings import PLAIN, QUEUES, TEXTURED, Settings
from dreamlab.space.progress import ProgressEvent, Queued
from dreamlab.storage.records import End
from dreamlab.storage.session import Session

log = logging.getLogger("dreamlab")

_POLL_S = 0.2
_RENEW_S = 1.0
_PROBE_S = 5.0
# An attempt that reaches its limit has this long to report it.
_SLACK_S = 2.0
# A waiting request tolerates that Redis is away for this long.
_REDIS_AWAY_S = 10.0
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
    def slot(self, session: Session, generation_id: str) -> Iterator[None]:
        """Hold a slot of this process and a lease of all front ends.

        Raises GeneratorBusy, and GeneratorUnavailable when Redis cannot be reached.
        """
        with self._capacity.slot(session, generation_id):
            try:
                self._limits.acquire(generation_id, session.id)
            except redis.RedisError as error:
                log.warning("no result backend: %r", error)
                raise GeneratorUnavailable(_QUEUE_UNREACHABLE) from error
            try:
                yield
            finally:
                with suppress(redis.RedisError):
                    self._limits.release(generation_id, session.id, QUEUES)

    def reserve(self, session: Session, filename: str) -> Optional[str]:
        """Return a reserved name for the model, which any attempt may save."""
        return session.reserve(filename)

    def run(self, generation: Generation, running: RunningGeneration) -> End:
        """Have a worker generate one model, and wait for it. Return how that ended.

        The model is saved and listed even if nobody waits any longer.
        """
        queue = TEXTURED if generation.options.texture else PLAIN
        # A session with a draft is not swept while its task waits.
        with generation.session.draft():
            self._send(generation, queue)
            try:
                return self._wait(generation.session, queue, running)
            except GenerationTimeout:
                self.cancel(generation.id)
                raise

    def progress(self, generation_id: str) -> Optional[ProgressEvent]:
        """Return the last progress that a worker has reported."""
        with suppress(redis.RedisError):
            state, message = self._state(generation_id)
            if state == messages.WORKING:
                return AttemptReport(*message).progress()
        return None

    def cancel(self, generation_id: str) -> None:
        """Tell the workers that nobody needs the model any more."""
        with suppress(OperationalError, OSError):
            self._celery.control.revoke(generation_id)
        with suppress(redis.RedisError):
            cancellation = messages.Cancellation(self._backend.client, generation_id)
            cancellation.set(messages.longest_task_s(self._settings))

    def is_abandoned(self, generation_id: str) -> bool:
        """Return whether no front end has a lease for the generation. Raises redis.RedisError."""
        return not self._limits.is_leased(generation_id)

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

    def _send(self, generation: Generation, queue: str) -> None:
        """Send the task, unless a worker has it already."""
        try:
            if self._state(generation.id)[0] != states.PENDING:
                return
            self._celery.send_task(
                messages.TASK,
                args=[generation.session.id],
                task_id=generation.id,
                queue=queue,
                expires=messages.longest_task_s(self._settings),
                confirm_timeout=messages.BROKER_TIMEOUT_S,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0.1},
            )
        except (OperationalError, OSError, redis.RedisError) as error:
            log.warning("no broker: %r", error)
            raise GeneratorUnavailable(_QUEUE_UNREACHABLE) from error

    def _wait(self, session: Session, queue: str, running: RunningGeneration) -> End:
        """Return the end that a worker returns, or the one on the disk if that is lost."""
        limit_s = self._settings.generation_timeout_s
        reached_redis = renewed = time.monotonic()
        deadline = reached_redis + limit_s + _SLACK_S
        attempts: Set[str] = set()
        while not self._closing.wait(_POLL_S):
            is_due = time.monotonic() - renewed > _RENEW_S
            if is_due:
                renewed = time.monotonic()
                end = session.generations.end(running.id)
                if end is not None:
                    return end
            try:
                state, message = self._state(running.id)
                if is_due:
                    self._renew(session, queue, running, state == states.PENDING)
                reached_redis = time.monotonic()
            except redis.RedisError as error:
                if time.monotonic() - reached_redis > _REDIS_AWAY_S:
                    log.warning("no result backend: %r", error)
                    raise EndUnknown from error
                continue
            if state == states.SUCCESS:
                if message is None:
                    raise EndUnknown
                found: End = message
                return found
            if state == states.FAILURE:
                raise RuntimeError(f"a worker failed: {message!r}")
            if state == messages.WORKING:
                report = AttemptReport(*message)
                event = report.progress()
                if event is not None and event != running.event:
                    running.report(event)
                if report.attempt_id not in attempts:
                    attempts.add(report.attempt_id)
                    if len(attempts) <= messages.MAX_ATTEMPTS:
                        # The limit is that of one attempt.
                        deadline = time.monotonic() + limit_s + _SLACK_S
            if running.is_over():
                raise GenerationCancelled
            if state == states.REVOKED or time.monotonic() > deadline:
                raise GenerationTimeout(limit_s)
        raise Stopping

    def _state(self, generation_id: str) -> Tuple[str, Any]:
        """Return the state and the message of a task. Raises redis.RedisError."""
        meta = self._backend.get_task_meta(generation_id, cache=False)
        return meta["status"], meta["result"]

    def _renew(
        self, session: Session, queue: str, running: RunningGeneration, is_pending: bool
    ) -> None:
        """Renew a lease, and report the position of a task that no worker has."""
        position = self._limits.renew(running.id, session.id, queue, is_pending)
        queued = Queued(position, None)
        if is_pending and queued != running.event:
            running.report(queued)

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
