"""The stages of a training, each in several processes.

The processes start anew (spawn), so what they run must be importable: not in `__main__`.
"""

from __future__ import annotations

import multiprocessing
import socket
from pathlib import Path
from typing import Any, Callable

from local_space.training import dataset
from local_space.training.dataset import Plan

_WEIGHTS = Path(__file__).parent.parent / "shape.zip"


def render(plan: Plan, processes: int) -> None:
    """Make the shapes, the pictures of them, and the pieces that the engine keeps."""
    _in_processes(processes, _shapes, plan)
    dataset.make_library_shapes(plan)
    _in_processes(processes, _pictures, plan)
    dataset.make_templates(plan)


def train(plan: Plan, processes: int, steps: int) -> None:
    """Learn the weights; the processes share each step."""
    _in_processes(processes, _train, plan, steps, _free_port())


def export(plan: Plan) -> None:
    """Write the weights and the pieces where the engine reads them."""
    from local_space.training.export import export

    export(plan.folder / "checkpoint.pt", plan.folder / "pieces.npz", _WEIGHTS)


def _shapes(rank: int, processes: int, plan: Plan) -> None:
    dataset.make_shapes(plan, rank, processes)


def _pictures(rank: int, processes: int, plan: Plan) -> None:
    dataset.make_pictures(plan, rank, processes)


def _train(rank: int, processes: int, plan: Plan, steps: int, port: int) -> None:
    from local_space.training.train import train

    train(plan, steps, rank, processes, port)


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
