"""The life of a generation: accepted, queued, running, and succeeded, failed or cancelled.

Its record on disk says that it was accepted and how it ended. Its progress is only in memory. Each
one runs in a thread of its own, and requests wait for it, so it does not need them.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from typing import Any, Dict, List, Optional, Tuple

from dreamlab import metrics
from dreamlab.background import REQUEST_ID, for_request, repeat, start
from dreamlab.clock import seconds, timestamp
from dreamlab.errors import (
    DreamLabError,
    GenerationCancelled,
    GenerationFailed,
    GenerationNotFound,
    GeneratorBusy,
    GeneratorUnavailable,
    Stopping,
)
from dreamlab.generation.description import describe_generation
from dreamlab.generation.draining import Draining
from dreamlab.generation.form import GenerationForm
from dreamlab.generation.generator import Generator
from dreamlab.generation.run import complete_generation, keep_end
from dreamlab.generation.running import CANCELLED, QUEUED, RUNNING, RunningGeneration
from dreamlab.generation.views import Generation, keep_views, reopen, settle_options
from dreamlab.settings import Settings
from dreamlab.space.progress import Progress, Queued
from dreamlab.storage.records import Accepted, End
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore
from dreamlab.webhooks.delivery import Webhooks

# How often a generation of another process is looked at, and a slot is tried again.
_WATCH_S = 0.5
# Requests with one key wait for each other: each key has one of so many locks.
_LOCKS = 64
_TAKE_UP_EVERY_S = 30.0
_NOT_QUEUED = Queued(None, None)
_TWICE = "The server stopped twice while it made this model."


class Generations:
    """All generations: those of this process, and those of which it only knows the record."""

    def __init__(self, generator: Generator, settings: Settings) -> None:
        self._generator = generator
        self._settings = settings
        self._webhooks = Webhooks(settings)
        self.draining = Draining()
        self._running: Dict[str, RunningGeneration] = {}
        self._lock = threading.Lock()
        self._accepting = [threading.Lock() for _ in range(_LOCKS)]

    def accept(self, session: Session, form: GenerationForm, root: str) -> str:
        """Keep the photos of a form and start its generation, or join the one with its key.

        `root` is the URL of the API for the client. Returns the id of the generation. Raises
        GeneratorBusy, IdempotencyConflict, Stopping and what keep_views raises.
        """
        generation_id = form.id_in(session.id)
        # A repeat at the same moment waits for the first, and needs no slot or names of its own.
        with self._accepting[hash(generation_id) % _LOCKS]:
            if not form.repeats(session, generation_id):
                self._start(session, generation_id, form, root)
        return generation_id

    def _start(self, session: Session, generation_id: str, form: GenerationForm, root: str) -> None:
        self.draining.check()
        with ExitStack() as undo:
            slot = undo.enter_context(ExitStack())
            slot.enter_context(self._generator.slot(session, generation_id))
            views = keep_views(session, form.views, self._settings.max_image_megapixels)
            uploads = {view.side: view.upload for view in views}
            new = [name for name in uploads.values() if name != form.views.upload]
            undo.callback(session.uploads.discard, new)
            options = settle_options(form.options, views)
            reserved = self._generator.reserve(session, uploads["front"])
            accepted: Accepted = {
                "created": time.time(),
                "filename": uploads["front"],
                "uploads": uploads,
                "pictures": {view.side: view.picture for view in views},
                "options": asdict(options),
                "model": reserved,
                "digest": form.digest,
                "webhook": form.webhook,
                "root": root,
                "request_id": REQUEST_ID.get(),
            }
            pictures = {view.picture: view.photo.content for view in views}
            if not session.generations.accept(generation_id, accepted, pictures):
                # Another front end accepted the same form at this moment.
                form.repeats(session, generation_id)
                return
            undo.pop_all()
        running = self._running[generation_id] = RunningGeneration(generation_id)
        running.take_slot(slot.close)
        paths = session.generations.pictures(generation_id)
        generation = Generation(generation_id, session, uploads, paths, options, reserved)
        start(self._run, generation, running)

    def _run(self, generation: Generation, running: RunningGeneration) -> None:
        session = generation.session
        with self.draining.running(generation.id):
            attempt = partial(self._generator.run, generation, running)
            end = complete_generation(session, running, attempt)
            if end is not None:
                # Who cancelled it, perhaps in another process, has counted it.
                self._finish(session, running, end, is_counted=end["status"] == CANCELLED)
        # An end that could not be kept, on a full disk, stays known here.
        if end is None or not session.generations.is_unfinished(generation.id):
            self._running.pop(generation.id, None)

    def _finish(
        self, session: Session, running: RunningGeneration, end: End, is_counted: bool = False
    ) -> None:
        def count() -> None:
            if not is_counted:
                self._count(session, running.id, end)

        if running.finish(end, count):
            self._send_webhook(session, running.id)

    def _count(self, session: Session, generation_id: str, end: End) -> None:
        """Count how a generation ended, in the process that ends it."""
        if not metrics.are_enabled():
            return
        # Who deletes it has counted it.
        with suppress(GenerationNotFound):
            created = session.generations.accepted(generation_id)["created"]
            # One that failed before its start has waited all the time.
            started = seconds(end["started"] or end["ended"])
            result = end["result"]
            metrics.count_generation(
                "ok" if end["error"] is None else end["error"]["code"],
                result["engine"] if result else self._generator.health()["engine"],
                max(0.0, seconds(end["ended"]) - created),
                # The clock of a worker may differ.
                max(0.0, started - created),
            )

    def _send_webhook(self, session: Session, generation_id: str) -> None:
        """Send the webhook of a generation that has ended, if it has one."""
        # The session may be deleted since.
        with suppress(GenerationNotFound):
            accepted = session.generations.accepted(generation_id)
            if accepted["webhook"] is not None and self._settings.webhook_secret is not None:
                described = describe_generation(self.show(session, generation_id), accepted["root"])
                body = json.dumps(described).encode()
                settled = partial(session.generations.settle_webhook, generation_id)
                request_id = session.generations.request_id(generation_id)
                send = self._webhooks.send
                for_request(request_id, send, accepted["webhook"], generation_id, body, settled)

    def find(self, session: Session, generation_id: str) -> RunningGeneration:
        """Return a generation to wait for, even if it has ended. Raises GenerationNotFound."""
        session.generations.accepted(generation_id)
        end = session.generation_end(generation_id)
        with self._lock:
            running = self._running.get(generation_id)
            if running is None:
                running = RunningGeneration(generation_id)
                if end is None:
                    self._running[generation_id] = running
                    start(self._watch, session, running)
                else:
                    running.finish(end)
        return running

    def _watch(self, session: Session, running: RunningGeneration) -> None:
        """Follow a generation that another process runs."""
        while not running.is_over():
            try:
                session.generations.accepted(running.id)
                end = session.generation_end(running.id)
            except GenerationNotFound as error:
                end = running.failed(error)
            if end is not None:
                running.finish(end)
                break
            event = self._generator.progress(running.id)
            if event is not None and event != running.event:
                running.report(event)
            if self.draining.has_stopped.wait(_WATCH_S):
                running.interrupt(Stopping())
        with self._lock:
            if self._running.get(running.id) is running:
                del self._running[running.id]

    def show(self, session: Session, generation_id: str) -> Dict[str, Any]:
        """Return what is known of a generation. Raises GenerationNotFound."""
        accepted = session.generations.accepted(generation_id)
        end = session.generation_end(generation_id)
        running = self._running.get(generation_id)
        event = None
        if end is None:
            event = running.event if running else self._generator.progress(generation_id)
            end = running.end if running else None
        queued = event if isinstance(event, Queued) else _NOT_QUEUED
        progress = event if isinstance(event, Progress) else Progress(None, None)
        started = running.started if running else None
        return {
            "generation_id": generation_id,
            "status": RUNNING if isinstance(event, Progress) else QUEUED,
            "filename": accepted["filename"],
            "created": timestamp(accepted["created"]),
            "started": started,
            "ended": None,
            **queued._asdict(),
            **progress._asdict(),
            "result": None,
            "error": None,
            **(end or {}),
        }

    def show_all(self, session: Session) -> List[Dict[str, Any]]:
        """Return what is known of all generations of a session, the newest first."""
        shown = []
        for generation_id in session.generations.ids():
            # It may be deleted at this moment.
            with suppress(GenerationNotFound):
                shown.append(self.show(session, generation_id))
        return shown

    def cancel(
        self, session: Session, generation_id: str, error: Optional[DreamLabError] = None
    ) -> bool:
        """Cancel a generation. Return False if it has ended before.

        Of a cancellation and a model at the same moment, exactly one counts, and all who wait hear
        the same. Raises GenerationNotFound.
        """
        session.generations.accepted(generation_id)
        running = self._running.get(generation_id) or RunningGeneration(generation_id)
        end = running.failed(error or GenerationCancelled())
        if session.end_generation(generation_id, end) != end:
            return False
        self._finish(session, running, end)
        self._generator.cancel(generation_id)
        return True

    def cancel_all(self, session: Session, error: DreamLabError) -> None:
        """End all generations of a session with this error."""
        for generation_id in session.generations.unfinished():
            self.cancel(session, generation_id, error)

    def drain(self, limit_s: float) -> None:
        """Take no new generation, and wait for `limit_s` at most until those that run have ended.

        What has not ended goes on at the next start, and all who wait for it hear that.
        """
        self.draining.drain(limit_s)
        self._generator.close()

    def keep_taking_up(self, store: SessionStore) -> None:
        """Take up again and again what any lost front end has left, in background threads."""
        start(self._send_webhooks_again, store)
        repeat(lambda: self._take_up_left(store, time.time()), _TAKE_UP_EVERY_S)

    def take_up(self, store: SessionStore, before: float) -> None:
        """Go on with the generations that a lost process has left, the oldest first.

        They were accepted before that time, in seconds since 1970.
        """
        self._send_webhooks_again(store)
        self._take_up_left(store, before)

    def _send_webhooks_again(self, store: SessionStore) -> None:
        """Send the webhooks that a lost process has perhaps not sent."""
        for session in store.sessions():
            for generation_id in session.generations.unsettled_webhooks():
                self._send_webhook(session, generation_id)

    def _take_up_left(self, store: SessionStore, before: float) -> None:
        left: List[Tuple[Accepted, Session, RunningGeneration]] = []
        for session in store.sessions():
            for generation_id in session.generations.unfinished():
                accepted = session.generations.accepted(generation_id)
                if accepted["created"] < before and self._generator.is_abandoned(generation_id):
                    running = self._running.setdefault(
                        generation_id, RunningGeneration(generation_id)
                    )
                    left.append((accepted, session, running))
        for _, session, running in sorted(left, key=lambda each: each[0]["created"]):
            request_id = session.generations.request_id(running.id)
            for_request(request_id, self._take_up_one, session, running)

    def _take_up_one(self, session: Session, running: RunningGeneration) -> None:
        try:
            running.take_slot(self._wait_for_slot(session, running.id).close)
            generation = reopen(session, running.id, self._settings.max_image_megapixels)
            # Workers count their attempts themselves.
            if generation.model is None and not session.generations.take_up(running.id):
                raise GenerationFailed(_TWICE)
            start(self._run, generation, running)
        except Stopping as error:
            running.interrupt(error)
        except Exception as error:
            self._finish(session, running, keep_end(session, running, running.failed(error)))

    def _wait_for_slot(self, session: Session, generation_id: str) -> ExitStack:
        while True:
            self.draining.check()
            slot = ExitStack()
            try:
                slot.enter_context(self._generator.slot(session, generation_id))
                return slot
            except (GeneratorBusy, GeneratorUnavailable):
                time.sleep(_WATCH_S)
