"""All sessions below one folder: they are created, opened, deleted and swept here."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import List

from dreamlab.errors import SessionNotFound
from dreamlab.storage import files
from dreamlab.storage.files import storage_errors
from dreamlab.storage.session import Session

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SWEEP_EVERY_S = 60.0

log = logging.getLogger(__name__)


class StorageUnusable(Exception):
    """The sessions cannot be kept where they should be. The message is one line that says why."""


class SessionStore:
    """The sessions below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # A session is not swept while a request opens it.
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Create the root folder, check it, and remove what a killed server left in it.

        Raises StorageUnusable.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with files.temporary(self._root) as probe:
                probe.touch()
                start_ns = probe.stat().st_mtime_ns
            is_alone = files.lock_shared(self._root)
        except OSError as error:
            raise StorageUnusable(f"SESSIONS_DIR cannot be written to: {error}") from error
        # Another process may be using its temporary files. It has cleared older ones at its start.
        if is_alone:
            threading.Thread(target=self._clear, args=(start_ns,), daemon=True).start()

    def create(self) -> Session:
        """Create an empty session, complete from its first moment. Raises StorageFull."""
        session = self._session(str(uuid.uuid4()))
        with storage_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            with files.temporary(self._root) as temporary:
                (temporary / "uploads").mkdir(parents=True)
                (temporary / "models").mkdir()
                temporary.rename(session.folder)
        return session

    def open(self, session_id: str) -> Session:
        """Return the session with that id. Raises SessionNotFound, also where it is no id.

        Some clients write UUIDs in upper case. The session's own id is in lower case.
        """
        session_id = session_id.lower()
        if not _UUID4.fullmatch(session_id):
            raise SessionNotFound
        session = self._session(session_id)
        with self._lock, storage_errors():
            os.utime(session.folder)
        return session

    def delete(self, session_id: str) -> None:
        """Delete a session with all its files. Raises SessionNotFound."""
        files.remove(self._hide(self.open(session_id)))

    def keep_sweeping(self, ttl_s: float) -> None:
        """Sweep now and then in a background thread."""

        def sweep_forever() -> None:
            while True:
                self.sweep(ttl_s)
                time.sleep(min(ttl_s / 4, _SWEEP_EVERY_S))

        threading.Thread(target=sweep_forever, daemon=True).start()

    def sweep(self, ttl_s: float) -> None:
        """Delete the sessions that were idle for `ttl_s` and in which no generation runs."""
        for session in self._sessions():
            try:
                with self._lock:
                    if session.idle_s() <= ttl_s or session.is_busy():
                        continue
                    hidden = self._hide(session)
                if Session(session.id, hidden).idle_s() <= ttl_s:
                    # Another host opened it just before it was hidden.
                    hidden.rename(session.folder)
                    continue
                files.remove(hidden)
                log.info("removed session %s, idle for %g s", session.short_id, ttl_s)
            except (SessionNotFound, FileNotFoundError):
                # Another host deleted it first.
                continue
            except OSError as error:
                log.warning("cannot remove session %s: %r", session.short_id, error)

    def _session(self, session_id: str) -> Session:
        return Session(session_id, self._root / session_id)

    def _sessions(self) -> List[Session]:
        with os.scandir(self._root) as entries:
            return [self._session(entry.name) for entry in entries if _UUID4.fullmatch(entry.name)]

    def _hide(self, session: Session) -> Path:
        """Rename a session's folder in one step, so that no request finds it any more."""
        hidden = self._root / f"{files.TEMPORARY}{uuid.uuid4().hex}"
        with storage_errors():
            session.folder.rename(hidden)
        return hidden

    def _clear(self, before_ns: int) -> None:
        """Remove temporary files that are older than `before_ns`, and reservations not needed."""
        folders = [self._root]
        for session in self._sessions():
            folders += [session.folder / "uploads", session.folder / "models"]
        for folder in folders:
            with suppress(FileNotFoundError):
                files.clear(folder, before_ns)
