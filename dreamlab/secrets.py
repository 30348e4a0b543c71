"""Passwords and tokens in URLs, which are never printed."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\s'\"]+")


def hide_secrets(text: str) -> str:
    """Return `text` without the users, passwords and queries of the URLs in it.

    Its time grows with the length of `text` only: a client chooses what the log says of it.
    """
    return _WORD.sub(lambda word: _hide(word[0]), text)


def _hide(word: str) -> str:
    # A password may hold what belongs into no URL, such as a slash: all up to the last @ is hidden.
    user, at, rest = word.rpartition("@")
    if at and ":" in user:
        scheme, separator, _ = user.partition("://")
        word = (scheme + separator if separator else "") + "***@" + rest
    address, mark, query = word.partition("?")
    return f"{address}?***" if mark and "=" in query else word
