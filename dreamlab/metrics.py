"""The metrics for Prometheus. Nothing is imported or counted before `enable_metrics`.

Where PROMETHEUS_MULTIPROC_DIR names a folder, each process keeps its values in files there, and
each process answers with the sums of all.
"""

from __future__ import annotations

import os
from typing import Optional, Tuple

# Any client can invent a method. Each value of a label is a time series that Prometheus keeps.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_OTHER = "other"
_HTTP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_GENERATION_S = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800)


class _Metrics:
    def __init__(self) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            disable_created_metrics,
        )

        # Each counter would have a second series with the time of its first value.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self.registry = CollectorRegistry()
        self.generations = Counter(
            "dreamlab_generations_total",
            "Generations that have ended, by `ok` or the code of the error.",
            ("outcome", "engine"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "dreamlab_generations_in_flight",
            "Generations that hold a place of MAX_GENERATIONS.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.capacity = Gauge(
            "dreamlab_generations_capacity",
            "Generations that may be in flight: MAX_GENERATIONS of each process.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.generation_seconds = Histogram(
            "dreamlab_generation_seconds",
            "Seconds from the acceptance of a generation to its end.",
            buckets=_GENERATION_S,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "dreamlab_queue_seconds",
            "Seconds from the acceptance of a generation until the generator began it.",
            buckets=_GENERATION_S,
            registry=registry,
        )
        self.requests = Counter(
            "dreamlab_http_requests_total",
            "Answered HTTP requests, by the rule of the URL.",
            ("route", "method", "status"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "dreamlab_http_request_seconds",
            "Seconds from an HTTP request to the beginning of its answer.",
            buckets=_HTTP_S,
            registry=registry,
        )
        self.upload_bytes = Counter(
            "dreamlab_uploads_bytes_total",
            "Bytes of the photos that were saved.",
            registry=registry,
        )
        self.conversions = Counter(
            "dreamlab_conversions_total",
            "Conversions of a model to another format, by `ok` or the code of the error.",
            ("form", "outcome"),
            registry=registry,
        )


_metrics: Optional[_Metrics] = None


def enable_metrics(capacity: int) -> None:
    """Count from now on. `capacity` is how many generations this process may have in flight."""
    global _metrics
    _metrics = _metrics or _Metrics()
    _metrics.capacity.set(capacity)


def are_enabled() -> bool:
    """Return whether anything is counted."""
    return _metrics is not None


def exposition() -> Tuple[bytes, str]:
    """Return all metrics in Prometheus's text format, and its content type."""
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        generate_latest,
        multiprocess,
    )

    assert _metrics is not None
    registry = _metrics.registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def count_generation(outcome: str, engine: str, seconds: float, queue_seconds: float) -> None:
    """Count a generation that has ended."""
    if _metrics:
        _metrics.generations.labels(outcome, engine).inc()
        _metrics.generation_seconds.observe(seconds)
        _metrics.queue_seconds.observe(queue_seconds)


def change_in_flight(by: int) -> None:
    """Count a generation that is accepted (1), or that gives back its place (-1)."""
    if _metrics:
        _metrics.in_flight.inc(by)


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answered HTTP request."""
    if _metrics:
        method = method if method in _METHODS else _OTHER
        _metrics.requests.labels(route, method, str(status)).inc()
        _metrics.request_seconds.observe(seconds)


def count_upload(size: int) -> None:
    """Count a photo of that many bytes."""
    if _metrics:
        _metrics.upload_bytes.inc(size)


def count_conversion(form: str, outcome: str) -> None:
    """Count a conversion of a model to a format, such as `usdz`."""
    if _metrics:
        _metrics.conversions.labels(form, outcome).inc()
