"""Counts the generations that have ended, each one once, whoever hears of its end."""

from __future__ import annotations

from contextlib import suppress

from dreamlab import metrics
from dreamlab.clock import seconds
from dreamlab.errors import GenerationNotFound
from dreamlab.generation.generator import Generator
from dreamlab.generation.unfinished import QUEUED
from dreamlab.storage.generations import End
from dreamlab.storage.session import Session


def count(session: Session, generation_id: str, end: End, generator: Generator) -> None:
    """Count how a generation ended, unless any process of any host has counted it."""
    if end["status"] == QUEUED or not metrics.are_enabled():
        return
    # It may be deleted since. Who deletes it has counted it.
    with suppress(GenerationNotFound):
        created = session.generations.accepted(generation_id)["created"]
        if session.generations.mark_counted(generation_id):
            # One that failed before its start has waited all the time.
            started = seconds(end["started"] or end["ended"])
            outcome = "ok" if end["error"] is None else end["error"]["code"]
            result = end["result"] or generator.health()
            metrics.count_generation(
                outcome,
                result["engine"],
                max(0.0, seconds(end["ended"]) - created),
                # The clock of a worker may differ.
                max(0.0, started - created),
            )
