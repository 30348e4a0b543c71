"""Parsers of the options of generations and of models, which a form or a query has as text.

Each parser takes the field's name and its text, and raises InvalidOption, which names the field.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Mapping
from urllib.parse import urlsplit

from dreamlab.errors import InvalidOption

MAX_SEED = 10_000_000
ORIGINS = FLOOR, CENTER = "floor", "center"
_MAX_CAPTION = 1000
# Nothing in it needs an encoding in a request.
_URL = re.compile(r"[!-~]{1,2000}")
_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

Parser = Callable[[str, str], Any]


def read(texts: Mapping[str, str], parsers: Mapping[str, Parser]) -> Dict[str, Any]:
    """Return the values of the fields that `texts` gives. An empty field counts as not given."""
    given = {}
    for field, parse in parsers.items():
        text = texts.get(field, "").strip(" \t\r\n")
        if text:
            given[field] = parse(field, text)
    return given


def boolean(field: str, text: str) -> bool:
    """Return whether the text says yes."""
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise InvalidOption(f"{field} must be true or false.")
    return value


def caption(field: str, text: str) -> str:
    """Return the text of a prompt."""
    if len(text) > _MAX_CAPTION:
        raise InvalidOption(f"{field} must have at most {_MAX_CAPTION} characters.")
    return text


def _origin(field: str, text: str) -> str:
    if text.lower() not in ORIGINS:
        raise InvalidOption(f"{field} must be {FLOOR} or {CENTER}.")
    return text.lower()


def integer(low: int, high: int) -> Parser:
    """Return the parser of whole numbers from `low` to `high`."""

    def parse(field: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise InvalidOption(f"{field} must be a whole number from {low} to {high}.")
        return int(text)

    return parse


def _number(text: str) -> float:
    """Return the number, NaN where the text is none. Python's own 1_000 is none."""
    try:
        return float(text) if "_" not in text else math.nan
    except ValueError:
        return math.nan


def positive(field: str, text: str) -> float:
    """Return a number greater than 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise InvalidOption(f"{field} must be a number greater than 0.")
    return value


def is_size(value: Any) -> bool:
    """Return whether a side of a model can be so many centimetres."""
    return isinstance(value, (int, float)) and 1 <= value <= 10_000


def _centimetres(field: str, text: str) -> float:
    value = _number(text)
    if not is_size(value):
        raise InvalidOption(f"{field} must be a number of centimetres from 1 to 10000.")
    return value


def https_url(field: str, text: str) -> str:
    """Return the URL in `text`. Raises InvalidOption unless it is one with https and a host."""
    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_usable = False
    if not (is_usable and parts.scheme == "https" and _URL.fullmatch(text)):
        raise InvalidOption(f"{field} must be a URL that begins with https://.")
    return text


# What the query of a model has, and the form of a generation too.
MODEL: Dict[str, Parser] = {
    "width_cm": _centimetres,
    "height_cm": _centimetres,
    "depth_cm": _centimetres,
    "origin": _origin,
    "max_faces": integer(100, 1_000_000),
}
