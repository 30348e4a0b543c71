"""What a client orders: the views and options of a generation form, and what makes sense there."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from werkzeug.datastructures import FileStorage

from errors import DreamLabError

# The form's file fields in the order of the contract, and the view that each one shows.
VIEW_FIELDS = {
    "image": "front",
    "front_image": "front",
    "back_image": "back",
    "left_image": "left",
    "right_image": "right",
}

MAX_CAPTION = 1000

Value = Union[str, int, float, bool]


class MissingImage(DreamLabError):
    """The form has no front view, or an empty one."""

    status, code = 400, "missing_image"

    def __init__(self) -> None:
        super().__init__("Send a photo as the file field image or front_image.")


class InvalidOption(DreamLabError):
    """A known field with a bad value; the message names the field."""

    status, code = 422, "invalid_option"


class View(NamedTuple):
    """One submitted photo: the side it shows, its form field, its file."""

    side: str
    field: str
    file: FileStorage


@dataclass(frozen=True)
class Options:
    """The options of one generation; None leaves the choice to the generator."""

    texture: bool = False
    remove_background: bool = True
    caption: Optional[str] = None
    seed: Optional[int] = None
    steps: Optional[int] = None
    guidance_scale: Optional[float] = None
    octree_resolution: Optional[int] = None


def read_views(files: Mapping[str, FileStorage]) -> List[View]:
    """The photos among a form's files, front first. Raises MissingImage.

    A field without a name and without bytes is a browser's for which nobody chose a file.
    """
    found: Dict[str, View] = {}
    for field, side in VIEW_FIELDS.items():
        file = files.get(field)
        if file is not None and side not in found and (file.filename or _size(file)):
            found[side] = View(side, field, file)
    if "front" not in found or not _size(found["front"].file):
        raise MissingImage
    return list(found.values())


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(0)
    return size


def read_options(form: Mapping[str, str]) -> Options:
    """The options in a submitted form. An empty field counts as not given. Raises InvalidOption."""
    given: Dict[str, Value] = {}
    for field, parse in _PARSERS.items():
        text = form.get(field, "").strip()
        if text:
            given[field] = parse(field, text)
    return Options(**given)  # type: ignore[arg-type]


def _switch(field: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidOption(f"{field} must be true or false.")
    return text == "true"


def _caption(field: str, text: str) -> str:
    if len(text) > MAX_CAPTION:
        raise InvalidOption(f"{field} must have at most {MAX_CAPTION} characters.")
    return text


def _whole(low: int, high: int) -> Callable[[str, str], int]:
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
    "texture": _switch,
    "remove_background": _switch,
    "caption": _caption,
    "seed": _whole(0, 10_000_000),
    "steps": _whole(1, 100),
    "guidance_scale": _positive,
    "octree_resolution": _whole(16, 512),
}
