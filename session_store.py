"""The only code that touches `sessions/`: a folder per session, with its uploads and models.

Nothing in it is ever half visible. A file is written under a hidden temporary name in the folder
it will stay in, synced, and then linked to its final name: link(2) is one atomic step and fails
where the name is taken, on local disks and on NFS alike.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import logging
import os
import re
import shutil
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterator, List, NamedTuple, Sequence, Tuple

from werkzeug.utils import secure_filename

import glb
from errors import DreamLabError

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MODEL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*" + re.escape(glb.SUFFIX))
_TEMPORARY = ".tmp-"
_NAMELESS = "image"
_DELETED = ".deleted-"
_RESERVED = ".reserved-"
_MAX_STEM = 100
_SWEEP_EVERY_S = 60.0
# The most that settings.py allows: what is older was left by a host that died.
_LONGEST_GENERATION_S = 86400.0

log = logging.getLogger(__name__)


class SessionNotFound(DreamLabError):
    """There is no session of that id, or it has been removed meanwhile."""

    status, code = 404, "session_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such session. Ask for a new session id.")


class ModelNotFound(DreamLabError):
    """The session has no model of that name."""

    status, code = 404, "model_not_found"

    def __init__(self) -> None:
        super().__init__("The session has no model of that name.")


class StorageFull(DreamLabError):
    """The disk, or the quota on it, is full."""

    status, code = 507, "storage_full"

    def __init__(self) -> None:
        super().__init__("The server's disk is full. Try again later.")


class StorageUnusable(Exception):
    """The sessions cannot be kept where they should be; one line that says why."""


class Incoming(NamedTuple):
    """A file to keep: its bytes, the client's name for it, and the suffixes of what it is."""

    file: IO[bytes]
    name: str
    suffixes: Sequence[str]


class Upload(NamedTuple):
    """A kept upload: its name in `uploads/` and where it is."""

    name: str
    path: Path


