"""`python -m local_space.training [STAGE...]`: makes the training set and the weights.

Stages, all by default and in this order: `render` makes the training set in --folder, `train`
learns the weights from it, `export` writes them where the engine reads them. What is done already
is not done again: a stage that was cut off goes on where it was, training from its last checkpoint.
A training takes up pictures that are made meanwhile: with a GPU, run `render` and `train` at once.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# Each process that renders computes in one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

STAGES = ("render", "train", "export")


def main() -> None:
    arguments = _arguments()
    from local_space.training import stages
    from local_space.training.dataset import Plan

    plan = Plan(arguments.folder, arguments.seed, arguments.chunks, arguments.kept_aside)
    if "render" in arguments.stages:
        stages.render(plan, arguments.processes)
    if "train" in arguments.stages:
        stages.train(plan, arguments.minutes)
    if "export" in arguments.stages:
        stages.export(plan)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_space.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE")
    parser.add_argument(
        "--folder", type=Path, required=True, help="of the training set, some 11 GB"
    )
    parser.add_argument("--kept-aside", type=Path, required=True, help="names of pieces not to use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that render")
    parser.add_argument("--chunks", type=int, default=1000, help="of 24 shapes and 240 pictures")
    parser.add_argument("--minutes", type=float, default=600, help="of training, in all")
    arguments = parser.parse_args()
    arguments.stages = arguments.stages or STAGES
    unknown = set(arguments.stages) - set(STAGES)
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    main()
