"""One session and its models. Only this package touches `sessions/`."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

from dreamlab.errors import ModelNotFound, UploadNotFound
from dreamlab.models import glb
from dreamlab.settings import LONGEST_GENERATION_S
from dreamlab.storage import files, names, records
from dreamlab.storage.files import storage_errors
from dreamlab.storage.formats import KeptFormats
from dreamlab.storage.generations import GenerationRecords
from dreamlab.storage.records import End, ModelRecord
from dreamlab.storage.uploads import Uploads


class ListedModel(NamedTuple):
    """A model in the list: its name, its size in bytes and its record."""

    name: str
    size: int
    record: ModelRecord


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
    def generations(self) -> GenerationRecords:
        """The records of the session's generations."""
        return GenerationRecords(self.folder / "generations")

    def end_generation(self, generation_id: str, end: End) -> End:
        """Keep how a generation ended. Return the end that counts.

        Raises GenerationNotFound, StorageFull and SessionNotFound.
        """
        # Who hears of the end may delete the record at once.
        hold = self.generations.accepted(generation_id).get("hold")
        counts = self.generations.keep_end(generation_id, end)
        self.generations.remove_forgotten(generation_id)
        if hold is not None:
            files.remove(self.uploads.folder / hold)
        return counts

    def generation_end(self, generation_id: str) -> Optional[End]:
        """Return how a generation ended, None as long as it has not. Its model is shown then."""
        end = self.generations.end(generation_id)
        # Whoever kept the end may be about to show it at this moment.
        if end and end["result"] and not self.was_saved(end["result"]["model"]):
            self.publish(end["result"]["model"])
        return end

    def delete_upload(self, name: str) -> None:
        """Delete an upload, and the pictures made of it that no generation needs any more.

        Raises UploadNotFound.
        """
        self.uploads.delete(name)
        self.generations.forget_pictures([name])

    def delete_unused_uploads(self) -> None:
        """Delete the uploads of which no generation is being made."""
        in_use = self.generations.uploads_in_use()
        unused = [each.name for each in self.uploads.list() if each.name not in in_use]
        for name in unused:
            # It may be deleted at this moment.
            with suppress(UploadNotFound):
                self.uploads.delete(name)
        self.generations.forget_pictures(unused)

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

    def reserve(self, upload_name: str) -> str:
        """Reserve a name for a model, which perhaps more than one attempt makes."""
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

    def stage(self, draft: Path, name: str, record: Optional[ModelRecord] = None) -> None:
        """Make the finished `draft` the model with the reserved `name`, still hidden.

        Several attempts may do so, on any host.
        """
        path = self._models / name
        with storage_errors():
            files.sync(draft)
            if not self.was_saved(name):
                if record is not None:
                    records.write_model_record(path, record)
                draft.replace(files.reservation(path))

    def publish(self, name: str) -> None:
        """Show a staged model, in one step, unless it was shown before."""
        path = self._models / name
        with storage_errors():
            if not self.was_saved(name):
                # Another attempt may do so at this moment.
                with suppress(FileExistsError, FileNotFoundError):
                    os.link(files.reservation(path), path)
                if files.tombstone(path).exists():
                    # A client has deleted it since.
                    files.remove(path)
                    files.remove(files.record(path))
                files.sync_folder(self._models)
        files.remove(files.reservation(path))

    def unstage(self, name: str) -> None:
        """Remove a staged model, which is not shown. Its name is free again."""
        files.remove(files.reservation(self._models / name))
        files.remove(files.record(self._models / name))

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

    def record(self, name: str) -> ModelRecord:
        """Return the record of a model. Raises ModelNotFound.

        A model of before there were records gets one, which says what its file says.
        """
        path = self.model(name)
        record = records.read_model_record(path)
        if record is None:
            with storage_errors():
                record = records.record_of_file(path)
                records.write_model_record(path, record)
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

    def formats(self, name: str) -> KeptFormats:
        """Return the formats that were made of the model `name`."""
        return KeptFormats(self._models / name)

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
        self.formats(name).delete()

    def delete_models(self) -> None:
        """Delete every model that is complete now."""
        for name in self.models():
            with suppress(ModelNotFound):
                self.delete_model(name)

    # Activity

    def clear(self, before_ns: int) -> None:
        """Remove what a killed process left, older than `before_ns`, that is not needed.

        A model that was staged is shown if its generation has succeeded.
        """
        unfinished = [self.generations.accepted(each) for each in self.generations.unfinished()]
        reserved = {accepted["model"] for accepted in unfinished}
        for path in self._models.glob(files.RESERVED + "*"):
            name = path.name[len(files.RESERVED) :]
            if self._is_made(name):
                self.publish(name)
            elif name not in reserved and path.stat().st_mtime_ns < before_ns:
                self.unstage(name)
        for folder in (self.uploads.folder, self._models, self.generations.folder):
            if folder.is_dir():
                files.clear(folder, before_ns)

    def _is_made(self, name: str) -> bool:
        """Return whether a staged model is the one with which its generation ended."""
        record = records.read_model_record(self._models / name)
        generation_id = record.get("generation_id") if record else None
        end = self.generations.end(generation_id) if generation_id else None
        return bool(end and end["result"] and end["result"]["model"] == name)

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
