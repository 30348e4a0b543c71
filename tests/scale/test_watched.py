"""The metrics and the log of front ends with more than one process, and of a worker."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Dict, Iterable, List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.brokers import process_tree
from support.hosts import FrontEnd, GpuMachine, Load
from support.scrapes import Scrape, scrape, total

PHOTO = image_bytes()
GENERATIONS = "dreamlab_generations_total"
IN_FLIGHT = "dreamlab_generations_in_flight"


def scrapes(front_ends: Iterable[FrontEnd]) -> List[Scrape]:
    return [scrape(front_end.url) for front_end in front_ends]


@pytest.fixture(autouse=True)
def nothing_in_flight(front_ends: List[FrontEnd]) -> None:
    """Wait until the front ends know the ends of what earlier tests have started."""
    assert wait_until(lambda: total(scrapes(front_ends), IN_FLIGHT) == 0, 40)


def json_lines(lines: Iterable[str]) -> List[Dict[str, Any]]:
    # Celery warns of root before it asks how to log.
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_scrape_has_the_numbers_of_all_processes_of_its_host(
    front_ends: List[FrontEnd], gpu_machines: List[GpuMachine]
) -> None:
    front_end = front_ends[0]
    before = scrapes(front_ends)
    load = Load([front_end], front_end.session(), PHOTO, 6)
    assert wait_until(lambda: scrape(front_end.url).value(IN_FLIGHT) == 6)
    # Either process answers a scrape.
    assert {scrape(front_end.url).value(IN_FLIGHT) for _ in range(10)} == {6}
    assert load.statuses() == {200: 6}
    for found in [scrape(front_end.url) for _ in range(10)]:

        def more(name: str, after: Scrape = found, **labels: str) -> float:
            return after.value(name, **labels) - before[0].value(name, **labels)

        of_each = [more(GENERATIONS, outcome="ok", engine=each.engine) for each in gpu_machines]
        assert sum(of_each) == 6 and min(of_each) > 0
        assert found.value("dreamlab_generations_capacity") == 2 * 32
        assert more("dreamlab_uploads_bytes_total") == 6 * len(PHOTO)
        assert found.value(IN_FLIGHT) == 0
        assert 6 < more("dreamlab_generation_seconds_sum") < 6 * 30
        assert 1 < more("dreamlab_queue_seconds_sum") < more("dreamlab_generation_seconds_sum")
        assert all("Multiprocess" not in family.documentation for family in found.families)
    assert scrape(front_ends[1].url).value(GENERATIONS) == before[1].value(GENERATIONS)


@pytest.mark.usefixtures("gpu_machines")
def test_a_generation_is_counted_once_wherever_its_end_is_heard(front_ends: List[FrontEnd]) -> None:
    before = total(scrapes(front_ends), GENERATIONS)
    cancelled = total(scrapes(front_ends), GENERATIONS, outcome="generation_cancelled")
    session_id = front_ends[0].session()
    stream = front_ends[0].start_stream(session_id, PHOTO, caption="5")
    generations = f"{front_ends[1].url}/api/sessions/{session_id}/generations"
    (found,) = requests.get(generations).json()["generations"]
    url = f"{generations}/{found['generation_id']}"
    followed = requests.get(url, headers={"Accept": "text/event-stream"}, stream=True)
    assert requests.delete(url).status_code == 202
    for each in (stream, followed):
        assert "generation_cancelled" in each.text
    assert wait_until(lambda: total(scrapes(front_ends), IN_FLIGHT) == 0)
    after = total(scrapes(front_ends), GENERATIONS, outcome="generation_cancelled")
    assert after - cancelled == 1
    assert total(scrapes(front_ends), GENERATIONS) - before == 1


@pytest.mark.usefixtures("gpu_machines")
def test_a_killed_process_has_nothing_in_flight_and_its_counts_stay(front_end: FrontEnd) -> None:
    before = scrape(front_end.url).value(GENERATIONS, outcome="ok")
    session_id = front_end.session()
    assert front_end.post(session_id, PHOTO).status_code == 200
    load = Load([front_end], session_id, PHOTO, 8)
    assert wait_until(lambda: scrape(front_end.url).value(IN_FLIGHT) == 8)
    for process in process_tree(front_end.process.pid)[1:]:
        os.kill(process, signal.SIGKILL)
    with pytest.raises(requests.RequestException):
        load.answers()

    def has_started_again() -> bool:
        try:
            return scrape(front_end.url).value("dreamlab_generations_capacity") == 2 * 32
        except requests.RequestException:
            return False

    assert wait_until(has_started_again)
    found = scrape(front_end.url)
    assert found.value(IN_FLIGHT) == 0
    assert found.value(GENERATIONS, outcome="ok") == before + 1
    front_end.close()
    front_end.start()
    assert scrape(front_end.url).value(GENERATIONS) == 0


def test_all_lines_of_a_request_and_its_generation_have_its_id(
    front_end: FrontEnd, gpu_machines: List[GpuMachine], front_end_log: Path
) -> None:
    session_id = front_end.session()
    answer = requests.post(
        front_end.upload_url(session_id),
        files={"image": ("my-room.jpg", PHOTO)},
        headers={"X-Request-Id": "my-request"},
    )
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (200, "my-request")
    lines = [json.loads(line) for line in front_end_log.read_text("utf-8").splitlines()]
    (request,) = [line for line in lines if line["request_id"] == "my-request"]
    assert (request["method"], request["status"]) == ("POST", 200)

    def of_worker() -> List[Dict[str, Any]]:
        lines = json_lines(line for each in gpu_machines for line in each.log)
        return [line for line in lines if line["request_id"] == "my-request"]

    # Our own line, then Celery's.
    assert wait_until(lambda: len(of_worker()) == 2)
    generation, task = of_worker()
    assert (generation["outcome"], generation["engine"]) == ("ok", answer.json()["engine"])
    assert generation["session"] == session_id[:8]
    assert "succeeded" in task["message"]
    assert not any("127.0.0.1 -" in line["message"] for line in lines)
    for text in (front_end_log.read_text("utf-8"), *("".join(each.log) for each in gpu_machines)):
        assert session_id not in text
