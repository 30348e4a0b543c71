"""The file names of uploads and models: safe, and with a number where a name is taken."""

from __future__ import annotations

import itertools
import re
from typing import Iterator, Sequence, Tuple

from werkzeug.utils import secure_filename

# A name that is no hidden file, needs no percent-encoding and is not too long for a file system.
PLAIN = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_NAMELESS = "image"
_MAX_STEM = 100


def safe_name(name: str, suffixes: Sequence[str]) -> Tuple[str, str]:
    """Return the safe (stem, suffix) of a client's file name. The suffix is one of `suffixes`."""
    stem, dot, last = name.rpartition(".")
    if not dot or re.search(r"[\\/]", last):
        stem, last = name, ""
    suffix = "." + last if "." + last.lower() in suffixes else suffixes[0]
    # A name that begins with a dash is an option to the command that gets it.
    return secure_filename(stem)[:_MAX_STEM].strip("._-") or _NAMELESS, suffix


def numbered(stem: str, suffix: str) -> Iterator[str]:
    """Generate the names `stem`, `stem-2`, `stem-3`, ... with the suffix."""
    yield stem + suffix
    for number in itertools.count(2):
        yield f"{stem}-{number}{suffix}"
