"""The dashboard and the alerts of deploy/, with a real Prometheus."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import gradio as gr
import pytest
import requests

from dreamlab.settings import PROJECT
from support import solids
from support.api import image_bytes, wait_until
from support.processes import Server
from support.prometheus import ALERTS, TOKEN, Prometheus, need_prometheus, prometheus_for
from support.spaces import answer, space

DASHBOARD = json.loads((PROJECT / "deploy" / "grafana.json").read_text("utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
NAMES = [
    "DreamLabDown",
    "DreamLabGenerationsFail",
    "DreamLabFull",
    "DreamLabQueueSlow",
    "DreamLabServerErrors",
]
FAILS = "1"


class Watched(NamedTuple):
    server: Server
    prometheus: Prometheus


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server with two rounds of requests, and a Prometheus that has seen both."""
    need_prometheus()
    folder = tmp_path_factory.mktemp("watched")
    mesh = folder / "white_mesh.glb"
    mesh.write_bytes(solids.ellipsoid(is_textured=False))

    def shape(image=None, seed=0):  # type: ignore[no-untyped-def]
        if seed == int(FAILS):
            raise gr.Error("no legs")
        return answer(mesh)

    with space(shape) as url:
        server = Server(folder, HUNYUAN_SPACE_ID=url, METRICS_TOKEN=TOKEN)
        try:
            with prometheus_for(folder, server.url.split("://")[1]) as prometheus:
                for number in (1, 2):
                    use(server)
                    conversions = 'dreamlab_conversions_total{form="stl"}'
                    assert wait_until(lambda: prometheus.value(conversions) == number)  # noqa: B023
                yield Watched(server, prometheus)
        finally:
            server.kill()


def use(server: Server) -> None:
    """Make each kind of request that the dashboard shows."""
    session_id = server.session()
    assert server.post(session_id, image_bytes()).status_code == 200
    assert server.post(session_id, image_bytes(), seed=FAILS).status_code == 502
    assert requests.get(server.url + "/nowhere").status_code == 404
    # The last one, which Prometheus sees after all others.
    assert server.download(session_id, "chair.stl")


def test_each_expression_of_the_dashboard_has_data(watched: Watched) -> None:
    for expression in EXPRESSIONS:
        found = watched.prometheus.query(expression.replace("$__rate_interval", "1m"))
        values = [float(series["value"][1]) for series in found]
        # A quotient of nothing is no number.
        assert values and all(value >= 0 for value in values), expression
        assert sum(values) > 0 or "in_flight" in expression


def test_the_dashboard_shows_every_metric(watched: Watched) -> None:
    shown = " ".join(EXPRESSIONS)
    families = watched.prometheus.get("metadata")
    ours = [name for name in families if name.startswith("dreamlab_")]
    assert len(ours) == 9
    assert all(family[0]["help"] for family in families.values())
    assert [name for name in ours if name not in shown] == []


def test_prometheus_evaluates_the_alerts(watched: Watched) -> None:
    # Half of the generations have failed, but not for five minutes yet.
    failing = {"DreamLabGenerationsFail": "pending"}
    expected = {**dict.fromkeys(NAMES, "inactive"), **failing}

    def states() -> Dict[str, str]:
        rules = watched.prometheus.alerts()
        assert all(rule["health"] in ("ok", "unknown") for rule in rules)
        return {rule["name"]: rule["state"] for rule in rules}

    assert wait_until(lambda: states() == expected), states()


def series(name: str, **labels: str) -> str:
    """Return a time series as promtool takes it."""
    pairs = {**labels, "job": "dreamlab", "instance": "a"}.items()
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in pairs) + "}"


UP = series("up")
FAILED = series("dreamlab_generations_total", outcome="generation_failed")
IN_FLIGHT = series("dreamlab_generations_in_flight")
WITHIN_300_S = series("dreamlab_queue_seconds_bucket", le="300")
FULL_DISK = series("dreamlab_http_requests_total", status="507")
# The values of each minute.
HEALTHY = {
    UP: "1x60",
    series("dreamlab_generations_total", outcome="ok"): "0+10x60",
    series("dreamlab_generations_total", outcome="generation_cancelled"): "0+90x60",
    FAILED: "0+1x60",
    IN_FLIGHT: "31x60",
    series("dreamlab_generations_capacity"): "32x60",
    WITHIN_300_S: "0+95x60",
    series("dreamlab_queue_seconds_bucket", le="600"): "0+100x60",
    series("dreamlab_queue_seconds_bucket", le="+Inf"): "0+100x60",
    series("dreamlab_http_requests_total", status="503"): "0+100x60",
    series("dreamlab_http_requests_total", status="500"): "7x60",
}
RAISING = {
    "DreamLabDown": {UP: "0x60"},
    "DreamLabGenerationsFail": {FAILED: "0+30x60"},
    "DreamLabFull": {IN_FLIGHT: "32x60"},
    "DreamLabQueueSlow": {WITHIN_300_S: "0+50x60"},
    # The first one ever, ten minutes ago.
    "DreamLabServerErrors": {FULL_DISK: "_x50 1x10"},
}


@pytest.mark.parametrize("raised", [None, *NAMES])
def test_an_alert_is_raised_by_what_it_is_for_and_by_nothing_else(
    tmp_path: Path, raised: Any
) -> None:
    need_prometheus()
    values = {**HEALTHY, **RAISING.get(raised, {})}
    cases: List[Dict[str, Any]] = [
        {"eval_time": "1h", "alertname": name, "exp_alerts": []} for name in NAMES
    ]
    rules: Dict[str, Any] = {
        "rule_files": [str(ALERTS)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": each, "values": values[each]} for each in values],
                "alert_rule_test": cases,
            }
        ],
    }
    path = tmp_path / "test.yml"
    # JSON is YAML too.
    path.write_text(json.dumps(rules))
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) == (raised is None), output
    assert [name for name in NAMES if f"alertname: {name}" in output] == [raised] * bool(raised)
