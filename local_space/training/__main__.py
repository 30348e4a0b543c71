"""`python -m local_space.training [STAGE...]`: makes the training set and the weights.

Stages, all by default and in this order: `render` makes the training set in --folder, `train`
learns the weights from it, `export` writes them where the engine reads them. What is done already
is not done again: a stage that was cut off goes on where it was, training from its last checkpoint.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any, Callable

# Each process computes in one thread: two that average their gradients beat one with two threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

STAGES = ("render", "train", "export")
_WEIGHTS = Path(__file__).parent.parent / "shape.zip"


def main() -> None:
    arguments = _arguments()
    from local_space.training.dataset import Plan

    plan = Plan(
        arguments.folder,
        arguments.seed,
        arguments.shape_chunks,
        arguments.picture_chunks,
        arguments.kept_aside,
    )
    if "render" in arguments.stages:
        from local_space.training import dataset

        _in_processes(arguments.processes, _shapes, plan)
        dataset.make_library_shapes(plan)
        _in_processes(arguments.processes, _pictures, plan)
        dataset.make_templates(plan)
    if "train" in arguments.stages:
        _in_processes(arguments.processes, _train, plan, arguments.steps, _free_port())
    if "export" in arguments.stages:
        from local_space.training.export import export

        export(plan.folder / "checkpoint.pt", plan.folder / "pieces.npz", _WEIGHTS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_space.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="*", default=STAGES, choices=STAGES, metavar="STAGE")
    parser.add_argument("--folder", type=Path, required=True, help="of the training set, some 3 GB")
    parser.add_argument("--kept-aside", type=Path, required=True, help="names of pieces not to use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--shape-chunks", type=int, default=110, help="of 50 procedural shapes")
    parser.add_argument("--picture-chunks", type=int, default=110, help="of 500 pictures")
    parser.add_argument("--steps", type=int, default=13_000, help="of 24 pictures per process")
    return parser.parse_args()


def _shapes(rank: int, processes: int, plan: Any) -> None:
    from local_space.training import dataset

    dataset.make_shapes(plan, rank, processes)


def _pictures(rank: int, processes: int, plan: Any) -> None:
    from local_space.training import dataset

    dataset.make_pictures(plan, rank, processes)


def _train(rank: int, processes: int, plan: Any, steps: int, port: int) -> None:
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


if __name__ == "__main__":
    main()
