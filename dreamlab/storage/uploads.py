"""A session's uploads: kept, taken again, listed and deleted.

A generation holds its uploads: it has links of its own to them, in a hidden folder. So no deletion
takes a photo from a running generation. An upload with more than one link is in use.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Collection, Iterable, Iterator, List, NamedTuple, Sequence

from dreamlab import metrics
from dreamlab.errors import DreamLabError, UploadNotFound
from dreamlab.settings import LONGEST_GENERATION_S
from dreamlab.storage import files, names
from dreamlab.storage.files import storage_errors


class NewUpload(NamedTuple):
    """A file to keep: its bytes, the client's name for it, and the suffixes of its kind."""

    file: IO[bytes]
    name: str
    suffixes: Sequence[str]


class Upload(NamedTuple):
    """An upload that a generation holds: its name in `uploads/`, and the path of the held link."""

    name: str
    path: Path

    def open(self) -> IO[bytes]:
        """Open the file for reading. Raises SessionNotFound."""
        with storage_errors():
            return self.path.open("rb")


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

    def delete_unused(self) -> None:
        """Delete every upload that no generation holds."""
        self._release_old_holds()
        for upload in self.list():
            with suppress(UploadNotFound, FileNotFoundError):
                if self.path(upload.name).stat().st_nlink == 1:
                    self.delete(upload.name)

    def held(self, name: str) -> Iterator[Path]:
        """Return the links of all generations that hold an upload of that name."""
        return self.folder.glob(f"{files.HELD}*/{name}")

    def _release_old_holds(self) -> None:
        """Remove the folders of generations that ended without doing so: their host died."""
        oldest = time.time() - LONGEST_GENERATION_S
        for folder in self.folder.glob(files.HELD + "*"):
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < oldest:
                    files.remove(folder)

    def clear_holds(self, before_ns: int, needed: Collection[str]) -> None:
        """Remove the holds older than `before_ns`, but for those with a needed name."""
        for folder in self.folder.glob(files.HELD + "*"):
            if folder.name not in needed and folder.stat().st_mtime_ns < before_ns:
                files.remove(folder)

    def new_hold(self) -> Hold:
        """Return an empty Hold, which stays until it is released. Raises StorageFull."""
        return self.hold_again(files.hidden(self.folder, prefix=files.HELD).name)

    def hold_again(self, name: str) -> Hold:
        """Return the Hold of that name, which another process has left. Raises StorageFull."""
        hold = Hold(self, self.folder / name)
        with storage_errors():
            hold.folder.mkdir(exist_ok=True)
            os.utime(hold.folder)
        return hold

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """A Hold of the uploads that one generation needs, released at the end."""
        hold = self.new_hold()
        try:
            yield hold
        finally:
            hold.release()

    @contextmanager
    def temporary(self, content: bytes, suffix: str) -> Iterator[Path]:
        """A hidden file with `content`, removed at the end. Raises StorageFull."""
        with files.temporary(self.folder, suffix) as path:
            with storage_errors():
                path.write_bytes(content)
            yield path


class Hold(NamedTuple):
    """The uploads that one generation needs, and the hidden folder with its links to them."""

    uploads: Uploads
    folder: Path

    def keep(self, uploads: Sequence[NewUpload]) -> List[Upload]:
        """Keep the files of one request byte for byte, all of them or none. Raises StorageFull.

        A kept name is the client's own, made safe. It has the suffix of the file's real kind, and
        a number where the name is taken.
        """
        kept: List[Upload] = []
        try:
            for upload in uploads:
                kept.append(self._keep_one(upload))
        except DreamLabError:
            self.discard(kept)
            raise
        return kept

    def discard(self, kept: Iterable[Upload]) -> None:
        """Remove uploads that were kept just now."""
        for upload in kept:
            files.remove(self.uploads.folder / upload.name)

    def release(self) -> None:
        """Remove the links: the generation has ended, or does not begin."""
        files.remove(self.folder)

    def _keep_one(self, upload: NewUpload) -> Upload:
        file = self.folder / "new"
        with storage_errors():
            with file.open("wb") as copy:
                shutil.copyfileobj(upload.file, copy, 1 << 20)
                size = copy.tell()
            name = self._publish(file, *names.safe_name(upload.name, upload.suffixes))
            files.rename(file, self.folder / name)
        metrics.count_upload(size)
        return Upload(name, self.folder / name)

    def _publish(self, file: Path, stem: str, suffix: str) -> str:
        """Link a finished file to the first free name of `stem`, `stem-2`, ... and return it."""
        files.sync(file)
        for name in names.numbered(stem, suffix):
            path = self.uploads.folder / name
            # A generation may hold an upload of that name that was deleted.
            if path.exists() or files.tombstone(path).exists() or any(self.uploads.held(name)):
                continue
            with suppress(FileExistsError):
                os.link(file, path)
                files.sync_folder(self.uploads.folder)
                return name
        raise AssertionError("numbered() ended")

    def take(self, name: str) -> Upload:
        """Take an upload that is kept. Raises UploadNotFound."""
        return self._link(self.uploads.path(name))

    def take_back(self, name: str) -> Upload:
        """Take an upload that another Hold may have, even if it was deleted since.

        Raises UploadNotFound. A name that is held is not given again, so it is the same file.
        """
        if (self.folder / name).exists():
            return Upload(name, self.folder / name)
        with suppress(UploadNotFound):
            return self.take(name)
        for path in self.uploads.held(name):
            return self._link(path)
        raise UploadNotFound

    def _link(self, path: Path) -> Upload:
        link = self.folder / path.name
        try:
            os.link(path, link)
        except FileNotFoundError as error:
            # It was deleted since we looked.
            raise UploadNotFound from error
        return Upload(path.name, link)
