"""The metrics of a server, read as Prometheus reads them."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Tuple

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

Labels = FrozenSet[Tuple[str, str]]


class Scrape(NamedTuple):
    """One answer of /metrics."""

    families: List[Metric]
    text: str

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series with these labels, 0 if there are none."""
        return sum(
            value
            for found, value in self.series(name).items()
            if frozenset(labels.items()) <= found
        )

    def series(self, name: str) -> Dict[Labels, float]:
        """Return the values of a metric by their labels."""
        return {
            frozenset(sample.labels.items()): sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name
        }

    def label_names(self) -> Dict[str, List[str]]:
        """Return the names of the labels of each sample, without the bounds of buckets."""
        return {
            sample.name: sorted(set(sample.labels) - {"le"})
            for family in self.families
            for sample in family.samples
        }


def scrape(url: str, token: str = "") -> Scrape:
    """Read the metrics of the server at `url`, which may need a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(url + "/metrics", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return Scrape([*text_string_to_metric_families(answer.text)], answer.text)


def total(scrapes: Iterable[Scrape], name: str, **labels: str) -> float:
    """Return the sum of a metric over several hosts."""
    return sum(each.value(name, **labels) for each in scrapes)
