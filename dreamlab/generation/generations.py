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

from dreamlab.background import REQUEST_ID, for_request, repeat, start
from dreamlab.clock import timestamp
from dreamlab.errors import (
    DreamLabError,
    GenerationCancelled,
    GenerationFailed,
    GenerationNotFound,
    GeneratorBusy,
    GeneratorUnavailable,
    Stopping,
)
from dreamlab.generation.counting import count
from dreamlab.generation.description import describe
from dreamlab.generation.draining import Draining
from dreamlab.generation.form import GenerationForm
from dreamlab.generation.generator import Generator
from dreamlab.generation.run import Generation, keep_end, keep_views, reopen
from dreamlab.generation.unfinished import QUEUED, RUNNING, Unfinished
from dreamlab.settings import Settings
from dreamlab.space.progress import Progress, Queued
from dreamlab.storage.generations import Accepted, End
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore
from dreamlab.webhooks.delivery import Webhooks

_WATCH_S = 0.5
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
        self._unfinished: Dict[str, Unfinished] = {}
        self._lock = threading.Lock()
        self._accepting = [threading.Lock() for _ in range(_LOCKS)]

    def accept(self, session: Session, form: GenerationForm, root: str) -> str:
        """Keep the photos of a form and start its generation, or join the one with its key.

        `root` is the URL of the API for the client. Returns the id of the generation. Raises
        GeneratorBusy, IdempotencyConflict, Stopping and what keep_views raises.
        """
        generation_id = form.id_in(session.id)
        # A repeat at the same moment waits for the first, and needs no place or names of its own.
        with self._accepting[hash(generation_id) % _LOCKS]:
            if not form.repeats(session, generation_id):
                self._start(session, generation_id, form, root)
        return generation_id

    def _start(self, session: Session, generation_id: str, form: GenerationForm, root: str) -> None:
        self.draining.check()
        with ExitStack() as undo:
            release = undo.enter_context(ExitStack())
            release.enter_context(self._generator.slot(session, generation_id))
            hold = session.uploads.new_hold()
            undo.callback(hold.release)
            views = keep_views(hold, form.views, self._settings.max_image_megapixels)
            new = [view.upload for view in views if view.upload.name != form.views.upload]
            undo.callback(hold.discard, new)
            reserved = self._generator.reserve(session, views[0].upload.name)
            accepted = {
                "created": time.time(),
                "filename": views[0].upload.name,
                "uploads": {view.side: view.upload.name for view in views},
                "options": asdict(form.options),
                "model": reserved,
                "hold": hold.folder.name,
                "digest": form.digest,
                "webhook": form.webhook,
                "root": root,
                "request_id": REQUEST_ID.get(),
            }
            if not session.generations.accept(generation_id, accepted):
                # Another front end accepted the same form at this moment.
                form.repeats(session, generation_id)
                return
            undo.pop_all()
        unfinished = self._unfinished[generation_id] = Unfinished(generation_id)
        unfinished.take_place(release.close)
        generation = Generation(generation_id, session, views, form.options, reserved)
        start(self._run, generation, unfinished)

    def _run(self, generation: Generation, unfinished: Unfinished) -> None:
        with self.draining.running(generation.id):
            end = self._generator.run(generation, unfinished)
            self._finish(generation.session, unfinished, end)
        # An end that could not be kept, on a full disk, stays known here.
        is_unfinished = generation.session.generations.is_unfinished(generation.id)
        if end["status"] == QUEUED or not is_unfinished:
            self._unfinished.pop(generation.id, None)

    def _finish(self, session: Session, unfinished: Unfinished, end: End) -> None:
        count(session, unfinished.id, end, self._generator)
        if unfinished.finish(end) and end["status"] != QUEUED:
            self._send_webhook(session, unfinished.id)

    def _send_webhook(self, session: Session, generation_id: str) -> None:
        """Send the webhook of a generation that has ended, if it has one."""
        # The session may be deleted since.
        with suppress(GenerationNotFound):
            accepted = session.generations.accepted(generation_id)
            if accepted["webhook"] is not None and self._settings.webhook_secret is not None:
                described = describe(self.show(session, generation_id), accepted["root"])
                body = json.dumps(described).encode()
                settled = partial(session.generations.settle_webhook, generation_id)
                request_id = session.generations.request_id(generation_id)
                send = self._webhooks.send
                for_request(request_id, send, accepted["webhook"], generation_id, body, settled)

    def find(self, session: Session, generation_id: str) -> Unfinished:
        """Return a generation to wait for, even if it has ended. Raises GenerationNotFound."""
        session.generations.accepted(generation_id)
        end = session.generations.end(generation_id)
        with self._lock:
            unfinished = self._unfinished.get(generation_id)
            if unfinished is None:
                unfinished = Unfinished(generation_id)
                if end is None:
                    self._unfinished[generation_id] = unfinished
                    start(self._watch, session, unfinished)
                else:
                    unfinished.finish(end)
        return unfinished

    def _watch(self, session: Session, unfinished: Unfinished) -> None:
        """Follow a generation that another process runs."""
        generation_id = unfinished.id
        while not unfinished.has_ended():
            try:
                session.generations.accepted(generation_id)
                end = session.generations.end(generation_id)
                if end is not None:
                    count(session, generation_id, end, self._generator)
                    unfinished.finish(end)
                    break
            except GenerationNotFound as error:
                unfinished.finish(unfinished.failed(error))
                break
            event = self._generator.progress(generation_id)
            if event is not None and event != unfinished.event:
                unfinished.report(event)
            if self.draining.has_stopped.wait(_WATCH_S):
                unfinished.finish(unfinished.failed(Stopping()))
        with self._lock:
            if self._unfinished.get(generation_id) is unfinished:
                del self._unfinished[generation_id]

    def show(self, session: Session, generation_id: str) -> Dict[str, Any]:
        """Return what is known of a generation. Raises GenerationNotFound."""
        accepted = session.generations.accepted(generation_id)
        end = session.generations.end(generation_id)
        unfinished = self._unfinished.get(generation_id)
        event = None
        if end is None:
            event = unfinished.event if unfinished else self._generator.progress(generation_id)
            end = unfinished.end if unfinished else None
        queued = event if isinstance(event, Queued) else _NOT_QUEUED
        progress = event if isinstance(event, Progress) else Progress(None, None)
        started = unfinished.started if unfinished else None
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
        unfinished = self._unfinished.get(generation_id) or Unfinished(generation_id)
        end = unfinished.failed(error or GenerationCancelled())
        if session.end_generation(generation_id, end) != end:
            return False
        self._finish(session, unfinished, end)
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
        left: List[Tuple[Accepted, Session, Unfinished]] = []
        for session in store.sessions():
            for generation_id in session.generations.unfinished():
                accepted = session.generations.accepted(generation_id)
                if accepted["created"] < before and self._generator.is_abandoned(generation_id):
                    unfinished = self._unfinished.setdefault(
                        generation_id, Unfinished(generation_id)
                    )
                    left.append((accepted, session, unfinished))
        for accepted, session, unfinished in sorted(left, key=lambda each: each[0]["created"]):
            request_id = session.generations.request_id(unfinished.id)
            for_request(request_id, self._take_up_one, accepted, session, unfinished)

    def _take_up_one(self, accepted: Accepted, session: Session, unfinished: Unfinished) -> None:
        try:
            unfinished.take_place(self._wait_for_slot(session, unfinished.id).close)
            hold = session.uploads.hold_again(accepted["hold"])
            limit = self._settings.max_image_megapixels
            generation = reopen(session, unfinished.id, hold, limit)
            # Workers count their attempts themselves.
            if generation.model is None and not session.generations.take_up(unfinished.id):
                raise GenerationFailed(_TWICE)
            start(self._run, generation, unfinished)
        except Exception as error:
            end = keep_end(session, unfinished, unfinished.failed(error))
            self._finish(session, unfinished, end)

    def _wait_for_slot(self, session: Session, generation_id: str) -> ExitStack:
        while True:
            self.draining.check()
            slot = ExitStack()
            try:
                slot.enter_context(self._generator.slot(session, generation_id))
                return slot
            except (GeneratorBusy, GeneratorUnavailable):
                time.sleep(_WATCH_S)
