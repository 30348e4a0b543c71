"""Server-sent events (WHATWG HTML, section 9.2): background work that reports its progress."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Callable, Dict, Iterator, Tuple

MIMETYPE = "text/event-stream"
# Proxies and clients close a connection that is silent for long: httpx after 5 s by default.
HEARTBEAT_S = 2.0

Event = Tuple[str, Dict[str, Any]]
Emit = Callable[[Event], None]


def stream(work: Callable[[Emit], Event]) -> Iterator[str]:
    """Return the events of `work` in the wire format, as they happen.

    `work` starts at once in a thread of its own and runs to its end, even if nobody listens. It
    gets a function that emits events, and returns the last event. It must not raise.
    """
    events: queue.Queue[Tuple[bool, Event]] = queue.Queue()

    def run() -> None:
        events.put((True, work(lambda event: events.put((False, event)))))

    threading.Thread(target=run, daemon=True).start()
    return _format(events)


def _format(events: queue.Queue[Tuple[bool, Event]]) -> Iterator[str]:
    # The headers are sent together with the first bytes.
    yield ": started\n\n"
    is_last = False
    while not is_last:
        try:
            is_last, (name, data) = events.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            yield ": still there\n\n"
        else:
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
