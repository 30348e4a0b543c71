"""`python benchmarks/furniture.py DIR... [--photo NAME] [--url URL] [--sheets OUT]`

Measures the default engine on pieces of furniture, through its Gradio API with texture. A piece is
a folder of DIR with `truth.glb` and a photo (`room.jpg`, or NAME). `front.png`, `back.png`,
`left.png` and `right.png`, where the folder has them, make three more cases. Photos that lie in DIR
itself have no truth: their models are only drawn.

F3, F5    F-scores at 0.03 and 0.05 of the longest side, in the canonical frame
IoU       of the filled solids on 64 cells
placed    F-score at 0.03 after one scale and a shift by the axes that the case's views show
parts     of the model and of the truth; closed: whether the model is watertight
class     as the engine calls it, * where that is wrong
s         seconds of the job, as its answer tells; MB: of the textured GLB

A piece that the engine refuses scores 0. Every mean has a 95 % interval by bootstrap (10,000
draws). Half A holds every second piece of the sorted list, from the first on: choose on A, confirm
on B. The engine is started here, on one core, unless --url names a running one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import contact_sheet, measures, pieces, resident, solids
from benchmarks.pieces import PHOTO, Piece
from local_space.launcher import StandIn

_DRAWS = 10_000
# The axes that the views of each case show; a photo from a corner shows all.
_KNOWN = {"front": (0, 1)}
_REFUSED = solids.Score(0.0, 0.0, 0.0, False, 0)


class Result(NamedTuple):
    """One case of one piece."""

    piece: Piece
    case: str
    score: solids.Score
    placed: float
    true_parts: int
    name: str  # the class by the engine, "" where it tells none
    seconds: float
    megabytes: float
    faces: int


class Made(NamedTuple):
    """What the engine answered."""

    path: Path
    mesh: trimesh.Trimesh
    stats: Any


def main() -> None:
    arguments = _arguments()
    stand_in = None if arguments.url else _on_one_core()
    try:
        url = arguments.url or stand_in.url(timeout_s=120)  # type: ignore[union-attr]
        found = [it for folder in arguments.folders for it in pieces.read(folder, arguments.photo)]
        with tempfile.TemporaryDirectory() as downloads:
            client = Client(url, verbose=False, download_files=downloads)
            results, rows = _measured(client, found)
        for case in (*pieces.VIEWS, PHOTO):
            _print_means(case, [result for result in results if result.case == case])
        if stand_in is not None and Path("/proc").exists():
            print(f"peak memory of the engine's process: {resident.peak_mb(stand_in.pid):.0f} MB")
        if arguments.sheets is not None:
            contact_sheet.save(rows, arguments.sheets)
    finally:
        if stand_in is not None:
            stand_in.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/furniture.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--photo", default="room.jpg", metavar="NAME", help="as cutout.png")
    parser.add_argument("--url", help="of a running engine")
    parser.add_argument("--sheets", type=Path, metavar="OUT", help="folder for contact sheets")
    return parser.parse_args()


def _on_one_core() -> StandIn:
    stand_in = StandIn()
    if not hasattr(os, "sched_setaffinity"):
        stand_in.start()
        return stand_in
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the child inherits it
    stand_in.start()
    os.sched_setaffinity(0, cores)
    return stand_in


def _measured(
    client: Client, found: Sequence[Piece]
) -> Tuple[List[Result], List[contact_sheet.Row]]:
    print(
        f"{'piece':38} {'case':10} {'half':4}    F3    F5   IoU placed parts closed "
        f"{'class':10}    s   MB   faces"
    )
    results, rows = [], []
    for piece in found:
        for case, views in piece.cases.items():
            made = _made(client, views)
            result = _result(piece, case, made)
            print(_line(result), flush=True)
            results.append(result)
            caption = f"{piece.name}, {case}, F5 {result.score.f5:.2f} {result.name}"
            rows.append(contact_sheet.Row(caption, views["front"], made and made.mesh))
    return results, rows


def _made(client: Client, views: Any) -> Optional[Made]:
    """The engine's textured model; None where it refuses, with its sentence printed."""
    inputs = {f"mv_image_{view}": handle_file(str(path)) for view, path in views.items()}
    try:
        answer = client.predict(api_name="/generation_all", seed=1, randomize_seed=False, **inputs)
    except AppError as error:
        print(f"refused: {error}")
        return None
    file, stats = answer[1], answer[3]
    path = Path(file["value"] if isinstance(file, dict) else file)
    return Made(path, measures.load(str(path)), stats)


