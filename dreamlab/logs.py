"""The log of the server and of the workers, as text or as JSON, one line per event."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Dict, Mapping

from dreamlab.background import REQUEST_ID
from dreamlab.clock import timestamp
from dreamlab.secrets import hide_secrets

log = logging.getLogger("dreamlab")

_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def log_to_stderr(log_format: str) -> None:
    """Log one line per request and per generation to stderr, without session ids and secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # They log one line per call, with addresses and file names of the generator.
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def formatter(log_format: str) -> logging.Formatter:
    """Return what writes the lines of a log in this format, `text` or `json`."""
    return _Json() if log_format == "json" else _Text()


class _Text(logging.Formatter):
    """One line of time, level, request id and message. A traceback follows it."""

    def format(self, record: logging.LogRecord) -> str:
        message = _hide(super().format(record))
        request_id = REQUEST_ID.get() or "-"
        return f"{self.formatTime(record)} {record.levelname} {request_id} {message}"


class _Json(logging.Formatter):
    """One JSON object. If our message was given its values by name, they are fields of it."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Dict[str, Any] = {}
        if record.name == log.name and isinstance(record.args, Mapping):
            fields = {
                name: _hide(value) if isinstance(value, str) else value
                for name, value in record.args.items()
            }
        return json.dumps(
            {
                "time": timestamp(record.created),
                "level": record.levelname,
                "message": _hide(super().format(record)),
                "request_id": REQUEST_ID.get() or None,
                **fields,
            }
        )


def _hide(text: str) -> str:
    """Hide passwords in URLs and shorten session ids, also in tracebacks.

    A person with a whole id can use the session.
    """
    return _UUID.sub(r"\1…", hide_secrets(text))
