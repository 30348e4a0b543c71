"""The deployment of deploy/README.md: nginx, two front ends, two workers."""

from __future__ import annotations

from typing import Iterator, List

import pytest
import requests

from support.api import image_bytes
from support.hosts import Cluster, FrontEnd, start_front_ends
from support.http_api import HttpApi
from support.nginx import nginx_for

PHOTO = image_bytes()


@pytest.fixture(scope="module")
def nginx(
    shared_front_ends: List[FrontEnd], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HttpApi]:
    ports = {5001: shared_front_ends[0].port, 5002: shared_front_ends[1].port}
    with nginx_for(tmp_path_factory.mktemp("nginx"), ports) as url:
        yield HttpApi(url)


@pytest.mark.usefixtures("gpu_machines", "front_ends")
def test_generations_through_nginx(nginx: HttpApi) -> None:
    session_id = nginx.session()
    # nginx uses the front ends in turn.
    for number in range(1, 5):
        answer = nginx.post(session_id, PHOTO, caption="0").json()
        assert answer["model"] == f"chair{f'-{number}' if number > 1 else ''}.glb"
        model_url = f"{nginx.url}/sessions/{session_id}/models/{answer['model']}"
        assert answer["model_url"] == model_url
        assert requests.get(model_url).content[:4] == b"glTF"
    assert len(nginx.models(session_id)) == 4


@pytest.mark.usefixtures("gpu_machines", "front_ends")
def test_nginx_does_not_buffer_progress_events(nginx: HttpApi) -> None:
    session_id = nginx.session()
    with nginx.start_stream(session_id, PHOTO) as answer:
        chunks = [chunk for chunk in answer.iter_content(None) if chunk]
    assert len(chunks) > 1
    assert b"event: complete" in chunks[-1]


@pytest.mark.usefixtures("front_ends")
def test_nginx_refuses_large_uploads_with_the_error_of_the_api(nginx: HttpApi) -> None:
    session_id = nginx.session()
    large = nginx.post(session_id, bytes(41 << 20), "large.png")
    assert (large.status_code, large.json()["code"]) == (413, "upload_too_large")


def test_a_front_end_can_be_lost(nginx: HttpApi, front_ends: List[FrontEnd]) -> None:
    front_ends[0].close()
    for _ in range(6):
        assert requests.get(nginx.url + "/api/health", timeout=10).status_code == 200


def test_redis_counts_the_rate_limit_for_all_front_ends(cluster: Cluster) -> None:
    front_ends = start_front_ends(cluster, 2, processes=1, RATE_LIMIT="3 per hour")
    first, second = (front_end.url + "/api/generate_session_id" for front_end in front_ends)
    try:
        answers = [requests.get(url, timeout=10) for url in (first, second, first, second, first)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        # Then each process counts by itself.
        cluster.redis.kill()
        assert requests.get(second, timeout=10).status_code == 200
    finally:
        cluster.redis.start()
        for front_end in front_ends:
            front_end.close()
