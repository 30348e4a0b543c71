"""The errors that a client can act on: their root, and what a generation can end in."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional


class DreamLabError(Exception):
    """An error with an HTTP `status`, a stable `code` and a sentence for a person.

    `retry_after` is in whole seconds, None where waiting does not help. `filename` is
    the kept upload, where there is one. `app.py` turns all of them into JSON.
    """

    status = 500
    code = "internal_error"
    retry_after: Optional[int] = None
    filename: Optional[str] = None

    def __init__(self, message: str, retry_after: Optional[int] = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after


def to_plain(error: DreamLabError) -> Dict[str, Any]:
    """The parts of an error, for a message to another process."""
    return {
        "status": error.status,
        "code": error.code,
        "message": str(error),
        "retry_after": error.retry_after,
    }


def from_plain(parts: Dict[str, Any]) -> DreamLabError:
    """The error that `to_plain` took apart, but for its class."""
    error = DreamLabError(parts["message"], parts["retry_after"])
    error.status, error.code = parts["status"], parts["code"]
    return error


class GenerationError(DreamLabError):
    """Root of what a generation can end in, other than a model."""


class GenerationFailed(GenerationError):
    """The generator refused or failed, died on the way, or sent something that is no GLB."""

    status, code = 502, "generation_failed"


class GeneratorBusy(GenerationError):
    """The limit of generations in flight is reached, or the Space's queue is full."""

    status, code, retry_after = 503, "generator_busy", 15


# What both kinds of limit, of one process and of all, say of themselves.
ALL_PLACES_TAKEN = "Too many models are being made at the moment. Try again soon."
SESSION_S_PLACES_TAKEN = "Too many models are being made in this session."


class GeneratorUnavailable(GenerationError):
    """The generator cannot be reached."""

    status, code, retry_after = 503, "generator_unavailable", 10


class GenerationTimeout(GenerationError):
    """No model within the time limit; the job is cancelled."""

    status, code = 504, "generation_timeout"


class QuotaExceeded(GenerationError):
    """The hosted Space says that the GPU quota is used up."""

    status, code = 429, "quota_exceeded"


_QUOTA = re.compile(r"exceeded your\b.*\b(quota|limit)\b|gpu (daily )?quota", re.I | re.S)
_NO_GPU = re.compile(r"no gpu\b.*\bavailable", re.I | re.S)
_AGAIN_IN = re.compile(r"again in\s+(?:(\d+) days?,\s*)?(\d+):(\d\d):(\d\d)", re.I)


def refusal(words: str) -> GenerationError:
    """The error for what a server says of itself; the wording changes, so it is matched loosely."""
    words = words.strip()[:1000]
    if _QUOTA.search(words):
        again = _AGAIN_IN.search(words)
        wait = None
        if again:
            days, hours, minutes, seconds = (int(part or 0) for part in again.groups())
            wait = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return QuotaExceeded(f"The generator's GPU quota is used up: {words}", wait)
    if _NO_GPU.search(words):
        return GeneratorBusy(f"The generator has no free GPU: {words}")
    return GenerationFailed(f"The generator could not make a model: {words}")
