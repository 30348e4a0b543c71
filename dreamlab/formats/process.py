"""One conversion in a child process, with a limit on its seconds and its memory."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Dict, Mapping, NamedTuple

from dreamlab import errors
from dreamlab.errors import ConversionFailed, ConversionTimeout
from dreamlab.settings import PROJECT, Settings
from dreamlab.storage import files
from dreamlab.storage.files import storage_errors

# One thread each: a conversion takes one processor.
_ENVIRON = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
else:
    _FLAGS = 0

log = logging.getLogger("dreamlab")


class Job(NamedTuple):
    """A conversion: of the GLB at `source`, to a format, with the query of a request."""

    source: Path
    suffix: str
    query: Mapping[str, str]


def convert(job: Job, target: Path, settings: Settings) -> None:
    """Write the format to `target`, where an error may leave anything.

    Raises ConversionFailed, ConversionTimeout, and the error that the child meets.
    """
    with files.temporary(target.parent) as scratch:
        with storage_errors():
            scratch.mkdir()
        answer = _run(job, target, scratch, settings)
    if answer:
        raise getattr(errors, answer["error"])(answer["message"])


def _run(job: Job, target: Path, scratch: Path, settings: Settings) -> Dict[str, str]:
    """Return the error that the child meets, nothing where it meets none.

    The child keeps its temporary files in `scratch`, where a killed one leaves them.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamlab.formats.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, **_ENVIRON, "TMPDIR": str(scratch)},
        creationflags=_FLAGS,
        cwd=PROJECT,
    )
    assert process.stdin is not None and process.stdout is not None
    line = json.dumps(
        {
            "source": str(job.source),
            "suffix": job.suffix,
            "query": dict(job.query),
            "target": str(target),
            "memory_mb": settings.conversion_memory_mb,
        }
    )
    try:
        # It stays open: the child ends with it.
        with suppress(OSError):
            process.stdin.write(line + "\n")
            process.stdin.flush()
        process.wait(settings.conversion_timeout_s)
        answer = process.stdout.read()
    except subprocess.TimeoutExpired as error:
        raise ConversionTimeout(
            f"The model was not converted within {settings.conversion_timeout_s:g} seconds."
        ) from error
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with suppress(OSError):
            process.stdin.close()
    if process.returncode != 0 or not answer:
        log.warning("a converter ended with status %d", process.returncode)
        raise ConversionFailed
    met: Dict[str, str] = json.loads(answer)
    return met
