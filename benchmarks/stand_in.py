"""Seconds and memory of the stand-in by stage, image size, octree resolution and views."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from PIL import Image

from benchmarks import servers
from benchmarks.report import Report

SIZES = (512, 1024, 2048)
RESOLUTIONS = (128, 256, 384)
SIDES = ("front", "back", "left", "right")
DATA = servers.PROJECT / "tests" / "data"
STAGES = ("remove background", "shape generation", "texture generation")


class Run(NamedTuple):
    """One generation: the client's seconds, the seconds and peak MB by stage, and the faces."""

    seconds: float
    stages: Dict[str, float]
    faces: int

    @property
    def peak_mb(self) -> float:
        return max(self.stages[f"{stage}, MB"] for stage in STAGES)


Key = Tuple[int, int, int]


def measure(sizes: Sequence[int] = SIZES, resolutions: Sequence[int] = RESOLUTIONS) -> Report:
    """Run one textured generation per case on a new stand-in, after one warm-up generation."""
    from gradio_client import Client

    found: Dict[Key, Run] = {}
    command = (sys.executable, "-m", "benchmarks.watched_space")
    with servers.scratch() as folder, servers.program(*command) as (url, _):
        client = Client(url, verbose=False, download_files=False)
        _generate(client, _photos(folder, 256, 1), 64)
        for size in sizes:
            for views in (1, len(SIDES)):
                pictures = _photos(folder, size, views)
                for resolution in resolutions:
                    found[size, views, resolution] = _generate(client, pictures, resolution)
    return _report(found)


def _report(found: Dict[Key, Run]) -> Report:
    stage_heads = (f"{stage}{what}" for stage in STAGES for what in (", s", ", MB"))
    table: List[List[Any]] = [["image, px", "views", "octree", "seconds", *stage_heads, "faces"]]
    for key, run in found.items():
        stages: List[str] = []
        for stage in STAGES:
            stages += [f"{run.stages[stage]:.2f}", f"{run.stages[stage + ', MB']:.0f}"]
        table.append([*key, f"**{run.seconds:.2f}**", *stages, f"{run.faces:,}"])
    return Report(
        [table],
        [
            "Seconds: measured by the client, with the upload and without the download. Stages: "
            "measured by the stand-in. MB: the peak of its resident memory during the stage, with "
            "Gradio and with memory that earlier stages have not released.",
        ],
        lambda figure: _draw(figure, found),
    )


def _draw(figure: Any, found: Dict[Key, Run]) -> None:
    left, right = figure.subplots(1, 2)
    for size, views in dict.fromkeys((size, views) for size, views, _ in found):
        runs = {key[2]: run for key, run in found.items() if key[:2] == (size, views)}
        label = f"{size} px, {views} view{'s' * (views > 1)}"
        left.plot(list(runs), [run.seconds for run in runs.values()], "o-", label=label)
        right.plot(list(runs), [run.peak_mb for run in runs.values()], "o-", label=label)
    for axes, what in ((left, "seconds"), (right, "peak MB")):
        axes.set_xlabel("octree resolution")
        axes.set_ylabel(what)
        axes.set_ylim(bottom=0)
    left.legend()


def _photos(folder: Path, size: int, views: int) -> Dict[str, Path]:
    paths = {}
    for side in SIDES[:views]:
        paths[side] = folder / f"{side}-{size}.png"
        with Image.open(DATA / f"chair-{side}.png") as image:
            image.resize((size, size * image.height // image.width)).save(paths[side])
    return paths


def _generate(client: Any, pictures: Dict[str, Path], resolution: int) -> Run:
    from gradio_client import handle_file

    files = {f"mv_image_{side}": handle_file(str(path)) for side, path in pictures.items()}
    start = time.perf_counter()
    *_, stats, _ = client.predict(**files, octree_resolution=resolution, api_name="/generation_all")
    return Run(time.perf_counter() - start, stats["time"], stats["number_of_faces"])
