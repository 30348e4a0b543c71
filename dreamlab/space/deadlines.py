"""Calls that a server cannot delay beyond a deadline. A deadline is a time.monotonic() value."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from typing import Any, Callable

from dreamlab import background


class DeadlineExceeded(Exception):
    """A call did not end before its deadline."""


def seconds_left(deadline: float) -> float:
    """Return the seconds until `deadline`, 0 if it is over."""
    return max(0.0, deadline - time.monotonic())


def call_within(deadline: float, function: Callable[..., Any], *args: Any) -> Any:
    """Return `function(*args)`, called in a thread of its own. Raises DeadlineExceeded."""
    future = in_thread(function, *args)
    wait([future], timeout=seconds_left(deadline))
    if not future.done():
        raise DeadlineExceeded
    return future.result()


def in_thread(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Call `function(*args)` in a daemon thread, which does not keep the process alive."""
    future: Future[Any] = Future()
    background.start(_settle, future, function, *args)
    return future


def _settle(future: Future[Any], function: Callable[..., Any], *args: Any) -> None:
    try:
        future.set_result(function(*args))
    except Exception as error:
        future.set_exception(error)
    finally:
        # The error's traceback refers to this frame: it must not refer back to the future.
        del future, function, args
