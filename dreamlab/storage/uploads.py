"""A session's uploads: kept byte for byte, listed and deleted."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterable, List, NamedTuple, Sequence

from dreamlab import metrics
from dreamlab.errors import DreamLabError, UploadNotFound
from dreamlab.storage import files, names
from dreamlab.storage.files import storage_errors


class NewUpload(NamedTuple):
    """A file to keep: its bytes, the client's name for it, and the suffixes of its kind."""

    file: IO[bytes]
    name: str
    suffixes: Sequence[str]


class ListedUpload(NamedTuple):
    """An upload in the list: its name, its size and its time in seconds since 1970."""

    name: str
    size: int
    created: float


@dataclass(frozen=True)
class Uploads:
    """The folder `uploads/` of a session. Methods raise SessionNotFound when it is gone."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of the upload `name`. Raises UploadNotFound."""
        path = self.folder / name
        if not names.is_plain(name) or not files.is_there(path):
            raise UploadNotFound
        return path

    def open(self, name: str) -> IO[bytes]:
        """Open an upload for reading. Raises UploadNotFound."""
        try:
            return self.path(name).open("rb")
        except FileNotFoundError as error:
            raise UploadNotFound from error

    def list(self) -> List[ListedUpload]:
        """Return the uploads, oldest first."""
        found = []
        with storage_errors():
            for entry in files.entries(self.folder):
                if names.is_plain(entry.name):
                    # It may be deleted at this moment.
                    with suppress(FileNotFoundError):
                        status = entry.stat()
                        found.append((status.st_mtime_ns, entry.name, status.st_size))
        return [ListedUpload(name, size, time_ns / 1e9) for time_ns, name, size in sorted(found)]

    def delete(self, name: str) -> None:
        """Delete an upload. A generation that holds it goes on. Raises UploadNotFound."""
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError as error:
            raise UploadNotFound from error
        except PermissionError:
            # It is just read, on Windows.
            with suppress(FileExistsError), storage_errors():
                files.bury(path)

    def keep(self, uploads: Sequence[NewUpload]) -> List[str]:
        """Keep the files of one request byte for byte, all of them or none. Raises StorageFull.

        A kept name is the client's own, made safe. It has the suffix of the file's real kind, and
        a number where the name is taken.
        """
        kept: List[str] = []
        try:
            for upload in uploads:
                kept.append(self._keep_one(upload))
        except DreamLabError:
            self.discard(kept)
            raise
        return kept

    def discard(self, kept: Iterable[str]) -> None:
        """Remove uploads that were kept just now."""
        for name in kept:
            files.remove(self.folder / name)

    def _keep_one(self, upload: NewUpload) -> str:
        with storage_errors(), files.temporary(self.folder) as file:
            with file.open("wb") as copy:
                shutil.copyfileobj(upload.file, copy, 1 << 20)
                size = copy.tell()
            name = self._publish(file, *names.safe_name(upload.name, upload.suffixes))
        metrics.count_upload(size)
        return name

    def _publish(self, file: Path, stem: str, suffix: str) -> str:
        """Link a finished file to the first free name of `stem`, `stem-2`, ... and return it."""
        files.sync(file)
        for name in names.numbered(stem, suffix):
            path = self.folder / name
            if path.exists() or files.tombstone(path).exists():
                continue
            with suppress(FileExistsError):
                os.link(file, path)
                files.sync_folder(self.folder)
                return name
        raise AssertionError("numbered() ended")

    def open_held(self, hold: str, name: str) -> IO[bytes]:
        """Open an upload of a generation that an earlier release accepted.

        That release kept links to the uploads in a hidden folder. Raises UploadNotFound.
        """
        with suppress(FileNotFoundError):
            return (self.folder / hold / name).open("rb")
        return self.open(name)
