"""The errors that a client can act on. Each one has an HTTP status and a stable code."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import Any, Optional, TypedDict

log = logging.getLogger("dreamlab")


class DreamLabError(Exception):
    """The root of the family: an HTTP `status`, a stable `code` and a sentence for a person.

    `message` is the sentence of a class whose errors all say the same. `retry_after` is in whole
    seconds. It is None where waiting does not help. A generation goes on, at the next start or
    elsewhere, after an error that does not end it.
    """

    status = 500
    code = "internal_error"
    message = ""
    retry_after: Optional[int] = None
    ends_generation = True

    def __init__(self, message: str = "", retry_after: Optional[int] = None) -> None:
        super().__init__(message or self.message)
        if retry_after is not None:
            self.retry_after = retry_after


class Failure(TypedDict):
    """An error as plain data."""

    status: int
    error: str
    code: str
    retry_after: Optional[int]


def to_dict(error: Exception) -> Failure:
    """Return an error as plain data. What is not of the family is a defect, and is logged."""
    if not isinstance(error, DreamLabError):
        log.error("unexpected exception in a generation", exc_info=error)
        error = DreamLabError("Something is wrong on the server.")
    return {
        "status": error.status,
        "error": str(error),
        "code": error.code,
        "retry_after": error.retry_after,
    }


def from_dict(failure: Failure) -> DreamLabError:
    """Return the error with these fields. Its class is the root of the family."""
    error = DreamLabError(failure["error"], failure["retry_after"])
    error.status, error.code = failure["status"], failure["code"]
    return error


def code_of(status: int, reason: str) -> str:
    """Return the code of an HTTP error that Werkzeug raises, such as `not_found`."""
    ours = {413: "upload_too_large", 500: "internal_error"}
    return ours.get(status) or reason.lower().replace(" ", "_")


# The request


class Unauthorized(DreamLabError):
    """An API key is configured and the request does not carry it."""

    status, code = 401, "unauthorized"


class RateLimited(DreamLabError):
    """The client's address has had its number of new sessions or generations."""

    status, code = 429, "rate_limited"
    message = "Too many requests came from your address. Try again later."


class MissingImage(DreamLabError):
    """The form has no front view, or an empty one."""

    status, code = 400, "missing_image"
    message = (
        "Send a form (multipart/form-data) with a photo in the file field image or front_image, "
        "or name a kept one in upload."
    )


class InvalidOption(DreamLabError):
    """A known form field has a bad value. The message names the field."""

    status, code = 422, "invalid_option"


class UnsupportedImage(DreamLabError):
    """The bytes are no image of an accepted kind, or a damaged one."""

    status, code = 415, "unsupported_image"


class ImageTooLarge(DreamLabError):
    """The image has more pixels than the limit."""

    status, code = 413, "upload_too_large"


class ConversionFailed(DreamLabError):
    """The process that converts a model was killed, or ended without an answer."""

    status, code, retry_after = 503, "generator_unavailable", 10
    message = "The model could not be converted: its converter broke off. Try again later."


class ConversionTimeout(DreamLabError):
    """A model was not converted within the time limit."""

    status, code = 504, "generation_timeout"


# Sessions on disk


class SessionNotFound(DreamLabError):
    """There is no session with that id, or it was removed in the meantime."""

    status, code = 404, "session_not_found"
    message = "There is no such session. Ask for a new session id."


class ModelNotFound(DreamLabError):
    """The session has no model with that name."""

    status, code = 404, "model_not_found"
    message = "The session has no model of that name."


class ModelUnsupported(DreamLabError):
    """The file of a model cannot be measured or converted. The message says why."""

    status, code = 422, "model_unsupported"


class GenerationNotFound(DreamLabError):
    """The session has no generation with that id."""

    status, code = 404, "generation_not_found"
    message = "The session has no generation of that id."


class UploadNotFound(DreamLabError):
    """The session keeps no upload with that name."""

    status, code = 404, "upload_not_found"
    message = "The session keeps no upload of that name."


class StorageFull(DreamLabError):
    """The disk, or the quota on it, is full."""

    status, code = 507, "storage_full"
    message = "The server's disk is full. Try again later."


class NoFreeName(StorageFull):
    """A session has too many files of one name."""

    message = "The session has no free name left for this file. Send it under another name."


class StorageUnavailable(DreamLabError):
    """The disk is on another machine, which cannot be reached."""

    status, code, retry_after = 503, "storage_unavailable", 15
    message = "The server's disk cannot be reached. Try again soon."


# The generation


class GenerationError(DreamLabError):
    """The root of the errors with which a generation can end."""


class IdempotencyConflict(DreamLabError):
    """An idempotency key comes again with another form."""

    status, code = 422, "idempotency_conflict"
    message = "This Idempotency-Key was used for another form. Use a new key for a new form."


class GenerationCancelled(GenerationError):
    """A client cancelled the generation.

    `job` is what the generator still runs, if it does: nothing can stop it.
    """

    status, code = 409, "generation_cancelled"
    message = "The generation was cancelled."

    def __init__(self, job: Optional[Future[Any]] = None) -> None:
        super().__init__()
        self.job = job


class GenerationFailed(GenerationError):
    """The generator refused or failed, died during the job, or sent something that is no GLB."""

    status, code = 502, "generation_failed"


class NothingToModel(GenerationError):
    """The generator sees no piece of furniture in the photo: another photo helps."""

    status, code = 422, "nothing_to_model"


class NotAvailable(GenerationError):
    """The generator has no endpoint for what was asked, or says that it cannot do it."""

    status, code = 501, "not_available"


class GenerationTimeout(GenerationError):
    """There was no model within the time limit.

    `job` is what the generator still runs, if it does: nothing can stop it.
    """

    status, code = 504, "generation_timeout"

    def __init__(self, limit_s: float, job: Optional[Future[Any]] = None) -> None:
        super().__init__(f"The generator made no model within {limit_s:g} seconds.")
        self.job = job


class GeneratorBusy(GenerationError):
    """The limit of generations in flight is reached, or the Space's queue is full."""

    status, code, retry_after = 503, "generator_busy", 15


class GeneratorUnavailable(GenerationError):
    """The generator cannot be reached."""

    status, code = 503, "generator_unavailable"
    retry_after: Optional[int] = 10
    message = "The generator cannot be reached. Try again soon."


class Stopping(GeneratorUnavailable):
    """The server stops. It goes on with the generation, if there is one, at its next start."""

    code, ends_generation = "stopping", False
    message = "The server is stopping. It goes on with the generation when it starts again."


class EndUnknown(GeneratorUnavailable):
    """Nobody tells at the moment what becomes of the generation."""

    ends_generation = False
    message = "It is not known at the moment what becomes of the model: ask again soon."


class GeneratorStarting(GeneratorUnavailable):
    """The generator starts, wakes up or is being built."""

    retry_after = 30


class GeneratorUnusable(GeneratorUnavailable):
    """The generator is away until somebody changes something: trying again does not help."""

    retry_after = None


class QuotaExceeded(GenerationError):
    """The hosted Space says that its GPU quota is used up."""

    status, code = 429, "quota_exceeded"
