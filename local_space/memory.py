"""Keeps the process small: glibc holds on to freed memory, per thread, unless it is told not to."""

from __future__ import annotations

import ctypes

# Of malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 1 << 20


def return_large_blocks() -> None:
    """Have large arrays go back to the system when they are freed; call it before any thread."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_ARENA_MAX, 2)
