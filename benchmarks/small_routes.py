"""Session creation, listing and health check, compared with an empty Flask route."""

from __future__ import annotations

import statistics
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Tuple

from benchmarks import servers
from benchmarks.report import Report

CLIENTS = 4
SECONDS = 1
ROUNDS = 3
SESSIONS = (10, 1_000, 100_000)
MODELS = (1, 100, 10_000)


def measure(sessions: Tuple[int, ...] = SESSIONS, models: Tuple[int, ...] = MODELS) -> Report:
    """Measure the routes with wrk, then listings with more and more sessions and models."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        server = stack.enter_context(servers.ours(folder))
        bare = stack.enter_context(servers.ours(folder / "bare", "benchmarks.bare_app"))
        empty = bare.url + "/"
        session_id = servers.session(server.url)
        listing = f"{server.url}/api/session_models/{session_id}"
        routes = {
            "an empty Flask route": empty,
            "listing": listing,
            "health": server.url + "/api/health",
            "session creation": server.url + "/api/generate_session_id",
        }
        by_route = _measure_interleaved(routes)
        by_sessions = []
        for count in sessions:
            _grow_store(server.sessions, count)
            by_sessions.append(_measure_interleaved({"empty": empty, "listing": listing}))
        by_models = []
        for count in models:
            _grow_session(server.sessions / session_id / "models", count)
            by_models.append(_measure_interleaved({"empty": empty, "listing": listing}))
    slope_us = (_ms(by_models[-1]) - _ms(by_models[0])) / (models[-1] - models[0]) * 1000
    return Report(
        [
            _route_table(by_route),
            _growth_table("sessions in the store", sessions, by_sessions),
            _growth_table("models in the session", models, by_models),
        ],
        [
            f"Measured with wrk: {CLIENTS} connections, medians of {ROUNDS} rounds of {SECONDS} s. "
            "Each round has all routes. The empty route is plain Flask without CORS and log.",
            f"Each further model makes a listing {slope_us:.2f} µs slower. Aims: 0.7 of the empty "
            "route; independent of the number of sessions; linear in the number of models.",
        ],
        lambda figure: _draw(figure, by_route, (sessions, by_sessions), (models, by_models)),
    )


Round = Dict[str, servers.Load]


def _measure_interleaved(routes: Dict[str, str]) -> Round:
    """Return the median of each number over the rounds, by route."""
    loads: Dict[str, List[servers.Load]] = {name: [] for name in routes}
    for _ in range(ROUNDS):
        for name, url in routes.items():
            loads[name].append(servers.wrk(url, CLIENTS, SECONDS))
    return {
        name: servers.Load(*(statistics.median(column) for column in zip(*found)))
        for name, found in loads.items()
    }


def _grow_store(root: Path, count: int) -> None:
    """Add empty folders until the store has `count` sessions."""
    for _ in range(count - sum(1 for entry in root.iterdir())):
        (root / str(uuid.uuid4())).mkdir()


def _grow_session(folder: Path, count: int) -> None:
    for number in range(sum(1 for _ in folder.iterdir()), count):
        (folder / f"chair-{number + 1}.glb").write_bytes(b"glTF")


def _ms(found: Round) -> float:
    """Return the milliseconds of server time per listing, with those of an empty request."""
    return 1000 / found["listing"].requests_per_s


def _route_table(found: Round) -> List[List[Any]]:
    base = found["an empty Flask route"].requests_per_s
    table: List[List[Any]] = [["", "requests/s", "p50, ms", "p99, ms", "of the empty route"]]
    for name, load in found.items():
        ratio = f"**{load.requests_per_s / base:.2f}**"
        row = (f"{load.requests_per_s:.0f}", f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}", ratio)
        table.append([name, *row])
    return table


def _growth_table(what: str, counts: Tuple[int, ...], rounds: List[Round]) -> List[List[Any]]:
    table: List[List[Any]] = [[what, "listings/s", "p50, ms", "p99, ms", "of the empty route"]]
    for count, found in zip(counts, rounds):
        load = found["listing"]
        ratio = load.requests_per_s / found["empty"].requests_per_s
        row = (f"{load.requests_per_s:.0f}", f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}")
        table.append([f"{count:,}", *row, f"{ratio:.3f}"])
    return table


def _draw(figure: Any, first: Round, *grown: Tuple[Tuple[int, ...], List[Round]]) -> None:
    left, middle, right = figure.subplots(1, 3)
    left.bar(range(len(first)), [load.requests_per_s for load in first.values()])
    left.set_xticks(range(len(first)), [name.replace(" ", "\n") for name in first])
    left.set_ylabel("requests/s")
    for axes, (counts, rounds), what in zip((middle, right), grown, ("sessions", "models")):
        axes.loglog(counts, [_ms(found) for found in rounds], "o-")
        axes.set_ylim(bottom=0.1)
        axes.set_xlabel(f"{what} (logarithmic)")
        axes.set_ylabel("ms a listing")
