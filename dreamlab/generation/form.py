"""The form of a generation request: its views and its options."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from werkzeug.datastructures import FileStorage, MultiDict

from dreamlab import fields
from dreamlab.errors import MissingImage
from dreamlab.space.options import Options

# The form's file fields in the order of the contract, and the side that each one shows.
VIEW_FIELDS = {
    "image": "front",
    "front_image": "front",
    "back_image": "back",
    "left_image": "left",
    "right_image": "right",
}
# In place of a front file: the name of an upload that the session keeps.
UPLOAD_FIELD = "upload"


class View(NamedTuple):
    """One submitted photo: the side that it shows, its form field and its file."""

    side: str
    field: str
    file: FileStorage


class Views(NamedTuple):
    """The photos of a form: the name of a kept upload, if the front is one, and the new files."""

    upload: Optional[str]
    submitted: List[View]


def read_views(files: MultiDict[str, FileStorage], form: Mapping[str, str]) -> Views:
    """Return the photos of a form, the front one first. Raises MissingImage.

    A photo that the form itself has counts, not the one that it names in UPLOAD_FIELD. A file
    without bytes is none, whatever its name: nobody chose a file for that field.
    """
    found: Dict[str, View] = {}
    for field, side in VIEW_FIELDS.items():
        for file in files.getlist(field):
            if side not in found and _size(file):
                found[side] = View(side, field, file)
    upload = form.get(UPLOAD_FIELD, "").strip()
    if "front" not in found and upload:
        return Views(upload, list(found.values()))
    if "front" not in found:
        raise MissingImage
    return Views(None, list(found.values()))


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(0)
    return size


def read_options(form: Mapping[str, str], defaults: Optional[Mapping[str, Any]] = None) -> Options:
    """Return the options of a form, with `defaults` for those not given. Raises InvalidOption."""
    return Options(**{**(defaults or {}), **fields.read(form, fields.GENERATION)})
