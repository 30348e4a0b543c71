"""The stages of a training; several processes render.

The processes start anew (spawn), so what they run must be importable: not in `__main__`.
"""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any, Callable

from local_space.training import dataset
from local_space.training.dataset import Plan

_WEIGHTS = Path(__file__).parent.parent / "shape.zip"


def render(plan: Plan, processes: int) -> None:
    """Make the shapes and the pictures of them."""
    dataset.make_library(plan)
    _in_processes(processes, _chunks, plan)


def train(plan: Plan, minutes: float) -> None:
    """Learn the weights."""
    from local_space.training.train import train

    train(plan, minutes)


def export(plan: Plan) -> None:
    """Write the weights where the engine reads them."""
    from local_space.training.export import export

    export(plan.folder / "checkpoint.pt", _WEIGHTS)


def _chunks(rank: int, processes: int, plan: Plan) -> None:
    dataset.make_chunks(plan, rank, processes)


def _in_processes(count: int, work: Callable[..., None], *given: Any) -> None:
    """Run work(rank, count, *given) for every rank, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=work, args=(rank, count, *given)) for rank in range(count)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise SystemExit(f"{work.__name__[1:]}: a process ended with an error")
