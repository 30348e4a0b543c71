"""How long a listing and a health check wait while others wait for their models."""

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
# A generation; both servers make one at a time.
GENERATION_S = 0.15
# Between the requests of the one who looks.
PAUSE_S = 0.004


def measure(seconds: float = SECONDS) -> Report:
    """Look at both servers for some seconds with none, some and all in flight."""
    photo = photos.clean(side=512, quality=84, grain=10)
    found: Dict[Tuple[str, int], List[float]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        mesh = servers.glb_file(folder / "white_mesh.glb", 0.1)
        url = stack.enter_context(servers.generator(GENERATION_S, mesh))
        server = stack.enter_context(servers.ours(folder, HUNYUAN_SPACE_ID=url))
        session_id = servers.session(server.url)
        target = f"/api/process_furniture_image/{session_id}"
        looks = {
            "ours, listing": f"/api/session_models/{session_id}",
            "ours, health": "/api/health",
        }
        files = {"image": ("photo.jpg", photo, "image/jpeg")}
        requests.post(server.url + target, files=files).raise_for_status()
        for count in IN_FLIGHT:
            with _generating(server.url + target, {"files": files}, count):
                for name, waits in _look(server.url, looks, seconds).items():
                    found[name, count] = waits
    os.environ["GENERATION_S"] = str(GENERATION_S)
    for count in IN_FLIGHT:
        # Another process each: what is still queued in it need not be waited for.
        with servers.program(sys.executable, "-m", "benchmarks.blocking_app") as (url, _):
            looks = {"FastAPI in its event loop, status": "/status"}
            _look(url, looks, 0.2)
            with _generating(url + "/generate", {"data": photo}, count):
                for name, waits in _look(url, looks, seconds).items():
                    found[name, count] = waits
    return _report(found)


def _report(found: Dict[Tuple[str, int], List[float]]) -> Report:
    names = list(dict.fromkeys(name for name, _ in found))
    head = [f"{count} in flight: p50 / p99, ms" for count in IN_FLIGHT]
    table: List[List[Any]] = [["", *head, "p99, 32 to none"]]
    for name in names:
        cells = [
            f"{percentile(found[name, count], 50):.1f} / {percentile(found[name, count], 99):.1f}"
            for count in IN_FLIGHT
        ]
        none, all_of_them = (percentile(found[name, count], 99) for count in (0, IN_FLIGHT[-1]))
        table.append([name, *cells, f"**{all_of_them / none:.1f}**"])
    looks = {name: len(found[name, IN_FLIGHT[-1]]) for name in names}
    return Report(
        [table],
        [
            f"One client looks for {SECONDS:g} s, pausing {PAUSE_S * 1000:g} ms between requests, "
            f"while so many others each send photo after photo; a generation takes {GENERATION_S} "
            "s, one at a time, in both. Aim: p99 with 32 at most twice that with none, or 25 ms.",
            "Answers seen with 32 in flight: "
            + ", ".join(f"{count} ({name})" for name, count in looks.items())
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
    """So many clients that ask for one model after the other, all at it when this begins."""
    stop = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not stop.is_set():
                try:
                    session.post(url, timeout=60, **form)
                except requests.ConnectionError:
                    return

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    # Their photos are sent and checked; the generator is at the first ones.
    time.sleep(1.0 if count else 0.0)
    yield
    stop.set()
    if "files" in form:
        for thread in threads:
            thread.join()


def _look(url: str, paths: Dict[str, str], seconds: float) -> Dict[str, List[float]]:
    """Milliseconds of each answer, the paths in turn on one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    waits: Dict[str, List[float]] = {name: [] for name in paths}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, path in paths.items():
            waits[name].append(_ms(lambda path=path: _get(connection, path)))
            time.sleep(PAUSE_S)
    connection.close()
    return waits


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
