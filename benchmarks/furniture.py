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
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np
import trimesh
from gradio_client import Client, handle_file
from PIL import Image

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measures, rendering
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
_SPEED_SIDE, _SPEED_RUNS = 2048, 3


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
            _print_speed(client, pieces[0], Path(downloads), pid)
        if stand_in is not None:
            print(f"peak memory of the stand-in: {_peak_megabytes(stand_in.pid)} MB")
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
        path = generate(client, {view: piece / f"{view}.png" for view in views})
        seconds = time.perf_counter() - start
        mesh = measures.load(path)
        placed = measures.aligned(mesh, truth, _KNOWN[case])
        results[case] = _result(placed, truth, piece / "front.png", path, seconds)
        rows.append((piece / "front.png", placed))
    if pictures is not None:
        for photo in ("cutout.png", "room.jpg"):
            rows.append((piece / photo, measures.load(generate(client, {"front": piece / photo}))))
        pictures.mkdir(parents=True, exist_ok=True)
        _sheet(rows).save(pictures / f"{piece.name}.png")
    return results


def generate(client: Client, views: Dict[str, Path], endpoint: str = "/generation_all") -> str:
    """The path of the GLB that the stand-in makes of these views."""
    inputs = {f"mv_image_{view}": handle_file(str(path)) for view, path in views.items()}
    files = client.predict(api_name=endpoint, seed=1, randomize_seed=False, **inputs)
    made: Any = files[1 if endpoint == "/generation_all" else 0]
    return str(made["value"] if isinstance(made, dict) else made)


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


def _print_speed(client: Client, piece: Path, folder: Path, pid: Optional[int]) -> None:
    """Median seconds of the piece's views at 2048 px, and what the stand-in's CPUs took of them."""
    large = {}
    for name in ("front.png", "back.png", "left.png", "right.png", "room.jpg"):
        large[name] = folder / name
        picture = Image.open(piece / name)
        picture.resize((_SPEED_SIDE, _SPEED_SIDE), Image.Resampling.BICUBIC).save(large[name])
    four = {view: large[f"{view}.png"] for view in CASES["four views"]}
    for name, views, endpoint in (
        ("front, transparent", {"front": large["front.png"]}, "/shape_generation"),
        ("front, of a room", {"front": large["room.jpg"]}, "/shape_generation"),
        ("four views, textured", four, "/generation_all"),
    ):
        taken, worked = [], []
        for _ in range(_SPEED_RUNS):
            start, start_work = time.perf_counter(), _cpu_seconds(pid)
            generate(client, views, endpoint)
            taken.append(time.perf_counter() - start)
            worked.append(_cpu_seconds(pid) - start_work)
        seconds, cpu = statistics.median(taken), statistics.median(worked)
        print(f"{_SPEED_SIDE} px: {name:22} {seconds:.2f} s, {cpu:.2f} s of CPU")


def _cpu_seconds(pid: Optional[int]) -> float:
    """What a process has used so far (Linux; nan elsewhere or for a server of someone else)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_megabytes(pid: int) -> str:
    """The largest resident size so far (Linux; `?` elsewhere)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "?"
    return str(int(status.split("VmHWM:")[1].split()[0]) // 1024)


if __name__ == "__main__":
    main()
