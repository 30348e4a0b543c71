"""The records of a session's generations: how each was accepted, and how it ended.

A record is a folder. Its files are written once, so every change is one atomic step, on any host:

accepted.json   what is needed to run the generation, also after a restart
end.json        how it ended: the first end that is kept counts
again           it was taken up after its server had died
webhook         its webhook is still to be sent
counted         its end is in the metrics
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from dreamlab.errors import GenerationNotFound
from dreamlab.storage import files
from dreamlab.storage.files import storage_errors

Accepted = Dict[str, Any]
End = Dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCEPTED, _END = "accepted.json", "end.json"
_AGAIN, _WEBHOOK, _COUNTED = "again", "webhook", "counted"


@dataclass(frozen=True)
class Generations:
    """The folder `generations/` of a session, which the first generation creates."""

    folder: Path

    def accept(self, generation_id: str, accepted: Mapping[str, Any]) -> bool:
        """Create a record in one step. Return False where there is one with that id.

        Raises StorageFull, and SessionNotFound when the session is gone.
        """
        with storage_errors():
            with suppress(FileExistsError):
                self.folder.mkdir()
            with files.temporary(self.folder) as record:
                record.mkdir()
                _write(record / _ACCEPTED, accepted)
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
        accepted = _read(self._record(generation_id) / _ACCEPTED)
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
            _write(path, end)
            with suppress(FileExistsError):
                os.link(path, record / _END)
                files.sync_folder(record)
                return end
        counts = self.end(generation_id)
        if counts is None:
            raise GenerationNotFound
        return counts

    def end(self, generation_id: str) -> Optional[End]:
        """Return how a generation ended, None as long as it has not."""
        return _read(self._record(generation_id) / _END)

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

    def mark_counted(self, generation_id: str) -> bool:
        """Mark the end of a generation as counted. Return False where that was done before."""
        try:
            (self._record(generation_id) / _COUNTED).touch(exist_ok=False)
        except (FileExistsError, FileNotFoundError):
            return False
        except OSError:
            # The disk is full. Better counted twice than never.
            return True
        return True

    def delete(self, generation_id: str) -> None:
        """Delete a record in one step. Raises GenerationNotFound."""
        with files.temporary(self.folder) as hidden:
            try:
                files.rename(self._record(generation_id), hidden)
            except FileNotFoundError as error:
                raise GenerationNotFound from error

    def _record(self, generation_id: str) -> Path:
        return self.folder / generation_id


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), "utf-8")
    files.sync(path)


def _read(path: Path) -> Optional[Dict[str, Any]]:
    try:
        content: Dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content
