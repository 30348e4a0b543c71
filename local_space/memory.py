"""Keeps the process small: glibc holds on to freed memory, per thread, unless it is told not to."""

from __future__ import annotations

import ctypes

# Of malloc.h.
_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """Have all threads use one heap, so that each finds what others freed; call it before them."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return
    mallopt(_M_ARENA_MAX, 1)
