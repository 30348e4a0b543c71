"""The records on disk: how a generation was accepted and how it ended, and how a model was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, TypedDict

from dreamlab.clock import timestamp
from dreamlab.errors import Failure
from dreamlab.storage import files


class _Result(TypedDict):
    message: str
    session_id: str
    filename: str
    model: str
    seed: Optional[int]
    engine: str
    generation_id: str


class Result(_Result, total=False):
    """The answer to a generation that has made a model, but for the URL of the model."""

    size_cm: Optional[Dict[str, float]]
    size_guess_cm: Dict[str, float]
    texture: bool
    warnings: List[str]


class End(TypedDict):
    """How a generation ended: its status, with a result or an error. Times are RFC 3339."""

    status: str
    started: Optional[str]
    ended: str
    result: Optional[Result]
    error: Optional[Failure]


class _Accepted(TypedDict):
    created: float
    filename: str
    uploads: Dict[str, str]
    options: Dict[str, Any]
    model: Optional[str]
    digest: Optional[str]
    webhook: Optional[str]
    root: str


class Accepted(_Accepted, total=False):
    """What is needed to run a generation, also after a restart.

    `created` is in seconds since 1970. `uploads` and `pictures` have names by side. `model` is a
    reserved name. `root` is the URL of the API for the client. Records of earlier releases have
    `hold` in place of `pictures`: a folder with links to the uploads.
    """

    pictures: Dict[str, str]
    request_id: str
    hold: str


class ModelRecord(TypedDict, total=False):
    """How a model was made, and the facts of its file. What nobody knows is null."""

    generation_id: Optional[str]
    engine: Optional[str]
    seed: Optional[int]
    options: Optional[Dict[str, Any]]
    uploads: Optional[Dict[str, str]]
    created: Optional[str]
    seconds: Optional[float]
    size_guess_cm: Optional[Dict[str, float]]
    warnings: List[str]
    lacks_texture: bool
    triangles: Optional[int]
    size_cm: Optional[Dict[str, float]]
    texture: Optional[bool]


_UNKNOWN: ModelRecord = {
    "generation_id": None,
    "engine": None,
    "seed": None,
    "options": None,
    "uploads": None,
    "created": None,
    "seconds": None,
    "size_guess_cm": None,
}


def write_model_record(model: Path, record: ModelRecord) -> None:
    """Write a model's record in one step."""
    with files.temporary(model.parent) as path:
        write(path, record)
        path.replace(files.record(model))


def read_model_record(model: Path) -> Optional[ModelRecord]:
    """Return a model's record, None where there is none that can be read."""
    record: Optional[ModelRecord] = read(files.record(model))
    return record if isinstance(record, dict) else None


def record_of_file(model: Path) -> ModelRecord:
    """Return the record of a model of which nothing is known but its file."""
    # numpy is not imported before it is needed.
    from dreamlab.models import facts

    found: Any = {
        "created": timestamp(model.stat().st_mtime),
        **facts.read(model.read_bytes())._asdict(),
    }
    return {**_UNKNOWN, **found}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a new file, and return when it is on the disk."""
    path.write_text(json.dumps(content), "utf-8")
    files.sync(path)


def read(path: Path) -> Any:
    """Return the content of a record's file, None where there is none that can be read."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
