"""The latency of a listing and a health check while generations are in flight."""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple
from urllib.parse import urlsplit

import requests

from benchmarks import photos, servers
from benchmarks.report import Report, percentile

IN_FLIGHT = (0, 8, 32)
SECONDS = 3.0
# The duration of a generation. Both servers run one at a time.
GENERATION_S = 0.15
# The pause between two requests of the measuring client.
PAUSE_S = 0.004


def measure(seconds: float = SECONDS) -> Report:
    """Measure both servers for some seconds, with each number of generations in flight."""
    photo = photos.clean(side=512, quality=84, grain=10)
    found: Dict[Tuple[str, int], List[float]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        mesh = servers.glb_file(folder / "white_mesh.glb", 0.1)
        url = stack.enter_context(servers.generator(GENERATION_S, mesh))
        server = stack.enter_context(servers.ours(folder, HUNYUAN_SPACE_ID=url))
        session_id = servers.session(server.url)
        target = f"/api/process_furniture_image/{session_id}"
        paths = {
            "ours, listing": f"/api/session_models/{session_id}",
            "ours, health": "/api/health",
        }
        files = {"image": ("photo.jpg", photo, "image/jpeg")}
        requests.post(server.url + target, files=files).raise_for_status()
        for count in IN_FLIGHT:
            with _generating(server.url + target, {"files": files}, count):
                for name, latencies in _latencies(server.url, paths, seconds).items():
                    found[name, count] = latencies
    os.environ["GENERATION_S"] = str(GENERATION_S)
    for count in IN_FLIGHT:
        # A new process for each count, because generations may still be queued in the old one.
        with servers.program(sys.executable, "-m", "benchmarks.blocking_app") as (url, _):
            paths = {"FastAPI in its event loop, status": "/status"}
            _latencies(url, paths, 0.2)
            with _generating(url + "/generate", {"data": photo}, count):
                for name, latencies in _latencies(url, paths, seconds).items():
                    found[name, count] = latencies
    return _report(found)


def _report(found: Dict[Tuple[str, int], List[float]]) -> Report:
    names = list(dict.fromkeys(name for name, _ in found))
    head = [f"{count} in flight: p50 / p99, ms" for count in IN_FLIGHT]
    table: List[List[Any]] = [["", *head, "p99, 32 / 0"]]
    for name in names:
        cells = [
            f"{percentile(found[name, count], 50):.1f} / {percentile(found[name, count], 99):.1f}"
            for count in IN_FLIGHT
        ]
        lowest, highest = (percentile(found[name, count], 99) for count in (0, IN_FLIGHT[-1]))
        table.append([name, *cells, f"**{highest / lowest:.1f}**"])
    counts = {name: len(found[name, IN_FLIGHT[-1]]) for name in names}
    return Report(
        [table],
        [
            f"One client measures for {SECONDS:g} s, with {PAUSE_S * 1000:g} ms between requests. "
            "Meanwhile 0, 8 or 32 other clients send photos without a pause. A generation takes "
            f"{GENERATION_S} s, one at a time, on both servers. Aim: p99 with 32 in flight is at "
            "most twice that with 0, or 25 ms.",
            "Number of answers with 32 in flight: "
            + ", ".join(f"{count} ({name})" for name, count in counts.items())
            + ".",
        ],
        lambda figure: _draw(figure, names, found),
    )


def _draw(figure: Any, names: Sequence[str], found: Dict[Tuple[str, int], List[float]]) -> None:
    axes = figure.subplots()
    for name in names:
        p99 = [percentile(found[name, count], 99) for count in IN_FLIGHT]
        axes.semilogy(IN_FLIGHT, p99, "o-", label=name)
    axes.axhline(25, color="grey", linestyle=":", label="25 ms")
    axes.set_xlabel("generations in flight")
    axes.set_ylabel("p99, ms (logarithmic)")
    axes.legend()


@contextmanager
def _generating(url: str, form: Dict[str, Any], count: int) -> Iterator[None]:
    """Run `count` clients that request one model after the other. All have begun on entry."""
    stop = threading.Event()

    def request_models() -> None:
        with requests.Session() as session:
            while not stop.is_set():
                try:
                    session.post(url, timeout=60, **form)
                except requests.ConnectionError:
                    return

    threads = [threading.Thread(target=request_models, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    # By then the photos are uploaded and checked, and the first generations run.
    time.sleep(1.0 if count else 0.0)
    yield
    stop.set()
    if "files" in form:
        for thread in threads:
            thread.join()


def _latencies(url: str, paths: Dict[str, str], seconds: float) -> Dict[str, List[float]]:
    """Return the milliseconds of each answer, for all paths in turn on one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    latencies: Dict[str, List[float]] = {name: [] for name in paths}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, path in paths.items():
            latencies[name].append(_ms(lambda path=path: _get(connection, path)))
            time.sleep(PAUSE_S)
    connection.close()
    return latencies


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")


def _ms(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1000
