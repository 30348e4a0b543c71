"""The records of a session's generations: how each was accepted, and how it ended.

A record is a folder. Its files are written once, so every change is one atomic step, on any host:

accepted.json   what is needed to run the generation, also after a restart
front.jpg, …    the pictures that the generator gets, one of each side
end.json        how it ended: the first end that is kept counts
again           it was taken up after its server had died
webhook         its webhook is still to be sent
….forget        the picture goes when the generation has ended: its upload was deleted
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Dict, List, Mapping, Optional

from dreamlab.errors import GenerationNotFound
from dreamlab.storage import files, records
from dreamlab.storage.files import storage_errors
from dreamlab.storage.records import Accepted, End

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCEPTED, _END = "accepted.json", "end.json"
_AGAIN, _WEBHOOK = "again", "webhook"
_FORGET = ".forget"


@dataclass(frozen=True)
class GenerationRecords:
    """The folder `generations/` of a session, which the first generation creates."""

    folder: Path

    def accept(self, generation_id: str, accepted: Accepted, pictures: Mapping[str, bytes]) -> bool:
        """Create a record with its pictures in one step. Return False where there is one.

        `pictures` has their bytes by their names. Raises StorageFull, and SessionNotFound when the
        session is gone.
        """
        with storage_errors():
            with suppress(FileExistsError):
                self.folder.mkdir()
            with files.temporary(self.folder) as record:
                record.mkdir()
                for name, content in pictures.items():
                    (record / name).write_bytes(content)
                    files.sync(record / name)
                records.write(record / _ACCEPTED, accepted)
                if accepted["webhook"] is not None:
                    (record / _WEBHOOK).touch()
                try:
                    files.rename(record, self._record(generation_id))
                except OSError:
                    if self._record(generation_id).is_dir():
                        return False
                    raise
            files.sync_folder(self.folder)
        return True

    def accepted(self, generation_id: str) -> Accepted:
        """Return what was accepted. Raises GenerationNotFound."""
        if not _UUID.fullmatch(generation_id):
            raise GenerationNotFound
        accepted: Optional[Accepted] = records.read(self._record(generation_id) / _ACCEPTED)
        if accepted is None:
            raise GenerationNotFound
        return accepted

    def request_id(self, generation_id: str) -> str:
        """Return the id of the request that was accepted, empty if it is not known."""
        with suppress(GenerationNotFound):
            # Records of earlier releases do not have it.
            return str(self.accepted(generation_id).get("request_id", ""))
        return ""

    def keep_end(self, generation_id: str, end: End) -> End:
        """Keep how a generation ended, unless that was done before. Return the end that counts.

        Of several ends at the same moment, on any hosts, exactly one counts. Raises
        GenerationNotFound when the record is gone.
        """
        record = self._record(generation_id)
        if not record.is_dir():
            raise GenerationNotFound
        with storage_errors(), files.temporary(self.folder) as path:
            records.write(path, end)
            with suppress(FileExistsError):
                os.link(path, record / _END)
                # Who sees the end may delete the record at once.
                with suppress(FileNotFoundError):
                    files.sync_folder(record)
                return end
        counts = self.end(generation_id)
        if counts is None:
            raise GenerationNotFound
        return counts

    def end(self, generation_id: str) -> Optional[End]:
        """Return how a generation ended, None as long as it has not."""
        end: Optional[End] = records.read(self._record(generation_id) / _END)
        return end

    def pictures(self, generation_id: str) -> Dict[str, Path]:
        """Return the paths of the pictures by side. Raises GenerationNotFound."""
        names = self.accepted(generation_id).get("pictures", {})
        return {side: self._record(generation_id) / name for side, name in names.items()}

    def add_picture(self, generation_id: str, name: str, content: bytes) -> Path:
        """Keep a picture of a generation that an earlier release accepted without."""
        path = self._record(generation_id) / name
        with storage_errors():
            path.write_bytes(content)
        return path

    def forget_pictures(self, uploads: Collection[str]) -> None:
        """Remove the pictures of deleted uploads. Those of a running generation go at its end."""
        for generation_id in self.ids():
            # It may be deleted at this moment.
            with suppress(GenerationNotFound, FileNotFoundError):
                accepted = self.accepted(generation_id)
                for side, picture in accepted.get("pictures", {}).items():
                    if accepted["uploads"][side] in uploads:
                        (self._record(generation_id) / (picture + _FORGET)).touch()
                self.remove_forgotten(generation_id)

    def remove_forgotten(self, generation_id: str) -> None:
        """Remove the forgotten pictures of a generation, if it has ended."""
        # The record may be deleted at this moment.
        with suppress(FileNotFoundError):
            for mark in self._record(generation_id).glob("*" + _FORGET):
                if not self.is_unfinished(generation_id):
                    files.remove(mark.with_name(mark.name[: -len(_FORGET)]))
                    files.remove(mark)

    def uploads_in_use(self) -> List[str]:
        """Return the names of the uploads of which generations are being made."""
        found: List[str] = []
        for generation_id in self.unfinished():
            with suppress(GenerationNotFound):
                found += self.accepted(generation_id)["uploads"].values()
        return found

    def ids(self) -> List[str]:
        """Return the ids of all generations, the newest first."""
        found = []
        with suppress(FileNotFoundError):
            for entry in files.entries(self.folder):
                # It may be deleted at this moment.
                with suppress(FileNotFoundError):
                    if _UUID.fullmatch(entry.name):
                        accepted = Path(entry.path, _ACCEPTED).stat()
                        found.append((accepted.st_mtime_ns, entry.name))
        return [generation_id for _, generation_id in sorted(found, reverse=True)]

    def unfinished(self) -> List[str]:
        """Return the ids of the generations that have not ended, the newest first."""
        return [each for each in self.ids() if self.is_unfinished(each)]

    def is_unfinished(self, generation_id: str) -> bool:
        """Return whether there is a record without an end."""
        record = self._record(generation_id)
        return record.is_dir() and not (record / _END).exists()

    def unsettled_webhooks(self) -> List[str]:
        """Return the ids of those that have ended and whose webhook is perhaps not delivered."""
        ids = [path.parent.name for path in self.folder.glob(f"*/{_WEBHOOK}")]
        return [each for each in ids if (self._record(each) / _END).exists()]

    def settle_webhook(self, generation_id: str) -> None:
        """Note that the webhook is not to be sent again."""
        with suppress(FileNotFoundError):
            (self._record(generation_id) / _WEBHOOK).unlink()

    def take_up(self, generation_id: str) -> bool:
        """Return whether a generation may have a further attempt. It gets one."""
        with suppress(FileExistsError):
            (self._record(generation_id) / _AGAIN).touch(exist_ok=False)
            return True
        return False

    def delete(self, generation_id: str) -> None:
        """Delete a record in one step. Raises GenerationNotFound."""
        with files.temporary(self.folder) as hidden:
            try:
                files.rename(self._record(generation_id), hidden)
            except FileNotFoundError as error:
                raise GenerationNotFound from error

    def _record(self, generation_id: str) -> Path:
        return self.folder / generation_id