@dataclass(frozen=True)
class Session:
    """One session's folder. Methods raise SessionNotFound when the folder is gone."""

    id: str
    folder: Path

    @property
    def short_id(self) -> str:
        """As much of the id as a log may have."""
        return self.id[:8]

    @property
    def _uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def _models(self) -> Path:
        return self.folder / "models"

    def keep(self, incoming: Sequence[Incoming]) -> List[Upload]:
        """Keep the files of one request byte for byte, all of them or none. Raises StorageFull.

        A name is the client's own, made safe, with the suffix of what the bytes are and a number
        where it is taken.
        """
        kept: List[Upload] = []
        try:
            for item in incoming:
                kept.append(self._keep_one(item))
        except DreamLabError:
            for upload in kept:
                _remove(upload.path)
            raise
        return kept

    def _keep_one(self, item: Incoming) -> Upload:
        with _storage_errors(), _temporary(self._uploads) as temporary:
            with temporary.open("wb") as copy:
                shutil.copyfileobj(item.file, copy, 1 << 20)
            name = _publish(temporary, self._uploads, *_safe_name(item.name, item.suffixes))
        return Upload(name, self._uploads / name)

    @contextmanager
    def scratch(self, content: bytes, suffix: str) -> Iterator[Path]:
        """A hidden file in `uploads/` with `content`, gone at the end. Raises StorageFull."""
        with _temporary(self._uploads, suffix) as path:
            with _storage_errors():
                path.write_bytes(content)
            yield path

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A hidden, empty file in `models/` for a model to be written to; what is left goes.

        While it is there the session is not swept. Raises StorageFull.
        """
        with _storage_errors(), _temporary(self._models, glb.SUFFIX) as path:
            path.touch()
            try:
                yield path
            finally:
                self._touch()

    def save(self, draft: Path, upload_name: str) -> str:
        """Make the finished `draft` a model, named after its upload; answer its name."""
        with _storage_errors():
            _sync(draft)
            while True:
                name = self.reserve(upload_name)
                try:
                    if self._link(draft, name):
                        return name
                finally:
                    _remove(self._reservation(name))

    def upload(self, name: str) -> Upload:
        """The kept upload of that name, as a message from another host tells it."""
        return Upload(name, self._uploads / Path(name).name)

    @contextmanager
    def reading(self, upload: Upload) -> Iterator[IO[bytes]]:
        """The bytes of a kept upload."""
        with _storage_errors():
            file = upload.path.open("rb")
        with file:
            yield file

    def reserve(self, upload_name: str) -> str:
        """A name for a model that is made elsewhere, and perhaps by more than one attempt.

        The name is not given again, whatever becomes of them.
        """
        stem = upload_name.rpartition(".")[0]
        with _storage_errors(), _temporary(self._models) as temporary:
            temporary.touch()
            for name in _names(stem, glb.SUFFIX):
                if self.is_made(name):
                    continue
                with suppress(FileExistsError):
                    os.link(temporary, self._reservation(name))
                    if not self.is_made(name):
                        return name
                    _remove(self._reservation(name))
        raise AssertionError("itertools.count ended")

    def save_as(self, draft: Path, name: str) -> None:
        """Make the finished `draft` the model of the reserved `name`, unless it has been made.

        Of several attempts at one generation, on whatever hosts, the first to come here counts.
        """
        with _storage_errors():
            _sync(draft)
            if not self.is_made(name):
                self._link(draft, name)

    def _link(self, draft: Path, name: str) -> bool:
        """Whether `draft` became the model `name`: not if there is one or has been one."""
        final = self._models / name
        try:
            os.link(draft, final)
        except FileExistsError:
            return False
        if _grave(final).exists():
            final.unlink(missing_ok=True)
            return False
        _sync(self._models)
        return True

    def _reservation(self, name: str) -> Path:
        """What says that a model's name is promised."""
        return self._models / (_RESERVED + name)

    def is_made(self, name: str) -> bool:
        """Whether the model of the reserved `name` has been made, though it may be deleted."""
        final = self._models / name
        return final.exists() or _grave(final).exists()

    def delete_model(self, name: str) -> None:
        """Delete a model; its name is not given again, since it may be cached for good.

        Raises ModelNotFound.
        """
        path = self.model(name)
        with _storage_errors():
            _grave(path).touch()
        try:
            path.unlink()
        except FileNotFoundError as error:
            raise ModelNotFound from error

    def delete_models(self) -> None:
        """Delete every model that is complete now."""
        for name in self.models():
            with suppress(ModelNotFound):
                self.delete_model(name)

    def is_busy(self) -> bool:
        """Whether a generation runs in the session, in any process on any host."""
        oldest = time.time() - _LONGEST_GENERATION_S
        with suppress(FileNotFoundError):
            return any(
                draft.stat().st_mtime > oldest for draft in self._models.glob(_TEMPORARY + "*")
            )
        return False

    def idle_s(self) -> float:
        """Seconds since the last request or generation that touched the session."""
        return time.time() - self.folder.stat().st_mtime

    def _touch(self) -> None:
        with suppress(FileNotFoundError):
            os.utime(self.folder)

    def models(self) -> List[str]:
        """The names of the complete models, oldest first."""
        found = []
        with _storage_errors(), os.scandir(self._models) as entries:
            for entry in entries:
                if _MODEL.fullmatch(entry.name):
                    # Not `with suppress`: it costs a fifth of the listing of a large session.
                    try:
                        found.append((entry.stat().st_mtime_ns, entry.name))
                    except FileNotFoundError:  # deleted between the two looks
                        continue
        return [name for _, name in sorted(found)]

    def model(self, name: str) -> Path:
        """Where the model `name` is. Raises ModelNotFound."""
        path = self._models / name
        if not _MODEL.fullmatch(name) or not path.is_file():
            raise ModelNotFound
        return path


