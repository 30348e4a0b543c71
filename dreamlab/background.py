"""Work in background threads, which do not keep the process alive."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import ContextVar
from typing import Any, Callable

log = logging.getLogger("dreamlab")

# The id of the request for which this thread works. Empty if it works for none.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


def start(work: Callable[..., None], *args: Any) -> None:
    """Call `work(*args)` in a thread of its own, for the request of this thread if there is one."""
    # Only the id goes with it: a whole context would keep the request's files for minutes.
    args = (REQUEST_ID.get(), work, *args)
    threading.Thread(target=for_request, args=args, daemon=True).start()


def for_request(request_id: str, work: Callable[..., None], *args: Any) -> None:
    """Call `work(*args)` for the request with this id."""
    before = REQUEST_ID.set(request_id)
    try:
        work(*args)
    finally:
        REQUEST_ID.reset(before)


def repeat(work: Callable[[], None], pause_s: float) -> None:
    """Do `work` again and again in a thread of its own, whatever happens to it."""

    def repeat_it() -> None:
        while True:
            try:
                work()
            except Exception:
                log.exception("a background task failed; the next try is in %g s", pause_s)
            time.sleep(pause_s)

    start(repeat_it)
