"""The formats of one model, kept beside it under hidden names."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import List

from dreamlab.errors import ModelNotFound
from dreamlab.storage import files
from dreamlab.storage.files import storage_errors

_DIGITS = 12
# Whoever knows the session can ask for any number of sizes. The oldest formats go first.
_MAX_FORMATS = 40


@dataclass(frozen=True)
class KeptFormats:
    """The formats that were made of the model at `model`."""

    model: Path

    def path(self, name: str) -> Path:
        """Return the path of the format with this name, whether it is there or not."""
        return self.model.with_name(self._prefix + name)

    def save(self, draft: Path, path: Path) -> None:
        """Make the finished `draft` the format at `path`.

        Where two hosts make the same format, the first one counts. Raises ModelNotFound if the
        model is gone.
        """
        with storage_errors():
            files.sync(draft)
            self._make_room()
            with suppress(FileExistsError):
                os.link(draft, path)
        if not files.is_there(self.model):
            # The model was deleted since.
            files.remove(path)
            raise ModelNotFound

    def delete(self) -> None:
        """Delete all of them."""
        for path in self._list():
            files.remove(path)

    @property
    def _prefix(self) -> str:
        # Windows allows no longer paths than those of uploads.
        digest = hashlib.sha256(self.model.name.encode()).hexdigest()[:_DIGITS]
        return f"{files.FORMAT}{digest}-"

    def _list(self) -> List[Path]:
        return list(self.model.parent.glob(self._prefix + "*"))

    def _make_room(self) -> None:
        found = []
        for path in self._list():
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(found)[: len(found) - _MAX_FORMATS + 1]:
            files.remove(path)