class SessionStore:
    """The sessions below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # A session is not swept between a request's look at it and its touch.
        self._lock = threading.Lock()

    def create(self) -> Session:
        """A new, empty session, there at once with both of its folders. Raises StorageFull."""
        session_id = str(uuid.uuid4())
        folder = self._root / session_id
        with _storage_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            with _temporary(self._root) as temporary:
                (temporary / "uploads").mkdir(parents=True)
                (temporary / "models").mkdir()
                temporary.rename(folder)
        return Session(session_id, folder)

    def prepare(self) -> None:
        """Make the folder, see that it can be written to, and clear what a killed server left.

        Raises StorageUnusable.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with _temporary(self._root) as probe:
                probe.touch()
                start_ns = probe.stat().st_mtime_ns
            in_use = os.open(self._root, os.O_RDONLY)
        except OSError as error:
            raise StorageUnusable(f"SESSIONS_DIR cannot be written to: {error}") from error
        # Held until this process ends. Another one that holds it works here too, and may be in the
        # middle of what would be cleared; its own start has done that already.
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            alone = False
        else:
            alone = True
        with suppress(OSError):
            fcntl.flock(in_use, fcntl.LOCK_SH)
        if alone:
            threading.Thread(target=self._clear, args=(start_ns,), daemon=True).start()

    def _clear(self, before_ns: int) -> None:
        """Remove the temporary files that are older than that."""
        folders = [self._root]
        for name in self._session_names():
            folders += [self._root / name / "uploads", self._root / name / "models"]
        for folder in folders:
            with suppress(FileNotFoundError):
                for left in folder.glob(_TEMPORARY + "*"):
                    if left.stat().st_mtime_ns < before_ns:
                        _remove(left)
                for kept in folder.glob(_RESERVED + "*"):
                    # Others may be of tasks that still wait.
                    if (folder / kept.name[len(_RESERVED) :]).exists():
                        _remove(kept)

    def _session_names(self) -> List[str]:
        with os.scandir(self._root) as entries:
            return [entry.name for entry in entries if _UUID4.fullmatch(entry.name)]

    def open(self, session_id: str) -> Session:
        """The session of that id. Raises SessionNotFound, also for what is no id at all."""
        if not _UUID4.fullmatch(session_id):
            raise SessionNotFound
        session = Session(session_id, self._root / session_id)
        with self._lock, _storage_errors():
            os.utime(session.folder)
        return session

    def delete(self, session_id: str) -> None:
        """Remove a session with all its files. Raises SessionNotFound."""
        _remove(self._hide(self.open(session_id)))

    def keep_sweeping(self, ttl_s: float) -> None:
        """Sweep now and, in the background, from now on."""

        def sweep_on() -> None:
            while True:
                self.sweep(ttl_s)
                time.sleep(min(ttl_s / 4, _SWEEP_EVERY_S))

        threading.Thread(target=sweep_on, daemon=True).start()

    def sweep(self, ttl_s: float) -> None:
        """Remove the sessions that nothing has touched for `ttl_s` and in which nothing runs."""
        for name in self._session_names():
            session = Session(name, self._root / name)
            try:
                with self._lock:
                    if session.idle_s() <= ttl_s or session.is_busy():
                        continue
                    gone = self._hide(session)
                if Session(name, gone).idle_s() <= ttl_s:
                    # Another host opened it between the look and the step.
                    gone.rename(session.folder)
                    continue
                _remove(gone)
                log.info("removed session %s, idle for %g s", session.short_id, ttl_s)
            except (SessionNotFound, FileNotFoundError):
                # Another host was faster.
                continue
            except OSError as error:
                log.warning("cannot remove session %s: %r", session.short_id, error)

    def _hide(self, session: Session) -> Path:
        """Take a session out of sight in one step; what still writes to it finds nothing there."""
        hidden = self._root / f"{_TEMPORARY}{uuid.uuid4().hex}"
        with _storage_errors():
            session.folder.rename(hidden)
        return hidden


def _safe_name(name: str, suffixes: Sequence[str]) -> Tuple[str, str]:
    """The safe (stem, suffix) of a client's file name, the suffix being one of `suffixes`."""
    stem, dot, last = name.rpartition(".")
    if not dot or re.search(r"[\\/]", last):
        stem, last = name, ""
    suffix = "." + last if "." + last.lower() in suffixes else suffixes[0]
    # A name that begins with a dash is an option to whatever command it is handed to.
    return secure_filename(stem)[:_MAX_STEM].strip("._-") or _NAMELESS, suffix


@contextmanager
def _temporary(folder: Path, suffix: str = "") -> Iterator[Path]:
    path = folder / f"{_TEMPORARY}{uuid.uuid4().hex}{suffix}"
    try:
        yield path
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _publish(temporary: Path, folder: Path, stem: str, suffix: str) -> str:
    """Give a finished file the first free name of `stem`, `stem-2`, ... for good."""
    _sync(temporary)
    for name in _names(stem, suffix):
        with suppress(FileExistsError):
            os.link(temporary, folder / name)
            _sync(folder)
            return name
    raise AssertionError("itertools.count ended")


def _names(stem: str, suffix: str) -> Iterator[str]:
    yield stem + suffix
    for number in itertools.count(2):
        yield f"{stem}-{number}{suffix}"


def _grave(path: Path) -> Path:
    """What says that the name of `path` has been deleted."""
    return path.with_name(_DELETED + path.name)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Name the two faults that a client can act on; others are defects or the operator's."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        if error.errno == errno.ENOENT:
            raise SessionNotFound from error
        raise
