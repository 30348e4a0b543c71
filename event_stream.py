"""Server-sent events (WHATWG HTML, section 9.2): work in the background, told as it goes on."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Callable, Dict, Iterator, Tuple

MIMETYPE = "text/event-stream"
# A proxy closes what is silent for long.
HEARTBEAT_S = 5.0

Event = Tuple[str, Dict[str, Any]]
Tell = Callable[[Event], None]


def stream(work: Callable[[Tell], Event]) -> Iterator[str]:
    """The events of `work`, in the wire's format, as they happen.

    `work` runs at once in a thread of its own, to its end, whether or not anyone listens. It is
    handed a function to tell events with, and answers the last one; it must not raise.
    """
    events: queue.Queue[Tuple[bool, Event]] = queue.Queue()

    def run() -> None:
        events.put((True, work(lambda event: events.put((False, event)))))

    threading.Thread(target=run, daemon=True).start()
    return _listen(events)


def _listen(events: queue.Queue[Tuple[bool, Event]]) -> Iterator[str]:
    # The answer's head goes out with the first bytes.
    yield ": started\n\n"
    last = False
    while not last:
        try:
            last, (name, data) = events.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            yield ": still there\n\n"
        else:
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
