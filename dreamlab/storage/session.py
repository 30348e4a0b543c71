"""One session and its models. Only this package touches `sessions/`."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional

from dreamlab.errors import ModelNotFound
from dreamlab.models import glb
from dreamlab.settings import LONGEST_GENERATION_S
from dreamlab.storage import files, names, records
from dreamlab.storage.files import storage_errors
from dreamlab.storage.forms import Forms
from dreamlab.storage.uploads import Uploads


class ListedModel(NamedTuple):
    """A model in the list: its name, its size in bytes and its record."""

    name: str
    size: int
    record: records.Record


@dataclass(frozen=True)
class Session:
    """One session's folder. Methods raise SessionNotFound when the folder is gone."""

    id: str
    folder: Path

    @property
    def short_id(self) -> str:
        """The part of the id that a log may have."""
        return self.id[:8]

    @property
    def uploads(self) -> Uploads:
        """The session's uploads."""
        return Uploads(self.folder / "uploads")

    @property
    def _models(self) -> Path:
        return self.folder / "models"

    # Models

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A hidden, empty file in `models/` to write a model to, removed at the end.

        The session is not swept as long as it has a draft. Raises StorageFull.
        """
        with storage_errors(), files.temporary(self._models, glb.SUFFIX) as path:
            path.touch()
            try:
                yield path
            finally:
                self._touch()

    def save(
        self, draft: Path, upload_name: str, record: Optional[Mapping[str, Any]] = None
    ) -> str:
        """Make the finished `draft` a model that is named after its upload. Return its name."""
        with storage_errors():
            files.sync(draft)
        while True:
            name = self.reserve(upload_name)
            try:
                if self._link(draft, name, record):
                    return name
            finally:
                # The model itself holds the name now.
                files.remove(files.reservation(self._models / name))

    def reserve(self, upload_name: str) -> str:
        """Reserve a name for a model that is made elsewhere, perhaps by more than one attempt.

        The name is never given again, even if all attempts fail.
        """
        stem = upload_name.rpartition(".")[0]
        with storage_errors():
            for name in names.numbered(stem, glb.SUFFIX):
                if self.was_saved(name):
                    continue
                reservation = files.reservation(self._models / name)
                with suppress(FileExistsError):
                    reservation.touch(exist_ok=False)
                    if not self.was_saved(name):
                        return name
                    files.remove(reservation)
        raise AssertionError("numbered() ended")

    def save_reserved(
        self, draft: Path, name: str, record: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Make the finished `draft` the model with the reserved `name`, unless it was saved before.

        Where several attempts make one model, on any host, the first one to save it counts.
        """
        with storage_errors():
            files.sync(draft)
        if not self.was_saved(name):
            self._link(draft, name, record)

    def _link(self, draft: Path, name: str, record: Optional[Mapping[str, Any]]) -> bool:
        """Link `draft` to the model `name`. Return False if that name is or was taken."""
        path = self._models / name
        with storage_errors():
            if record is not None:
                # Before the model, which so is never listed without it.
                records.write(path, record)
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
            if files.tombstone(path).exists():
                # A client deleted a model of that name since we looked.
                files.remove(path)
                files.remove(files.record(path))
                return False
            files.sync_folder(self._models)
        return True

    def was_saved(self, name: str) -> bool:
        """Return whether the model was saved, even if it was deleted since."""
        path = self._models / name
        return path.exists() or files.tombstone(path).exists()

    def models(self) -> List[str]:
        """Return the names of the complete models, oldest first."""
        found = []
        with storage_errors():
            for entry in files.entries(self._models):
                if names.is_plain(entry.name, glb.SUFFIX):
                    # It may be deleted at this moment.
                    with suppress(FileNotFoundError):
                        found.append((entry.stat().st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def listed_models(self) -> List[ListedModel]:
        """Return the complete models with their records, oldest first."""
        found = []
        for name in self.models():
            # It may be deleted at this moment.
            with suppress(ModelNotFound, FileNotFoundError):
                size = self.model(name).stat().st_size
                found.append(ListedModel(name, size, self.record(name)))
        return found

    def record(self, name: str) -> records.Record:
        """Return the record of a model. Raises ModelNotFound.

        A model of before there were records gets one, which says what its file says.
        """
        path = self.model(name)
        record = records.read(path)
        if record is None:
            with storage_errors():
                record = records.of_file(path)
                records.write(path, record)
            if not files.is_there(path):
                files.remove(files.record(path))
                raise ModelNotFound
        return record

    def model(self, name: str) -> Path:
        """Return the path of the model `name`. Raises ModelNotFound."""
        path = self._models / name
        if not names.is_plain(name, glb.SUFFIX) or not files.is_there(path):
            raise ModelNotFound
        return path

    def forms(self, name: str) -> Forms:
        """Return the forms of the model `name`."""
        return Forms(self._models / name)

    def delete_model(self, name: str) -> None:
        """Delete a model. Raises ModelNotFound.

        Its name is not given again, since a client may have cached the model for good.
        """
        path = self.model(name)
        try:
            with storage_errors():
                files.bury(path)
        except FileExistsError as error:
            raise ModelNotFound from error
        files.remove(files.record(path))
        self.forms(name).delete()

    def delete_models(self) -> None:
        """Delete every model that is complete now."""
        for name in self.models():
            with suppress(ModelNotFound):
                self.delete_model(name)

    # Activity

    def is_busy(self) -> bool:
        """Return whether a generation runs in the session, in any process on any host."""
        # A host that died left the older drafts.
        oldest = time.time() - LONGEST_GENERATION_S
        with suppress(FileNotFoundError):
            drafts = self._models.glob(files.TEMPORARY + "*")
            return any(draft.stat().st_mtime > oldest for draft in drafts)
        return False

    def idle_s(self) -> float:
        """Return the seconds since the last request or generation that touched the session."""
        return time.time() - self.folder.stat().st_mtime

    def _touch(self) -> None:
        with suppress(FileNotFoundError):
            os.utime(self.folder)
