"""The progress events of a job: its place in the Space's queue, then how far it is."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Sequence, Union

if TYPE_CHECKING:
    from gradio_client.client import Job


class Queued(NamedTuple):
    """A job's position in the Space's queue (1: it is next) and the seconds that it may take."""

    position: Optional[int]
    eta_s: Optional[float]


class Progress(NamedTuple):
    """How far a job is, from 0 to 1, and the name of its current stage."""

    fraction: Optional[float]
    stage: Optional[str]


ProgressEvent = Union[Queued, Progress]
# gradio_client's names of the states of a job.
_BEFORE_IT_RUNS = {"STARTING", "JOINING_QUEUE", "QUEUE_FULL", "IN_QUEUE", "SENDING_DATA"}
OnProgress = Callable[[ProgressEvent], None]
_POLL_S = 0.1
IsCancelled = Callable[[], bool]
# Raises the error with which the waiting for a generation ends.
Check = Callable[[], None]


def is_waiting(job: Job) -> bool:
    """Return whether the generator has not begun the job."""
    return job.status().code.name in _BEFORE_IT_RUNS


def read_progress(job: Job) -> Optional[ProgressEvent]:
    """Return the job's latest status as an event, None where the server says nothing of it."""
    status = job.status()
    if status.rank is not None and status.code.name == "IN_QUEUE":
        return Queued(status.rank + 1, status.eta)
    if status.progress_data:
        unit = status.progress_data[-1]
        fraction = unit.progress
        if fraction is None and unit.index is not None and unit.length:
            fraction = unit.index / unit.length
        return Progress(fraction, unit.desc)
    if status.code.name == "PROCESSING":
        return Progress(None, None)
    return None


def wait_for(job: Job, check: Check, on_progress: OnProgress) -> Sequence[Any]:
    """Return the outputs of a job. Calls `on_progress` with each new event.

    `check` is called several times a second. It raises the error with which the waiting ends.
    """
    last: Optional[ProgressEvent] = None
    while not job.future.done():
        check()
        event = read_progress(job)
        if event is not None and event != last:
            on_progress(event)
            last = event
        wait([job.future], timeout=_POLL_S)
    outputs = job.future.result()
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]
