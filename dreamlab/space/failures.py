"""Turns what a generation can fail with into one of our errors."""

from __future__ import annotations

import concurrent.futures
import logging
import re

from dreamlab.errors import (
    GenerationError,
    GenerationFailed,
    GeneratorBusy,
    GeneratorUnavailable,
    NothingToModel,
    QuotaExceeded,
)

log = logging.getLogger(__name__)

# gradio_client 1 and Gradio 4 wrap the server's own words in this sentence.
_WRAPPED = re.compile(r"^The upstream Gradio app has raised an exception: (['\"]?)(.*)\1$", re.S)
_QUOTA = re.compile(r"exceeded your\b.*\b(quota|limit)\b|gpu (daily )?quota", re.I | re.S)
_NO_GPU = re.compile(r"no gpu\b.*\bavailable", re.I | re.S)
# What the stand-in says of a photo that it cannot use.
_NOTHING = re.compile(
    r"nothing (stands out|in the photo)|shows several things|do not show one object", re.I
)
_AGAIN_IN = re.compile(r"again in\s+(?:(\d+) days?,\s*)?(\d+):(\d\d):(\d\d)", re.I)


def translate(error: Exception) -> GenerationError:
    """Return our error for one of gradio_client, httpx or concurrent.futures."""
    import httpx
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError, TooManyRequestsError

    if isinstance(error, AppError):
        return _refusal(_WRAPPED.sub(r"\2", str(error)))
    log.warning("a generation failed: %r", error)
    if isinstance(error, (QueueError, TooManyRequestsError)):
        return GeneratorBusy("The generator's queue is full. Try again soon.")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return GeneratorUnavailable()
    if isinstance(error, (concurrent.futures.CancelledError, httpx.TransportError)):
        return GenerationFailed("The generator died while it made the model.")
    if isinstance(error, httpx.HTTPStatusError):
        return GenerationFailed(f"The generator answered with {error.response.status_code}.")
    return GenerationFailed(f"The generator's answer makes no sense: {type(error).__name__}.")


def is_failure_of_job(error: Exception) -> bool:
    """Return whether a job itself failed on a generator that is there and was not refused."""
    from gradio_client.exceptions import AppError

    return isinstance(error, AppError) and type(translate(error)) is GenerationFailed


def _refusal(words: str) -> GenerationError:
    """Return our error for a server's own words. They change between releases: match loosely."""
    words = words.strip()[:1000]
    if _QUOTA.search(words):
        again = _AGAIN_IN.search(words)
        retry_after = None
        if again:
            days, hours, minutes, seconds = (int(part or 0) for part in again.groups())
            retry_after = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return QuotaExceeded(f"The generator's GPU quota is used up: {words}", retry_after)
    if _NO_GPU.search(words):
        return GeneratorBusy(f"The generator has no free GPU: {words}")
    if _NOTHING.search(words):
        return NothingToModel(words)
    return GenerationFailed(f"The generator could not make a model: {words}")
