"""Uploads of 20 MB photos, compared with a Flask route that discards them: seconds and memory."""

from __future__ import annotations

import io
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Tuple

import requests

from benchmarks import photos, resident, servers
from benchmarks.report import Report, bars

CLIENTS = (1, 16)
ROUNDS = 2
NAMES = ("bare Flask, discards", "ours, refused as no image", "ours, a 36-megapixel photo")


def measure() -> Report:
    """Measure simultaneous uploads, one server after the other in each round."""
    photo = photos.phone(side=6000, quality=93, grain=60)
    noise = bytes(len(photo))
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        mesh = servers.glb_file(folder / "white_mesh.glb", 0.01)
        url = stack.enter_context(servers.generator(0, mesh))
        server = stack.enter_context(servers.ours(folder, HUNYUAN_SPACE_ID=url))
        bare = stack.enter_context(servers.ours(folder / "bare", "benchmarks.bare_app"))
        target = f"{server.url}/api/process_furniture_image/{servers.session(server.url)}"
        kinds = {
            NAMES[0]: _poster(bare.url + "/discard", photo, 200),
            NAMES[1]: _poster(target, noise, 415),
            NAMES[2]: _poster(target, photo, 200),
        }
        _post_all(kinds[NAMES[2]], 2)
        before_mb = server.resident_mb()
        found: Dict[Tuple[str, int], List[float]] = {}
        peaks: Dict[Tuple[str, int], float] = {}
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for name, post in kinds.items():
                    resident.reset_peak(server.process.pid)
                    found.setdefault((name, clients), []).append(_post_all(post, clients))
                    key = (name, clients)
                    peaks[key] = max(peaks.get(key, 0.0), server.peak_mb())
        after_mb = server.resident_mb()
    return _report(len(photo), found, peaks, (before_mb, after_mb))


def _report(
    size: int,
    found: Dict[Tuple[str, int], List[float]],
    peaks: Dict[Tuple[str, int], float],
    resident_mb: Tuple[float, float],
) -> Report:
    seconds = {key: statistics.median(values) for key, values in found.items()}
    table: List[List[Any]] = [["", "clients", "seconds until all are answered", "peak, MB"]]
    for name in NAMES:
        for clients in CLIENTS:
            peak = "" if name == NAMES[0] else f"{peaks[name, clients]:.0f}"
            table.append([name, clients, f"{seconds[name, clients]:.2f}", peak])
    before_mb, after_mb = resident_mb
    return Report(
        [table],
        [
            f"Medians of {ROUNDS} rounds with photos of {size / 1e6:.1f} MB. The generator answers "
            "at once. Peaks are the highest of all rounds.",
            f"Resident memory of our server: {before_mb:.0f} MB after two photos, {after_mb:.0f} "
            "MB after all photos.",
        ],
        lambda figure: bars(
            figure,
            [f"{clients} clients" for clients in CLIENTS],
            {name: [seconds[name, clients] for clients in CLIENTS] for name in NAMES},
            "seconds until all are answered",
        ),
    )


def _poster(url: str, content: bytes, status: int) -> Callable[[], None]:
    # The form is encoded only once, because the clients' own work is not measured.
    files = {"image": ("photo.jpg", content, "image/jpeg")}
    prepared = requests.Request("POST", url, files=files).prepare()
    body = prepared.body

    def post() -> None:
        with requests.Session() as http:
            request = prepared.copy()
            request.body = io.BytesIO(body)  # type: ignore[assignment,arg-type]
            answer = http.send(request, timeout=120)
        if answer.status_code != status:
            raise RuntimeError(f"{url} answered {answer.status_code}: {answer.text[:200]}")

    return post


def _post_all(post: Callable[[], None], clients: int) -> float:
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(post) for _ in range(clients)]:
            done.result()
    return time.perf_counter() - start
