"""The log of the server and of the workers."""

from __future__ import annotations

import logging
import re

from dreamlab.secrets import hide_secrets

_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def log_to_stderr() -> None:
    """Log one line per request and per generation to stderr, without session ids and secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(_WithoutSecrets("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # They log one line per call, with addresses and file names of the generator.
    for name in ("httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _WithoutSecrets(logging.Formatter):
    """Hides passwords in URLs and shortens session ids, also in tracebacks.

    A person with a whole id can use the session.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _UUID.sub(r"\1…", hide_secrets(super().format(record)))
