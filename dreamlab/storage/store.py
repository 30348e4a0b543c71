"""All sessions below one folder: they are created, opened, deleted and swept here."""

from __future__ import annotations

import logging
import os
import re
import threading
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Callable, List, Optional

from dreamlab.background import repeat, start
from dreamlab.errors import SessionNotFound, StorageUnavailable
from dreamlab.storage import files, names
from dreamlab.storage.files import storage_errors
from dreamlab.storage.session import Session

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SWEEP_EVERY_S = 60.0
_REMOVE_LEFTOVERS_EVERY_S = 5.0

log = logging.getLogger(__name__)


class StorageUnusable(Exception):
    """The sessions cannot be kept where they should be. The message is one line that says why."""


class SessionStore:
    """The sessions below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # A session is not swept while a request opens it.
        self._lock = threading.Lock()

    def prepare(self, then: Callable[[], None] = lambda: None) -> None:
        """Create the root folder, check it, and remove what a killed server left in it.

        `then` is called in a background thread, after that, if no other process has the folder.
        Raises StorageUnusable.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            start_ns = self._try_names()
            is_alone = files.lock_shared(self._root)
        except OSError as error:
            raise StorageUnusable(f"SESSIONS_DIR cannot be written to: {error}") from error
        # Another process may be using its temporary files. It has cleared older ones at its start.
        if is_alone:
            start(self._clear, start_ns, then)

    def _try_names(self) -> int:
        """Create and remove a file with the longest path of a session. Return the time of the disk.

        Raises StorageUnusable and OSError.
        """
        with files.temporary(self._root) as probe:
            probe.mkdir()
            start_ns = probe.stat().st_mtime_ns
            # As long as the name of a session.
            session = probe / ("x" * (len(str(uuid.uuid4())) - len(probe.name) - 1))
            longest = files.hidden(session / "uploads") / names.LONGEST
            try:
                longest.parent.mkdir(parents=True)
                longest.touch()
            except OSError as error:
                if not files.is_too_long(error):
                    raise
                raise StorageUnusable(
                    "SESSIONS_DIR is too deep: the paths of the files in it would be too long for "
                    f"this system, with {len(str(longest))} characters"
                ) from error
        return start_ns

    def check(self) -> None:
        """Raise StorageUnavailable if nothing can be written."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with files.temporary(self._root) as probe:
                probe.write_bytes(b"1")
        except OSError as error:
            log.warning("the disk cannot be written to: %r", error)
            raise StorageUnavailable("The server's disk cannot be written to.") from error

    def create(self) -> Session:
        """Create an empty session, complete from its first moment. Raises StorageFull."""
        session = self._session(str(uuid.uuid4()))
        with storage_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            with files.temporary(self._root) as temporary:
                (temporary / "uploads").mkdir(parents=True)
                (temporary / "models").mkdir()
                files.rename(temporary, session.folder)
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
        if files.tombstone(session.folder).exists():
            raise SessionNotFound
        return session

    def delete(self, session_id: str) -> None:
        """Delete a session with all its files. Raises SessionNotFound."""
        session = self.open(session_id)
        try:
            files.remove(self._hide(session))
        except PermissionError:
            # Somebody reads one of its files, on Windows.
            with suppress(FileExistsError), storage_errors():
                files.bury(session.folder)

    def keep_sweeping(self, ttl_s: Optional[float]) -> None:
        """Remove what was in use, and sweep if there is a limit, in background threads."""
        repeat(files.remove_leftovers, _REMOVE_LEFTOVERS_EVERY_S)
        if ttl_s is not None:
            limit_s = ttl_s
            repeat(lambda: self.sweep(limit_s), min(limit_s / 4, _SWEEP_EVERY_S))

    def sweep(self, ttl_s: float) -> None:
        """Delete the sessions that were idle for `ttl_s` and in which no generation runs."""
        for session in self.sessions():
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

    def sessions(self) -> List[Session]:
        """Return all sessions."""
        found = []
        with suppress(FileNotFoundError):
            found = files.entries(self._root)
        return [self._session(entry.name) for entry in found if _UUID4.fullmatch(entry.name)]

    def _session(self, session_id: str) -> Session:
        return Session(session_id, self._root / session_id)

    def _hide(self, session: Session) -> Path:
        """Rename a session's folder in one step, so that no request finds it any more."""
        hidden = files.hidden(self._root)
        with storage_errors():
            session.folder.rename(hidden)
        return hidden

    def _clear(self, before_ns: int, then: Callable[[], None]) -> None:
        """Remove temporary files that are older than `before_ns`, and reservations not needed."""
        _try_to_clear(lambda: files.clear(self._root, before_ns))
        with suppress(FileNotFoundError):
            for session in self.sessions():
                _try_to_clear(partial(session.clear, before_ns))
        then()


def _try_to_clear(clear: Callable[[], None]) -> None:
    try:
        clear()
    except FileNotFoundError:
        # It was deleted since.
        pass
    except OSError as error:
        log.warning("cannot clear a folder: %r", error)
