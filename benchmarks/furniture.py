"""`python benchmarks/furniture.py DIR [--url URL] [--pictures OUT]`: the stand-in on real pieces.

DIR holds one folder per piece: `front.png`, `back.png`, `left.png`, `right.png` (transparent, the
frame 1.15 units wide), `cutout.png`, `room.jpg` and `truth.glb` (longest side 1, centred).
Every case goes through a running stand-in's Gradio API: the one at --url, or one that is started
here. The table has a line per piece and case, then the means:

F, chamfer    20,000 samples of each surface after `measures.aligned`: one uniform scale and a
              shift by the bounding boxes of the axes that the case's views show, nothing else
IoU           the result's silhouette from the front against the photo's own
colour        mean difference of a channel (0..255) of the texture seen from the front
closed        watertight with all faces turned outwards; parts: bodies in the mesh
s             seconds of a `generation_all` call, as its client sees them

`segmentation` is the overlap of the silhouette that `local_space.segmentation` finds in room.jpg
with cutout.png's own transparency (run in this process: the API does not tell it).

The last lines are for photos of 2048 px: the median and the worst of all pieces; the job by itself,
as its answer tells, and as the client sees it, with the transport of photos and mesh by Gradio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import trimesh
from gradio_client import Client, handle_file
from PIL import Image

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measures, rendering, resident
from local_space import segmentation
from local_space.launcher import StandIn

CASES = {
    "front": ("front",),
    "front+left": ("front", "left"),
    "four views": ("front", "back", "left", "right"),
}
_KNOWN = {"front": (0, 1), "front+left": (0, 1, 2), "four views": (0, 1, 2)}
# How a picture shows each result: name of the drawing, degrees turned, degrees from above.
_LOOKS = ((0, 0), (-35, 20), (-90, 0), (145, 20))
_THUMBNAIL = 300
_SPEED_SIDE, _SPEED_RUNS = 2048, 2


class Result(NamedTuple):
    """One case of one piece."""

    f_score: float
    chamfer: float
    iou: float
    colour: float
    closed: bool
    parts: int
    faces: int
    megabytes: float
    seconds: float


def main() -> None:
    arguments = _arguments()
    stand_in = None if arguments.url else StandIn()
    url = arguments.url or stand_in.url(timeout_s=120)  # type: ignore[union-attr]
    pieces = sorted(path.parent for path in arguments.folder.glob("*/truth.glb"))
    try:
        with tempfile.TemporaryDirectory() as downloads:
            client = Client(url, verbose=False, download_files=downloads)
            measured = {piece.name: measure(client, piece, arguments.pictures) for piece in pieces}
            _print_table(measured)
            _print_segmentation(pieces)
            pid = None if stand_in is None else stand_in.pid
            _print_speed(client, pieces, Path(downloads), pid)
        if stand_in is not None:
            print(f"peak memory of the stand-in: {_peak(stand_in.pid)} MB")
    finally:
        if stand_in is not None:
            stand_in.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/furniture.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--url", help="of a running stand-in")
    parser.add_argument("--pictures", type=Path, metavar="OUT", help="folder for a picture each")
    return parser.parse_args()


def measure(client: Client, piece: Path, pictures: Optional[Path]) -> Dict[str, Result]:
    """Every case of one piece."""
    truth = measures.load(str(piece / "truth.glb"))
    results, rows = {}, []
    for case, views in CASES.items():
        start = time.perf_counter()
        path, _ = generate(client, {view: piece / f"{view}.png" for view in views})
        seconds = time.perf_counter() - start
        mesh = measures.load(path)
        placed = measures.aligned(mesh, truth, _KNOWN[case])
        results[case] = _result(placed, truth, piece / "front.png", path, seconds)
        rows.append((piece / "front.png", placed))
    if pictures is not None:
        for photo in ("cutout.png", "room.jpg"):
            path, _ = generate(client, {"front": piece / photo})
            rows.append((piece / photo, measures.load(path)))
        pictures.mkdir(parents=True, exist_ok=True)
        _sheet(rows).save(pictures / f"{piece.name}.png")
    return results


def generate(
    client: Client, views: Dict[str, Path], endpoint: str = "/generation_all"
) -> Tuple[str, float]:
    """The path of the GLB that the stand-in makes of these views, and the seconds of the job."""
    inputs = {f"mv_image_{view}": handle_file(str(path)) for view, path in views.items()}
    *files, _, stats, _ = client.predict(api_name=endpoint, seed=1, randomize_seed=False, **inputs)
    made: Any = files[-1]
    return str(made["value"] if isinstance(made, dict) else made), stats["time"]["total"]


def _result(
    mesh: trimesh.Trimesh, truth: trimesh.Trimesh, photo: Path, path: str, seconds: float
) -> Result:
    f_score, chamfer = measures.distances(mesh, truth)
    pixels = np.asarray(Image.open(photo).convert("RGBA"))
    own = pixels[..., 3] >= 128
    drawn = rendering.silhouette(mesh, rendering.VIEWS["front"], own.shape[0])
    colours = rendering.colours(mesh, rendering.VIEWS["front"], own.shape[0])
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces)
    return Result(
        f_score=f_score,
        chamfer=chamfer,
        iou=measures.overlap_in_box(drawn, own),
        colour=measures.colour_error(colours, pixels[..., :3], drawn & own),
        closed=bool(solid.is_watertight and solid.is_winding_consistent and solid.volume > 0),
        parts=int(solid.body_count),
        faces=len(mesh.faces),
        megabytes=Path(path).stat().st_size / 1e6,
        seconds=seconds,
    )


def _sheet(rows: List[Any]) -> Image.Image:
    """A line per result: the photo, then the result with and without its texture."""
    size = _THUMBNAIL
    sheet = Image.new("RGB", (size * (1 + 2 * len(_LOOKS)), size * len(rows)), (236, 236, 236))
    for row, (photo, mesh) in enumerate(rows):
        picture = Image.open(photo).convert("RGBA").resize((size, size))
        sheet.paste(picture, (0, row * size), picture)
        for column, look in enumerate(_LOOKS):
            view = rendering.turned(*look)
            for offset, draw in enumerate((rendering.colours, rendering.shades)):
                drawn = Image.fromarray(draw(mesh, view, 2 * size)).resize((size, size))
                sheet.paste(drawn, ((1 + 2 * column + offset) * size, row * size))
    return sheet


def _print_table(measured: Dict[str, Dict[str, Result]]) -> None:
    print(f"{'piece':18} {'case':11}      F  chamfer   IoU colour closed parts   faces   MB    s")
    for piece, results in measured.items():
        for case, result in results.items():
            print(_line(piece, case, result))
    for case in CASES:
        of_case = [results[case] for results in measured.values()]
        means = Result(*(statistics.mean(column) for column in zip(*of_case)))
        print(_line("mean", case, means._replace(closed=all(r.closed for r in of_case))))


def _line(piece: str, case: str, r: Result) -> str:
    return (
        f"{piece:18} {case:11} {r.f_score:6.3f} {r.chamfer:8.4f} {r.iou:5.3f} {r.colour:6.1f}"
        f" {'yes' if r.closed else 'NO':>6} {r.parts:5.0f} {r.faces:7.0f} {r.megabytes:4.1f}"
        f" {r.seconds:4.2f}"
    )


def _print_segmentation(pieces: List[Path]) -> None:
    found = []
    for piece in pieces:
        true = np.asarray(Image.open(piece / "cutout.png"))[..., 3] >= 128
        view = segmentation.cut_out(Image.open(piece / "room.jpg"))
        found.append(measures.overlap(view.silhouette, true))
        print(f"segmentation       {piece.name:18} {found[-1]:.3f}")
    print(f"segmentation       mean               {statistics.mean(found):.3f}")


def _print_speed(client: Client, pieces: List[Path], folder: Path, pid: Optional[int]) -> None:
    kinds = (
        ("front, transparent", {"front": "front.png"}, "/shape_generation"),
        ("front, of a room", {"front": "room.jpg"}, "/shape_generation"),
        ("four views, textured", {v: f"{v}.png" for v in CASES["four views"]}, "/generation_all"),
    )
    for name, photos, endpoint in kinds:
        found = []
        for piece in pieces:
            large = {view: _enlarged(piece / photo, folder) for view, photo in photos.items()}
            for _ in range(_SPEED_RUNS):
                start, worked = time.perf_counter(), _cpu_seconds(pid)
                _, job = generate(client, large, endpoint)
                found.append((job, time.perf_counter() - start, _cpu_seconds(pid) - worked))
        figures = (f"{statistics.median(column):.2f} ({max(column):.2f})" for column in zip(*found))
        print("{} px: {:20}  job {} s, client {} s, CPU {} s".format(_SPEED_SIDE, name, *figures))


def _enlarged(photo: Path, folder: Path) -> Path:
    large = folder / f"{photo.parent.name}-{photo.name}"
    if not large.exists():
        picture = Image.open(photo)
        picture.resize((_SPEED_SIDE, _SPEED_SIDE), Image.Resampling.BICUBIC).save(large)
    return large


def _cpu_seconds(pid: Optional[int]) -> float:
    """What a process has used so far (Linux; nan elsewhere or for a server of someone else)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> str:
    """The largest resident size so far (Linux; `?` elsewhere)."""
    try:
        return f"{resident.peak_mb(pid):.0f}"
    except OSError:
        return "?"


if __name__ == "__main__":
    main()
