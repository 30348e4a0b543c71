"""RATE_LIMIT: so many new sessions, and so many generations, of one client address."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Response

from dreamlab.errors import RateLimited
from dreamlab.routes.answers import answer_error
from dreamlab.settings import Settings

_LIMITED = ("sessions.generate_session_id", "generations.process_furniture_image")


def register(app: Flask, settings: Settings) -> None:
    """Limit the routes of `app` that cost something. Redis counts for all front ends."""
    # Few need it, and it is slow to import.
    from flask_limiter import Limiter, RateLimitExceeded
    from flask_limiter.util import get_remote_address

    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=settings.result_backend or "memory://",
        in_memory_fallback_enabled=settings.result_backend is not None,
        key_prefix="dreamlab",
    )
    for endpoint in _LIMITED:
        limited: Any = limiter.limit(settings.rate_limit or "")(app.view_functions[endpoint])
        app.view_functions[endpoint] = limited

    def answer(error: Exception) -> Response:
        limit = limiter.current_limit
        wait_s = 1 if limit is None else int(limit.reset_at - time.time())
        return answer_error(RateLimited(retry_after=max(1, wait_s)))

    app.register_error_handler(RateLimitExceeded, answer)
