"""Limits the memory of the process. By default, glibc keeps freed memory in an arena per thread."""

from __future__ import annotations

import ctypes

# From glibc's malloc.h.
_M_ARENA_MAX = -8


def use_one_arena() -> None:
    """Make all threads share one arena, so that they reuse each other's freed memory.

    Call it before any thread starts. Does nothing without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_ARENA_MAX, 1)
