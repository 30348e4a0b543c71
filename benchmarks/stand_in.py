"""Seconds and memory of the CPU stand-in against image size, octree resolution and views."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from PIL import Image

from benchmarks import servers
from benchmarks.report import Report
from local_space.launcher import StandIn

SIZES = (512, 1024, 2048)
RESOLUTIONS = (128, 256, 384)
SIDES = ("front", "back", "left", "right")
DATA = servers.PROJECT / "tests" / "data"


class Run(NamedTuple):
    """One generation: seconds as the client sees them, by stage as it tells, peak MB, faces."""

    seconds: float
    stages: Dict[str, float]
    peak_mb: float
    faces: int


Key = Tuple[int, int, int]


def measure(sizes: Sequence[int] = SIZES, resolutions: Sequence[int] = RESOLUTIONS) -> Report:
    """One generation each by a stand-in of its own, after one that warms it up."""
    from gradio_client import Client

    found: Dict[Key, Run] = {}
    with servers.scratch() as folder, _stand_in() as (url, pid):
        client = Client(url, verbose=False, download_files=False)
        _generate(client, pid, _photos(folder, 256, 1), 64)
        for size in sizes:
            for views in (1, len(SIDES)):
                pictures = _photos(folder, size, views)
                for resolution in resolutions:
                    found[size, views, resolution] = _generate(client, pid, pictures, resolution)
    return _report(found)


def _report(found: Dict[Key, Run]) -> Report:
    stages = list(dict.fromkeys(stage for run in found.values() for stage in run.stages))
    head = ["image, px", "views", "octree", "seconds", *stages, "peak, MB", "faces"]
    table: List[List[Any]] = [head]
    for (size, views, resolution), run in found.items():
        told = [f"{run.stages[stage]:.2f}" if stage in run.stages else "" for stage in stages]
        row = [f"**{run.seconds:.2f}**", *told, f"{run.peak_mb:.0f}", f"{run.faces:,}"]
        table.append([size, views, resolution, *row])
    return Report(
        [table],
        [
            "Seconds of the client, upload included and download not; stages are the stand-in's "
            "own, from its statistics. Peak: the process's resident size during the generation, "
            "Gradio and what earlier ones left included.",
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


@contextmanager
def _stand_in() -> Iterator[Tuple[str, int]]:
    """The URL and process id of a stand-in."""
    stand_in = StandIn()
    try:
        url = stand_in.url(timeout_s=120)
        yield url, stand_in.pid
    finally:
        stand_in.stop()


def _photos(folder: Path, size: int, views: int) -> Dict[str, Path]:
    paths = {}
    for side in SIDES[:views]:
        paths[side] = folder / f"{side}-{size}.png"
        with Image.open(DATA / f"chair-{side}.png") as image:
            image.resize((size, size * image.height // image.width)).save(paths[side])
    return paths


def _generate(client: Any, pid: int, pictures: Dict[str, Path], resolution: int) -> Run:
    from gradio_client import handle_file

    files = {f"mv_image_{side}": handle_file(str(path)) for side, path in pictures.items()}
    servers.reset_peak(pid)
    start = time.perf_counter()
    outputs = client.predict(
        image=handle_file(str(pictures["front"])),
        **files,
        octree_resolution=resolution,
        api_name=servers.ENDPOINT,
    )
    seconds = time.perf_counter() - start
    status = Path(f"/proc/{pid}/status").read_text()
    peak_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    stats = outputs[2] if isinstance(outputs[2], dict) else json.loads(outputs[2])
    times = stats.get("time", {})
    stages = {name: float(spent) for name, spent in times.items() if name != "total"}
    return Run(seconds, stages, peak_mb, int(stats.get("number_of_faces", 0)))
