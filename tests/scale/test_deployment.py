"""The README's deployment: nginx in front of two front ends, two workers behind them."""

from __future__ import annotations

from typing import Iterator, List

import pytest
import requests

from support.api import picture
from support.hosts import Box, Cluster, FrontEnd, start_boxes
from support.nginx import nginx_for

pytestmark = pytest.mark.scale
PHOTO = picture()


@pytest.fixture(scope="module")
def front_ends(cluster: Cluster) -> Iterator[List[FrontEnd]]:
    boxes: List[Box] = start_boxes(cluster, 0, "first", "second")
    front_ends = [FrontEnd(cluster, TRUSTED_PROXIES="1") for _ in range(2)]
    yield front_ends
    for front_end in front_ends:
        front_end.close()
    for box in boxes:
        box.close()


@pytest.fixture(scope="module")
def nginx(front_ends: List[FrontEnd], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    ports = {5001: front_ends[0].port, 5002: front_ends[1].port}
    with nginx_for(tmp_path_factory.mktemp("nginx"), ports) as url:
        yield url


def test_a_journey_through_nginx(nginx: str) -> None:
    session_id = requests.get(nginx + "/api/generate_session_id").json()["session_id"]
    url = f"{nginx}/api/process_furniture_image/{session_id}"
    # Round and round: each step may be answered by another front end.
    for number in range(1, 5):
        made = requests.post(url, files={"image": ("chair.png", PHOTO)}, timeout=60).json()
        assert made["model"] == f"chair{f'-{number}' if number > 1 else ''}.glb"
        assert made["model_url"] == f"{nginx}/sessions/{session_id}/models/{made['model']}"
        assert requests.get(made["model_url"]).content[:4] == b"glTF"
    listed = requests.get(f"{nginx}/api/session_models/{session_id}").json()["models"]
    assert len(listed) == 4


def test_progress_comes_through_nginx_as_it_is_made(nginx: str) -> None:
    session_id = requests.get(nginx + "/api/generate_session_id").json()["session_id"]
    with requests.post(
        f"{nginx}/api/process_furniture_image/{session_id}",
        files={"image": ("chair.png", PHOTO)},
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=60,
    ) as answer:
        chunks = [chunk for chunk in answer.iter_content(None) if chunk]
    assert len(chunks) > 1, "not buffered"
    assert b"event: complete" in chunks[-1]


def test_too_much_is_refused_in_the_api_s_words(nginx: str) -> None:
    session_id = requests.get(nginx + "/api/generate_session_id").json()["session_id"]
    url = f"{nginx}/api/process_furniture_image/{session_id}"
    large = requests.post(url, files={"image": ("large.png", bytes(21 << 20))}, timeout=60)
    assert (large.status_code, large.json()["code"]) == (413, "upload_too_large")


def test_a_front_end_that_is_gone_is_not_missed(nginx: str, front_ends: List[FrontEnd]) -> None:
    front_ends[0].close()
    for _ in range(6):
        assert requests.get(nginx + "/api/health", timeout=10).status_code == 200