def _result(piece: Piece, case: str, made: Optional[Made]) -> Result:
    if made is None:
        return Result(piece, case, _REFUSED, 0.0, 0, "refused", 0.0, 0.0, 0)
    score, placed, true_parts = _REFUSED, 0.0, 0
    if piece.truth is not None:
        truth = measures.load(str(piece.truth))
        score, true_parts = solids.score(made.mesh, truth), measures.parts(truth)
        aligned = measures.aligned(made.mesh, truth, _KNOWN.get(case, (0, 1, 2)))
        placed, _ = measures.distances(aligned, truth)
    return Result(
        piece,
        case,
        score,
        placed,
        true_parts,
        made.stats.get("class", ""),
        made.stats["time"]["total"],
        made.path.stat().st_size / 1e6,
        len(made.mesh.faces),
    )


def _line(result: Result) -> str:
    piece, score = result.piece, result.score
    true = pieces.true_classes(piece.name)
    wrong = "*" if true and result.name not in ("", *true) else ""
    return (
        f"{piece.name:38} {result.case:10} {piece.half:4} {score.f3:5.3f} {score.f5:5.3f}"
        f" {score.iou:5.3f}  {result.placed:5.3f} {score.parts:2d}/{result.true_parts:2d}"
        f" {'yes' if score.closed else 'NO':>6} {result.name + wrong:10} {result.seconds:4.2f}"
        f" {result.megabytes:4.2f} {result.faces:7d}"
    )


def _print_means(case: str, results: Sequence[Result]) -> None:
    """The means of one case: of half A, of half B and of all."""
    measured = [result for result in results if result.piece.truth is not None]
    if not measured:
        return
    for half in ("A", "B", "AB"):
        _print_half(f"{case}, {half}", [it for it in measured if it.piece.half in half])
    made = [result for result in results if result.faces]
    for name, unit, values in (
        ("job", "s", [it.seconds for it in made]),
        ("GLB", "MB", [it.megabytes for it in made]),
        ("faces", "", [it.faces for it in made]),
    ):
        print(f"{case}: {name} median {statistics.median(values):g} {unit}, worst {max(values):g}")


def _print_half(title: str, results: Sequence[Result]) -> None:
    for name, values in (
        ("F3", [it.score.f3 for it in results]),
        ("F5", [it.score.f5 for it in results]),
        ("IoU", [it.score.iou for it in results]),
        ("placed", [it.placed for it in results]),
    ):
        low, high = _interval(values)
        print(f"{title}: {name} {statistics.mean(values):.3f} ({low:.3f} to {high:.3f})")
    whole = [it for it in results if it.true_parts == 1]
    named = [it for it in results if it.name and pieces.true_classes(it.piece.name)]
    right = sum(it.name in pieces.true_classes(it.piece.name) for it in named)
    print(
        f"{title}: {sum(it.score.closed for it in results)} of {len(results)} closed, "
        f"{sum(it.score.parts == 1 for it in results)} of {len(results)} in one part "
        f"({sum(it.score.parts == 1 for it in whole)} of {len(whole)} whose truth is), "
        f"class right {right} of {len(named)}"
    )


def _interval(values: Sequence[float]) -> Tuple[float, float]:
    """The 95 % interval of the mean (Efron, 1979: percentiles of resampled means)."""
    draws = np.random.default_rng(0).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.percentile(np.asarray(values)[draws].mean(1), (2.5, 97.5))
    return float(low), float(high)


if __name__ == "__main__":
    main()
