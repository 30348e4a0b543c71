"""The file-system rules of `sessions/`. Nothing in it is ever half visible.

A file is written under a hidden temporary name in the folder where it will stay. It is synced and
then linked to its final name. link(2) is one atomic step that fails where the name is taken, on
local disks, on NFS and on Windows.

Hidden files in a session's folders, and beside the sessions:

.tmp-…              a temporary file or folder, removed when its `with` block ends
.reserved-<model>   a reservation: the name is promised to a model that is not finished yet, or
                    that model, as long as it is not known whether it was cancelled
.record-….json      how a model was made
.form-…             a format of a model, named after a digest of the model's name, the version of
                    the converter and the query
.deleted-<name>     a tombstone: the name belonged to something deleted and is not used again
.lock               the lock of the folder of all sessions, on Windows

Windows removes no file that is open. Such a file is hidden by a tombstone and removed later.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import FrozenSet, Iterator, List, Set, Tuple, Type

from dreamlab.errors import DreamLabError, SessionNotFound, StorageFull, StorageUnavailable

TEMPORARY = ".tmp-"
RESERVED = ".reserved-"
DELETED = ".deleted-"
RECORD, _JSON = ".record-", ".json"
# As earlier releases named it.
FORMAT = ".form-"
# Windows allows 259 characters for a whole path.
_HEX_DIGITS = 12
_TOO_LONG_WINERRORS = (3, 206)
_RENAME_ATTEMPTS, _RENAME_PAUSE_S = 10, 0.05

# Kinds of errors by errno and by Windows' own code (winerror.h), which Python translates to EINVAL
# or ENOENT for most of these.
_KINDS: Tuple[Tuple[Type[DreamLabError], FrozenSet[int], FrozenSet[int]], ...] = (
    (StorageFull, frozenset((errno.ENOSPC, errno.EDQUOT)), frozenset((39, 112, 1295))),
    (
        StorageUnavailable,
        frozenset((errno.ESTALE, errno.EHOSTDOWN, errno.ENOTCONN)),
        frozenset((53, 59, 64, 67, 121)),
    ),
    (SessionNotFound, frozenset((errno.ENOENT,)), frozenset((2, 3))),
)

# What could not be removed yet, because somebody uses it.
_leftovers: Set[Path] = set()

log = logging.getLogger(__name__)

if sys.platform == "win32":
    import msvcrt

    # One byte for each process that has the folder.
    _LOCK_NAME, _LOCK_BYTES = ".lock", 64

    def sync(path: Path) -> None:
        """Return when the file is on the disk."""
        descriptor = os.open(path, os.O_RDWR | os.O_BINARY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_folder(folder: Path) -> None:
        """Do nothing: NTFS has a journal of its folders."""

    def lock_shared(folder: Path) -> bool:
        """Lock `folder` until this process ends. Return whether no other process has it."""
        # The descriptor stays open on purpose: closing it would end the lock.
        descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT)
        locked = []
        for position in range(_LOCK_BYTES):
            os.lseek(descriptor, position, os.SEEK_SET)
            with suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                locked.append(position)
        for position in locked[1:]:
            os.lseek(descriptor, position, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        return len(locked) == _LOCK_BYTES

else:
    import fcntl

    def sync(path: Path) -> None:
        """Return when the file or folder is on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if sys.platform == "darwin":
                # fsync leaves it in the disk's own cache there. Not every file system has this.
                with suppress(OSError):
                    fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    sync_folder = sync

    def lock_shared(folder: Path) -> bool:
        """Lock `folder` until this process ends. Return whether no other process has it."""
        # The descriptor stays open on purpose: closing it would end the lock.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            is_alone = False
        else:
            is_alone = True
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        return is_alone


def reservation(path: Path) -> Path:
    """Return the file that reserves the name of `path`."""
    return path.with_name(RESERVED + path.name)


def record(path: Path) -> Path:
    """Return the file that says how the model at `path` was made."""
    return path.with_name(RECORD + path.name + _JSON)


def tombstone(path: Path) -> Path:
    """Return the file that says that `path` was deleted."""
    return path.with_name(DELETED + path.name)


def is_there(path: Path) -> bool:
    """Return whether there is a file at `path` that was not deleted."""
    return path.is_file() and not tombstone(path).exists()


def entries(folder: Path) -> List[os.DirEntry[str]]:
    """Return what is in `folder` and was not deleted."""
    with os.scandir(folder) as found:
        every = list(found)
    deleted = {each.name for each in every if each.name.startswith(DELETED)}
    return [each for each in every if DELETED + each.name not in deleted]


@contextmanager
def temporary(folder: Path, suffix: str = "") -> Iterator[Path]:
    """A hidden path in `folder`. Whatever is there at the end is removed."""
    path = hidden(folder, suffix)
    try:
        yield path
    finally:
        remove(path)


def hidden(folder: Path, suffix: str = "", prefix: str = TEMPORARY) -> Path:
    """Return a new hidden path in `folder`."""
    return folder / f"{prefix}{uuid.uuid4().hex[:_HEX_DIGITS]}{suffix}"


def rename(path: Path, target: Path) -> None:
    """Rename a new file or folder, which a virus scanner on Windows may hold for a moment."""
    for _ in range(_RENAME_ATTEMPTS):
        with suppress(PermissionError):
            path.rename(target)
            return
        time.sleep(_RENAME_PAUSE_S)
    path.rename(target)


def remove(path: Path) -> None:
    """Remove a hidden file or folder, if it is there. What somebody uses is removed later."""
    if not _try_to_remove(path):
        log.info("%s is in use and is removed later", path.name)
        _leftovers.add(path)


def remove_leftovers() -> None:
    """Try again to remove what was in use."""
    for path in list(_leftovers):
        if _try_to_remove(path):
            _leftovers.discard(path)


def _try_to_remove(path: Path) -> bool:
    """Remove what can be removed. Return whether nothing is left."""
    with suppress(OSError):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)
    return not os.path.lexists(path)


def bury(path: Path) -> None:
    """Hide what is at `path` for good, then remove it. Raises FileExistsError if that was done."""
    tombstone(path).touch(exist_ok=False)
    remove(path)


def is_too_long(error: OSError) -> bool:
    """Return whether a path in an existing folder is too long for the system."""
    code = getattr(error, "winerror", None)
    return error.errno == errno.ENAMETOOLONG or code in _TOO_LONG_WINERRORS


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn some kinds of OSError into errors of ours. Others are not a client's."""
    try:
        yield
    except OSError as error:
        winerror = getattr(error, "winerror", None)
        for kind, errnos, winerrors in _KINDS:
            if winerror in winerrors or (winerror is None and error.errno in errnos):
                raise kind from error
        raise


def clear(folder: Path, before_ns: int) -> None:
    """Remove what a killed process left in `folder`.

    That is temporary files older than `before_ns`, what was deleted while it was in use, and the
    records of models that are not there.
    """
    for path in folder.glob(TEMPORARY + "*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns < before_ns:
                remove(path)
    for path in folder.glob(RECORD + "*"):
        if not path.with_name(path.name[len(RECORD) : -len(_JSON)]).exists():
            remove(path)
    for path in folder.glob(DELETED + "*"):
        remove(path.with_name(path.name[len(DELETED) :]))
