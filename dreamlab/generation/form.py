"""The form of a generation request: its views and options, and which values make sense."""

from __future__ import annotations

import math
import os
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from werkzeug.datastructures import FileStorage, MultiDict

from dreamlab.errors import InvalidOption, MissingImage
from dreamlab.space.options import MAX_SEED, Options

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
MAX_CAPTION = 1000
_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

Value = Union[str, int, float, bool]


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


def read_options(form: Mapping[str, str]) -> Options:
    """Return the options of a form. An empty field counts as not given. Raises InvalidOption."""
    given: Dict[str, Value] = {}
    for field, parse in _PARSERS.items():
        text = form.get(field, "").strip()
        if text:
            given[field] = parse(field, text)
    return Options(**given)  # type: ignore[arg-type]


def _boolean(field: str, text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise InvalidOption(f"{field} must be true or false.")
    return value


def _caption(field: str, text: str) -> str:
    if len(text) > MAX_CAPTION:
        raise InvalidOption(f"{field} must have at most {MAX_CAPTION} characters.")
    return text


def _integer(low: int, high: int) -> Callable[[str, str], int]:
    def parse(field: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise InvalidOption(f"{field} must be a whole number from {low} to {high}.")
        return int(text)

    return parse


def _positive(field: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InvalidOption(f"{field} must be a number greater than 0.")
    return value


_PARSERS: Dict[str, Callable[[str, str], Value]] = {
    "texture": _boolean,
    "remove_background": _boolean,
    "caption": _caption,
    "seed": _integer(0, MAX_SEED),
    "steps": _integer(1, 100),
    "guidance_scale": _positive,
    "octree_resolution": _integer(16, 512),
}
