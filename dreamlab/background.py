"""Work in background threads, which do not keep the process alive."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import copy_context
from typing import Any, Callable

log = logging.getLogger("dreamlab")


def start(work: Callable[..., None], *args: Any) -> None:
    """Call `work(*args)` in a thread of its own, for the request of this thread if there is one."""
    threading.Thread(target=copy_context().run, args=(work, *args), daemon=True).start()


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
