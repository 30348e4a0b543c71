"""Server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Iterator, Optional, Tuple

MIMETYPE = "text/event-stream"
# Proxies and clients close a connection that is silent for long: httpx after 5 s by default. At the
# third comment waitress has noticed that a client has gone, and its place is free.
HEARTBEAT_S = 0.8

Event = Tuple[str, Dict[str, Any]]


def stream(events: Iterable[Optional[Event]]) -> Iterator[str]:
    """Yield the events in the wire format, as they come. None becomes a comment."""
    # The headers are sent together with the first bytes.
    yield ": started\n\n"
    for event in events:
        if event is None:
            yield ": still there\n\n"
        else:
            name, data = event
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
