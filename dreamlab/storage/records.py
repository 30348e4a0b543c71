"""The record of a model: how it was made, in a hidden file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from dreamlab.clock import timestamp
from dreamlab.storage import files

Record = Dict[str, Any]


def write(model: Path, record: Mapping[str, Any]) -> None:
    """Write a model's record in one step."""
    with files.temporary(model.parent) as path:
        path.write_text(json.dumps(record), "utf-8")
        files.sync(path)
        path.replace(files.record(model))


def read(model: Path) -> Optional[Record]:
    """Return a model's record, None where there is none that can be read."""
    try:
        record = json.loads(files.record(model).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def of_file(model: Path) -> Record:
    """Return the record of a model of which nothing is known but its file."""
    # numpy is not imported before it is needed.
    from dreamlab.models import facts

    created = timestamp(model.stat().st_mtime)
    return {**UNKNOWN, "created": created, **facts.read(model.read_bytes())._asdict()}


# What a record has beside the facts of the file.
UNKNOWN: Mapping[str, Any] = {
    "generation_id": None,
    "engine": None,
    "seed": None,
    "options": None,
    "uploads": None,
    "created": None,
    "seconds": None,
    "size_guess_cm": None,
}
