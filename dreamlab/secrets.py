"""Passwords and tokens in URLs, which are never printed."""

from __future__ import annotations

import re

# A password may hold what belongs into no URL, such as a slash: all up to the last @ is hidden.
_USER = re.compile(r"(\w+://)[^\s'\"]*@|[^\s'\"@]+:[^\s'\"]*@")
_QUERY = re.compile(r"\?[^\s?'\")>]*=[^\s'\")>]*")


def hide_secrets(text: str) -> str:
    """Return `text` without the users, passwords and queries of the URLs in it."""
    text = _USER.sub(lambda found: f"{found[1] or ''}***@", text)
    return _QUERY.sub("?***", text)
