"""Two front ends behind nginx are restarted one after the other, under load."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List
from typing import Counter as Counts

import pytest
import requests

from support.api import image_bytes, wait_until
from support.hosts import Cluster, FrontEnd
from support.http_api import HttpApi
from support.nginx import nginx_for

PHOTO = image_bytes()
CLIENTS = 4


@pytest.mark.usefixtures("gpu_machines")
def test_no_request_fails(cluster: Cluster, tmp_path: Path) -> None:
    # The generations of the first one are taken up by others, the second one waits for its own.
    front_ends = [
        FrontEnd(cluster, TRUSTED_PROXIES="1", SHUTDOWN_GRACE_S=grace_s)
        for grace_s in ("0.5", "30")
    ]
    ports = {5001: front_ends[0].port, 5002: front_ends[1].port}
    try:
        with nginx_for(tmp_path, ports) as url:
            restart_under_load(HttpApi(url), front_ends)
    finally:
        for each in front_ends:
            each.close()


def restart_under_load(nginx: HttpApi, front_ends: List[FrontEnd]) -> None:
    session_id = nginx.session()
    is_over = threading.Event()
    statuses: Counts[Any] = Counter()
    models: List[str] = []

    def generate() -> None:
        while not is_over.is_set():
            answer = nginx.post(session_id, PHOTO)
            statuses["POST", answer.status_code, answer.json().get("code")] += 1
            models.append(answer.json().get("model"))

    def look() -> None:
        while not is_over.is_set():
            for path in ("/api/health", f"/api/session_models/{session_id}", "/"):
                answer = requests.get(nginx.url + path, timeout=10)
                statuses["GET", answer.status_code, None] += 1
            time.sleep(0.02)

    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        clients = [pool.submit(generate) for _ in range(CLIENTS)]
        clients += [pool.submit(look) for _ in range(2)]
        assert wait_until(lambda: len(models) >= CLIENTS, 60)
        for front_end in front_ends:
            print(f"drained in {front_end.restart():.1f} s: {dict(statuses)}")
            seen = len(models)
            assert wait_until(lambda seen=seen: len(models) >= seen + CLIENTS, 60)  # type: ignore[misc]
        is_over.set()
        for client in clients:
            client.result()
    print(dict(statuses))
    assert {status for _, status, _ in statuses} == {200}
    # Nor was one made twice.
    assert sorted(nginx.models(session_id)) == sorted(models)
