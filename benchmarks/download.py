"""Downloads of a 30 MB GLB from our server, from nginx, and with SENDFILE: throughput, memory."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import Any, Dict, List, Tuple

from benchmarks import resident, servers
from benchmarks.report import Report, bars

CLIENTS = (1, 16)
SECONDS = 1
ROUNDS = 3
NAMES = ("nginx, the file itself", "ours", "ours behind nginx", "ours behind nginx, SENDFILE")


def measure() -> Report:
    """Measure all servers with wrk, one after the other in each round."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        plain = stack.enter_context(servers.ours(folder))
        prefix = {"SENDFILE": "/internal-models/"}
        with_sendfile = stack.enter_context(servers.ours(folder, **prefix))
        proxy = stack.enter_context(servers.nginx(folder / "a", plain.sessions, plain.url))
        sendfile_proxy = stack.enter_context(
            servers.nginx(folder / "b", plain.sessions, with_sendfile.url)
        )
        session_id = servers.session(plain.url)
        path = f"{session_id}/models/chair.glb"
        servers.glb_file(plain.sessions / path, 30)
        urls = (
            f"{proxy}/file/{path}",
            f"{plain.url}/sessions/{path}",
            f"{proxy}/sessions/{path}",
            f"{sendfile_proxy}/sessions/{path}",
        )
        before_mb = plain.resident_mb()
        resident.reset_peak(plain.process.pid)
        found: Dict[Tuple[str, int], List[float]] = {}
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for name, url in zip(NAMES, urls):
                    load = servers.wrk(url, clients, SECONDS)
                    found.setdefault((name, clients), []).append(load.megabytes_per_s)
        peak_mb = plain.peak_mb()
    speed = {key: statistics.median(values) for key, values in found.items()}
    head = [f"{clients} client{'s' * (clients > 1)}, MB/s | of nginx" for clients in CLIENTS]
    table: List[List[Any]] = [["", *(cell for part in head for cell in part.split(" | "))]]
    for name in NAMES:
        row: List[str] = [name]
        for clients in CLIENTS:
            ratio = speed[name, clients] / speed[NAMES[0], clients]
            row += [f"{speed[name, clients]:.0f}", f"**{ratio:.2f}**"]
        table.append(row)
    return Report(
        [table],
        [
            f"Measured with wrk: medians of {ROUNDS} rounds of {SECONDS} s. wrk, nginx and our "
            "server share the machine's cores.",
            f"Resident memory of our server: {before_mb:.0f} MB before, {peak_mb:.0f} MB at the "
            "peak.",
        ],
        lambda figure: bars(
            figure,
            [f"{clients} clients" for clients in CLIENTS],
            {name: [speed[name, clients] for clients in CLIENTS] for name in NAMES},
            "MB/s",
        ),
    )
