"""Turns what a generation can fail with into one of our errors."""

from __future__ import annotations

import concurrent.futures
import html
import logging
import re
from contextlib import contextmanager
from typing import Iterator, Optional

from dreamlab.errors import (
    DreamLabError,
    GenerationError,
    GenerationFailed,
    GenerationTimeout,
    GeneratorBusy,
    GeneratorUnavailable,
    NothingToModel,
    QuotaExceeded,
)
from dreamlab.space.deadlines import DeadlineExceeded

log = logging.getLogger(__name__)

# gradio_client 1 and Gradio 4 wrap the server's own words in this sentence.
_WRAPPED = re.compile(r"^The upstream Gradio app has raised an exception: (['\"]?)(.*)\1$", re.S)
_QUOTA = re.compile(r"exceeded your\b.*\b(quota|limit)\b|gpu (daily )?quota", re.I | re.S)
_NO_GPU = re.compile(r"no gpu\b.*\bavailable", re.I | re.S)
# What the stand-in says of a photo that it cannot use.
_NOTHING = re.compile(
    r"nothing (stands out|in the photo)|shows several things|do not show one object", re.I
)
# What ZeroGPU says when a GPU was lost or a token has run out: another try may succeed.
_LOST_GPU = re.compile(
    r"gpu task (was )?aborted|zerogpu worker error"
    r"|expired token|token (has |is |was )?expired"
    r"|(expired|invalid) (zerogpu|proxy|access|auth|x-ip|hugging ?face|hf)[\w -]*token"
    r"|(zerogpu|proxy|access|auth|x-ip|hugging ?face|hf)[\w -]*token (is |has |was )?invalid",
    re.I,
)
_AGAIN_IN = re.compile(
    r"(?:again|retry|wait) (?:in|after|for)\s+(?:about )?"
    r"((?:\d+:\d\d:\d\d|\d+\s*[a-z]+|and\b|[\s,])+)",
    re.I,
)
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d)")
_AMOUNT = re.compile(r"(\d+)\s*(d|h|m|s)(?:ays?|ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?\b", re.I)
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--.*?-->", re.I | re.S)


def translate(error: Exception) -> GenerationError:
    """Return our error for one of gradio_client, httpx or concurrent.futures."""
    import httpx
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError, TooManyRequestsError

    if isinstance(error, AppError):
        # Newer releases of Gradio send what kind of error it is beside the words.
        return _refusal(_WRAPPED.sub(r"\2", str(error)), getattr(error, "title", ""))
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


@contextmanager
def as_generation_errors(limit_s: float) -> Iterator[None]:
    """Raise a GenerationError in place of what gradio_client and httpx raise."""
    try:
        yield
    except DreamLabError:
        raise
    except DeadlineExceeded as error:
        raise GenerationTimeout(limit_s) from error
    except Exception as error:
        # Only our own files raise an errno: a full disk, a folder that is gone.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise translate(error) from error


def is_failure_of_job(error: Exception) -> bool:
    """Return whether a job itself failed on a generator that is there and was not refused."""
    from gradio_client.exceptions import AppError

    # A GPU that is lost to the texture may be enough for the shape.
    failures = (GenerationFailed, GeneratorUnavailable)
    return isinstance(error, AppError) and type(translate(error)) in failures


def _plain(words: str) -> str:
    """Return a server's words without their mark-up."""
    return html.unescape(_TAG.sub("", _LINK.sub(r"\1", words))).strip()[:1000]


def _retry_after(words: str) -> Optional[int]:
    """Return the seconds after which the words say to try again, if they do."""
    again = _AGAIN_IN.search(words)
    if again is None:
        return None
    amounts = [int(number) * _UNITS[unit.lower()] for number, unit in _AMOUNT.findall(again[1])]
    for hours, minutes, seconds in _CLOCK.findall(again[1]):
        amounts.append(int(hours) * 3600 + int(minutes) * 60 + int(seconds))
    return sum(amounts) if amounts else None


def _refusal(words: str, title: str) -> GenerationError:
    """Return our error for a server's own words. They change between releases: match loosely."""
    words = _plain(words)
    if _QUOTA.search(words):
        return QuotaExceeded(f"The generator's GPU quota is used up: {words}", _retry_after(words))
    if _LOST_GPU.search(f"{title}. {words}"):
        return GeneratorUnavailable(f"The generator lost its GPU: {words}", _retry_after(words))
    if _NO_GPU.search(words):
        return GeneratorBusy(f"The generator has no free GPU: {words}", _retry_after(words))
    if _NOTHING.search(words):
        return NothingToModel(words)
    return GenerationFailed(f"The generator could not make a model: {words}")
