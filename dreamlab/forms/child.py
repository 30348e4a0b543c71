"""Converts one model: `python -m dreamlab.forms.child`, a process that may be killed.

It reads one line of JSON from its standard input and writes one to its standard output. It ends
when its standard input does, so it never outlives the server. Its status is 0 where it has said how
the conversion went.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

from dreamlab.errors import DreamLabError
from dreamlab.forms.catalogue import BY_SUFFIX, FormQuery

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
        form = BY_SUFFIX[job["form"]]
        query = FormQuery.parse(job["query"], form)
        Path(job["target"]).write_bytes(_converted(content, form.suffix, query))
    except DreamLabError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer), flush=True)
    return 0


def _converted(content: bytes, suffix: str, query: FormQuery) -> bytes:
    content = query.model.apply(content)
    if suffix == ".glb":
        return content
    from dreamlab.models import parts

    return _writer(suffix, query.side)(parts.read(content))


def _writer(suffix: str, side: Any) -> Callable[[List[Any]], bytes]:
    """Return what writes a form. Its module is imported only where it is needed."""
    if suffix in (".png", ".webp"):
        from dreamlab.models import picture

        write = picture.png if suffix == ".png" else picture.webp
        return lambda found: write(found, side)
    if suffix == ".usdz":
        from dreamlab.models import usdz

        return usdz.write
    from dreamlab.models import exports

    return {".obj.zip": exports.obj_zip, ".stl": exports.stl, ".ply": exports.ply}[suffix]


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
