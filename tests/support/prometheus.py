"""Debian's Prometheus, with the configuration that deploy/README.md shows."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

import requests

from dreamlab.settings import PROJECT
from support.api import wait_until
from support.needs import need
from support.processes import wait_for_port
from support.spaces import free_port

ALERTS = PROJECT / "deploy" / "alerts.yml"
TOKEN = "s3cret"


def need_prometheus() -> None:
    need(shutil.which("prometheus") is not None, "prometheus")
    need(shutil.which("promtool") is not None, "promtool")


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> List[Dict[str, Any]]:
        """Evaluate an expression now."""
        return list(self.get("query", query=expression)["result"])

    def value(self, expression: str) -> float:
        """Return the sum of what an expression finds, 0 if it finds nothing."""
        return sum(float(found["value"][1]) for found in self.query(expression))

    def alerts(self) -> List[Dict[str, Any]]:
        """Return the alerting rules with their states."""
        (group,) = self.get("rules", type="alert")["groups"]
        return list(group["rules"])

    def get(self, path: str, **query: str) -> Dict[str, Any]:
        answer = requests.get(f"{self._url}/api/v1/{path}", params=query, timeout=10)
        assert answer.json()["status"] == "success", answer.text
        data: Dict[str, Any] = answer.json()["data"]
        return data


@contextmanager
def prometheus_for(folder: Path, target: str) -> Iterator[Prometheus]:
    """Run a Prometheus that reads the metrics of `target`, a host and a port, once a second."""
    shutil.copy(ALERTS, folder)
    (folder / "prometheus.yml").write_text(_configuration(target))
    port = free_port()
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    try:
        wait_for_port(port, 30)
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: requests.get(f"{url}/-/ready", timeout=10).ok, 30)
        prometheus = Prometheus(url)
        assert wait_until(lambda: prometheus.value("up") == 1, 30)
        yield prometheus
    finally:
        process.terminate()
        process.wait()


def _configuration(target: str) -> str:
    guide = (PROJECT / "deploy" / "README.md").read_text("utf-8")
    shown = "scrape_configs:" + guide.split("\nscrape_configs:")[1].split("\n```")[0]
    changes = {
        '"127.0.0.1:5001", "127.0.0.1:5002"': f'"{target}"',
        "the METRICS_TOKEN": TOKEN,
        "job_name: dreamlab\n": "job_name: dreamlab\n    scrape_interval: 1s\n",
    }
    for named, real in changes.items():
        assert shown.count(named) == 1
        shown = shown.replace(named, real)
    return "global:\n  evaluation_interval: 1s\n" + shown
