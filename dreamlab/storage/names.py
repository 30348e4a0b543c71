"""The file names of uploads and models: safe, and with a number where a name is taken."""

from __future__ import annotations

import re
from typing import Iterator, Sequence, Tuple

from werkzeug.utils import secure_filename

from dreamlab.errors import NoFreeName

_NAMELESS = "image"
_MAX_STEM = 100
_MAX_NUMBER = 10_000
# A name of the greatest length.
LONGEST = "x" * (_MAX_STEM + len(f"-{_MAX_NUMBER}.jpeg"))
# A name that is no hidden file, needs no percent-encoding and is not too long for a file system.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
# Windows opens a device for these, whatever follows after a dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.I)


def is_plain(name: str, suffix: str = "") -> bool:
    """Return whether `name` can be one of ours. No other one is ever looked up on the disk."""
    is_whole = _PLAIN.fullmatch(name) and name.endswith(suffix) and not name.endswith(".")
    return bool(is_whole and not _DEVICE.fullmatch(name))


def safe_name(name: str, suffixes: Sequence[str]) -> Tuple[str, str]:
    """Return the safe (stem, suffix) of a client's file name. The suffix is one of `suffixes`."""
    stem, dot, last = name.rpartition(".")
    if not dot or re.search(r"[\\/]", last):
        stem, last = name, ""
    suffix = "." + last if "." + last.lower() in suffixes else suffixes[0]
    # A name that begins with a dash is an option to the command that gets it.
    stem = secure_filename(stem)[:_MAX_STEM].strip("._-") or _NAMELESS
    if _DEVICE.fullmatch(stem):
        stem = f"{_NAMELESS}-{stem}"[:_MAX_STEM].rstrip("._-")
    return stem, suffix


def numbered(stem: str, suffix: str) -> Iterator[str]:
    """Generate the names `stem`, `stem-2`, `stem-3`, ... with the suffix. Raises NoFreeName."""
    yield stem + suffix
    for number in range(2, _MAX_NUMBER + 1):
        yield f"{stem}-{number}{suffix}"
    raise NoFreeName
