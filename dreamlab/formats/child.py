"""Converts one model: `python -m dreamlab.formats.child`, a process that may be killed.

It reads one line of JSON from its standard input and writes one to its standard output. It ends
when its standard input does, so it never outlives the server. Its status is 0 where it has said how
the conversion went.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Dict

from dreamlab.errors import DreamLabError
from dreamlab.formats.catalogue import BY_SUFFIX, Format, FormatQuery

_MEGABYTE = 1 << 20
# Conversions wait for everything else.
_NICENESS = 10


def main() -> int:
    """Do the job that the standard input describes. Returns the exit status."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    _limit(job["memory_mb"])
    answer: Dict[str, Any] = {}
    try:
        content = Path(job["source"]).read_bytes()
        wanted = BY_SUFFIX[job["suffix"]]
        query = FormatQuery.parse(job["query"], wanted)
        Path(job["target"]).write_bytes(converted(content, wanted, query))
    except DreamLabError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer), flush=True)
    return 0


def converted(content: bytes, wanted: Format, query: FormatQuery) -> bytes:
    """Return the model in a format. Raises ModelUnsupported, and NotAvailable."""
    content = query.model.apply(content)
    if not wanted.writer:
        return content
    from dreamlab.formats import parts

    module, _, function = wanted.writer.partition(":")
    write = getattr(importlib.import_module(module), function)
    found = parts.read(content)
    written: bytes = write(found, query.side) if wanted.is_picture else write(found)
    return written


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


if sys.platform == "win32":

    def _limit(memory_mb: int) -> None:
        """Do nothing: the priority comes with the start, and Windows has no limit of this kind."""

else:
    import resource

    def _limit(memory_mb: int) -> None:
        """Take no more memory than that, and the processor only when nobody else wants it."""
        os.nice(_NICENESS)
        limit = memory_mb * _MEGABYTE
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (min(limit, hard) if hard >= 0 else limit, hard))


if __name__ == "__main__":
    sys.exit(main())
