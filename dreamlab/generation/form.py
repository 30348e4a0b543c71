"""The form of a generation request: its views and its options."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from functools import partial
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from werkzeug.datastructures import FileStorage, MultiDict

from dreamlab import fields, options
from dreamlab.errors import (
    GenerationNotFound,
    IdempotencyConflict,
    InvalidOption,
    MissingImage,
)
from dreamlab.options import Options
from dreamlab.settings import Settings
from dreamlab.storage.session import Session

# The form's file fields in the order of the contract, and the side that each one shows.
VIEW_FIELDS = {
    "image": "front",
    "front_image": "front",
    "back_image": "back",
    "left_image": "left",
    "right_image": "right",
}
_KEY = re.compile(r"[ -~]{1,255}")
# In place of a front file: the name of an upload that the session keeps.
UPLOAD_FIELD = "upload"
WEBHOOK_FIELD = "webhook"


class View(NamedTuple):
    """One submitted photo: the side that it shows, its form field and its file."""

    side: str
    field: str
    file: FileStorage


class Views(NamedTuple):
    """The photos of a form: the name of a kept upload, if the front is one, and the new files."""

    upload: Optional[str]
    submitted: List[View]


class GenerationForm(NamedTuple):
    """What a client asks for: views, options, the URL of a webhook, an idempotency key.

    `digest` is the same for the same fields and the same photos, None without a key.
    """

    views: Views
    options: Options
    webhook: Optional[str]
    key: Optional[str]
    digest: Optional[str]

    def id_in(self, session_id: str) -> str:
        """Return the id of the generation in a session: of a key, always the same (RFC 9562)."""
        if self.key is None:
            return str(uuid.uuid4())
        return str(uuid.uuid5(uuid.UUID(session_id), self.key))

    def repeats(self, session: Session, generation_id: str) -> bool:
        """Return whether the session has the generation of this form's key.

        Raises IdempotencyConflict if that generation had another form.
        """
        if self.key is None:
            return False
        try:
            accepted = session.generations.accepted(generation_id)
        except GenerationNotFound:
            return False
        if accepted["digest"] != self.digest:
            raise IdempotencyConflict
        return True


def read_form(
    files: MultiDict[str, FileStorage],
    form: MultiDict[str, str],
    key: Optional[str],
    settings: Settings,
) -> GenerationForm:
    """Return the form of a generation, with the settings' defaults for options not given.

    `key` is the header Idempotency-Key. Raises MissingImage and InvalidOption.
    """
    views = read_views(files, form)
    options = read_options(form, settings.generation_defaults)
    webhook = fields.read(form, {WEBHOOK_FIELD: fields.https_url}).get(WEBHOOK_FIELD)
    if webhook is not None and settings.webhook_secret is None:
        raise InvalidOption(f"{WEBHOOK_FIELD} cannot be used: this server has no WEBHOOK_SECRET.")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidOption("Idempotency-Key must have 1 to 255 printable characters.")
    digest = None if key is None else _digest(files, form)
    return GenerationForm(views, options, webhook, key, digest)


def _digest(files: MultiDict[str, FileStorage], form: MultiDict[str, str]) -> str:
    contents = [(field, _file_digest(file)) for field, file in files.items(multi=True)]
    whole = sorted([*form.items(multi=True), *contents])
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def _file_digest(file: FileStorage) -> str:
    digest = hashlib.sha256()
    for chunk in iter(partial(file.stream.read, 1 << 20), b""):
        digest.update(chunk)
    file.stream.seek(0)
    return digest.hexdigest()


def read_views(files: MultiDict[str, FileStorage], form: Mapping[str, str]) -> Views:
    """Return the photos of a form, the front one first. Raises MissingImage.

    A photo that the form itself has counts, not the one that it names in UPLOAD_FIELD. A file
    without bytes is none, whatever its name: nobody chose a file for that field.
    """
    found: Dict[str, View] = {}
    for field, side in VIEW_FIELDS.items():
        for file in files.getlist(field):
            if side not in found and _size(file):
                found[side] = View(side, field, file)
    upload = form.get(UPLOAD_FIELD, "").strip()
    if "front" not in found and upload:
        return Views(upload, list(found.values()))
    if "front" not in found:
        raise MissingImage
    return Views(None, list(found.values()))


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(0)
    return size


def read_options(form: Mapping[str, str], defaults: Optional[Mapping[str, Any]] = None) -> Options:
    """Return the options of a form, with `defaults` for those not given. Raises InvalidOption."""
    return Options(**{**(defaults or {}), **fields.read(form, options.PARSERS)})
