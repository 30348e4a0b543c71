"""The cost of a generation through our API, compared with a direct call by gradio_client."""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Tuple

import requests

from benchmarks import photos, servers
from benchmarks.report import Report, bars, median_ratio

PAIRS = 20
# Fewer pairs for the case without an aim, to save time.
EXIF_PAIRS = 8
STAGES = ("upload", "check", "keep", "connect", "call", "download", "save", "answer")


class Case(NamedTuple):
    """One comparison: a generator of some seconds, a GLB's size, a photo and the aimed-at ratio."""

    name: str
    seconds: float
    glb_mb: float
    photo: Callable[[], bytes]
    aim: str


CASES = (
    Case("0.5 s, 1 MB GLB", 0.5, 1, photos.clean, "≤ 1.05"),
    Case("0.5 s, 1 MB GLB, photo with EXIF", 0.5, 1, photos.phone, ""),
    Case("0.5 s, 30 MB GLB", 0.5, 30, photos.clean, "≤ 1.10"),
    Case("5 s, 1 MB GLB", 5.0, 1, photos.clean, "≤ 1.01"),
)


def measure(cases: Iterable[Case] = CASES, pairs: int = PAIRS) -> Report:
    """Measure interleaved pairs of direct calls and requests, then the stages of some requests."""
    found = {case.name: _compare(case, pairs if case.aim else EXIF_PAIRS) for case in cases}
    table: List[List[Any]] = [["", "direct, ms", "ours, ms", "difference, ms", "ratio", "aim"]]
    stages: List[List[Any]] = [["ours by stage, ms", *STAGES]]
    for case in cases:
        direct, ours, spans = found[case.name]
        difference = statistics.median(ours) - statistics.median(direct)
        table.append(
            [
                case.name,
                *(f"{statistics.median(series) * 1000:.0f}" for series in (direct, ours)),
                f"{difference * 1000:.0f}",
                f"**{median_ratio(ours, direct):.3f}**",
                case.aim,
            ]
        )
        stages.append([case.name, *(f"{spans[stage]:.1f}" for stage in STAGES)])
    sides = {
        "direct": [statistics.median(found[case.name][0]) for case in cases],
        "ours": [statistics.median(found[case.name][1]) for case in cases],
    }
    return Report(
        [table, stages],
        [
            f"Medians of {pairs} interleaved pairs ({EXIF_PAIRS} for EXIF) with a 1 MB photo. "
            "Direct: `predict` and the download by one connected `gradio_client.Client`. Ours: one "
            "POST until its answer.",
            "Stages: *check* decodes the photo and prepares the copy for the generator, *keep* "
            "writes and syncs the upload, *connect* checks that the generator is still the same "
            "process, *call* includes the generator's own time, *save* syncs and names the GLB.",
            "The ratio can be below 1.00: `gradio_client` loads the certificates for each upload "
            "and each download, and moves the GLB afterwards. Our server loads the certificates "
            "once and links the GLB.",
        ],
        lambda figure: _draw(figure, [case.name for case in cases], sides),
    )


def _draw(figure: Any, names: List[str], sides: Dict[str, List[float]]) -> None:
    axes = bars(figure, [name.replace(", ", "\n") for name in names], sides, "seconds, median")
    axes.set_title("A generation: gradio_client and our API")


Result = Tuple[List[float], List[float], Dict[str, float]]


def _compare(case: Case, pairs: int) -> Result:
    """Return the seconds of direct calls and of ours, and the milliseconds of ours by stage."""
    # The machine is idle during a long sleep, so two pairs are measured at the same time.
    workers = 2 if case.seconds > 1 else 1
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda _: _measure_pairs(case, pairs // workers), range(workers)))
    direct, ours, spans = zip(*parts)
    return list(chain(*direct)), list(chain(*ours)), spans[0]


def _measure_pairs(case: Case, pairs: int) -> Result:
    from gradio_client import Client, handle_file

    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        photo = folder / "photo.jpg"
        photo.write_bytes(case.photo())
        mesh = servers.glb_file(folder / "white_mesh.glb", case.glb_mb)
        url = stack.enter_context(servers.generator(case.seconds, mesh))
        server = stack.enter_context(servers.ours(folder / "plain", HUNYUAN_SPACE_ID=url))
        downloads = str(folder / "downloads")
        client = Client(url, verbose=False, download_files=downloads)
        http = stack.enter_context(requests.Session())

        def direct() -> None:
            client.predict(image=handle_file(str(photo)), api_name=servers.ENDPOINT)

        ours = _poster(http, server.url, photo)
        series: Dict[Any, List[float]] = {direct: [], ours: []}
        for function in series:
            function()
        for number in range(pairs):
            for function in (direct, ours) if number % 2 else (ours, direct):
                series[function].append(_seconds(function))
        server.kill()
        spans = _spans(case, url, photo, folder, http)
    return series[direct], series[ours], spans


def _poster(http: requests.Session, url: str, photo: Path) -> Callable[[], None]:
    target = f"{url}/api/process_furniture_image/{servers.session(url)}"

    def post() -> None:
        answer = http.post(target, files={"image": ("photo.jpg", photo.read_bytes())})
        answer.raise_for_status()

    return post


def _seconds(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _spans(
    case: Case, url: str, photo: Path, folder: Path, http: requests.Session
) -> Dict[str, float]:
    """Return the medians of the milliseconds by stage, measured with `timed_app`."""
    log = folder / "spans"
    found: Dict[str, List[float]] = {stage: [] for stage in STAGES}
    program = "benchmarks.timed_app"
    environ = {"HUNYUAN_SPACE_ID": url, "BENCHMARK_SPANS": str(log)}
    with servers.ours(folder / "timed", program, **environ) as server:
        post = _poster(http, server.url, photo)
        post()
        for _ in range(2 if case.seconds > 1 else 8):
            start = time.monotonic()
            post()
            end = time.monotonic()
            spans = json.loads(log.read_text().splitlines()[-1])
            for stage, (begin, finish) in _stages(spans, start, end).items():
                found[stage].append((finish - begin) * 1000)
    return {stage: statistics.median(values) for stage, values in found.items()}


def _stages(
    spans: Dict[str, Tuple[float, float]], start: float, end: float
) -> Dict[str, Tuple[float, float]]:
    return {
        "upload": (start, spans["form"][1]),
        "call": (spans["connect"][1], spans["wait"][1]),
        "answer": (spans["save"][1], end),
        **{name: spans[name] for name in ("check", "keep", "connect", "download", "save")},
    }
