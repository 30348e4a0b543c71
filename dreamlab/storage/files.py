"""The file-system rules of `sessions/`. Nothing in it is ever half visible.

A file is written under a hidden temporary name in the folder where it will stay. It is synced and
then linked to its final name. link(2) is one atomic step that fails where the name is taken, on
local disks and on NFS.

Hidden files in a session's folders:

.tmp-…              a temporary file or folder, removed when its `with` block ends
.reserved-<model>   a reservation: the name is promised to a model that is not finished yet
.deleted-<model>    a tombstone: the name belonged to a deleted model and is not used again
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

from dreamlab.errors import SessionNotFound, StorageFull

TEMPORARY = ".tmp-"
RESERVED = ".reserved-"
DELETED = ".deleted-"


def reservation(path: Path) -> Path:
    """Return the file that reserves the name of `path`."""
    return path.with_name(RESERVED + path.name)


def tombstone(path: Path) -> Path:
    """Return the file that says that `path` was deleted."""
    return path.with_name(DELETED + path.name)


@contextmanager
def temporary(folder: Path, suffix: str = "") -> Iterator[Path]:
    """A hidden path in `folder`. Whatever is there at the end is removed."""
    path = folder / f"{TEMPORARY}{uuid.uuid4().hex}{suffix}"
    try:
        yield path
    finally:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sync(path: Path) -> None:
    """Return when the file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_shared(folder: Path) -> bool:
    """Lock `folder` for as long as this process runs. Return whether no other process has it."""
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


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn two kinds of OSError into StorageFull and SessionNotFound. Others are not a client's."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        if error.errno == errno.ENOENT:
            raise SessionNotFound from error
        raise


def clear(folder: Path, before_ns: int) -> None:
    """Remove what a killed process left in `folder`.

    That is temporary files older than `before_ns`, and the reservations of saved models. Other
    reservations may belong to tasks that still wait.
    """
    for path in folder.glob(TEMPORARY + "*"):
        if path.stat().st_mtime_ns < before_ns:
            remove(path)
    for path in folder.glob(RESERVED + "*"):
        if path.with_name(path.name[len(RESERVED) :]).exists():
            remove(path)
