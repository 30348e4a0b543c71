"""The cost of a generation through our API, compared with a direct call by gradio_client."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Tuple

import requests

from benchmarks import photos, servers
from benchmarks.report import Report, median_ratio

PAIRS = 20


class Case(NamedTuple):
    """One comparison: a generator of some seconds, a GLB's size and the aim."""

    name: str
    seconds: float
    glb_mb: float
    aim: str


CASES = (
    Case("0.5 s, 1 MB GLB", 0.5, 1, "≤ 1.05"),
    Case("0.5 s, 30 MB GLB", 0.5, 30, "≤ 1.10"),
    Case("5 s, 1 MB GLB", 5.0, 1, "≤ 1.01"),
)


def measure(cases: Iterable[Case] = CASES, pairs: int = PAIRS) -> Report:
    """Measure interleaved pairs of direct calls and requests."""
    table: List[List[Any]] = [["", "direct, ms", "ours, ms", "difference, ms", "ratio", "aim"]]
    for case in cases:
        direct, ours = _compare(case, pairs)
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
    return Report(
        [table],
        [
            f"Medians of {pairs} interleaved pairs with a 1 MB photo. "
            "Direct: `predict` and the download by one connected `gradio_client.Client`. Ours: one "
            "POST until its answer.",
            "The ratio can be below 1.00: `gradio_client` loads the certificates for each upload "
            "and each download, and moves the GLB afterwards. Our server loads the certificates "
            "once and links the GLB.",
        ],
    )


Result = Tuple[List[float], List[float]]


def _compare(case: Case, pairs: int) -> Result:
    """Return the seconds of direct calls and of ours."""
    # The machine is idle during a long sleep, so two pairs are measured at the same time.
    workers = 2 if case.seconds > 1 else 1
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda _: _measure_pairs(case, pairs // workers), range(workers)))
    direct, ours = zip(*parts)
    return list(chain(*direct)), list(chain(*ours))


def _measure_pairs(case: Case, pairs: int) -> Result:
    from gradio_client import Client, handle_file

    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        photo = folder / "photo.jpg"
        photo.write_bytes(photos.clean())
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
    return series[direct], series[ours]


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
