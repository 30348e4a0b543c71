"""Tokens in the header Authorization."""

from __future__ import annotations

import hmac

from flask import request

from dreamlab.errors import Unauthorized


def require_bearer(expected: str, message: str) -> None:
    """Raise Unauthorized with the message unless the request carries the token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # WSGI decodes the bytes of a header as Latin-1.
    given = token.strip().encode("latin-1", "replace")
    is_right = hmac.compare_digest(given, expected.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise Unauthorized(message)
