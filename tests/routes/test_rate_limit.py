"""RATE_LIMIT: so many new sessions and generations of one client address."""

from __future__ import annotations

from typing import Any, Dict

import pytest
import requests

from support.api import image_bytes
from support.processes import Server, StartServer, run_app


def new_session(server: Server, **headers: str) -> requests.Response:
    url = server.url + "/api/generate_session_id"
    return requests.get(url, headers=headers, timeout=10)


def test_an_address_gets_so_many_sessions_and_generations(
    start_server: StartServer, quick_space: str
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space, RATE_LIMIT="3 per hour")
    answers = [new_session(server) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600
    assert answers[-1].headers["Access-Control-Allow-Origin"] == "*"
    session_id = answers[0].json()["session_id"]
    posts = [server.post(session_id, image_bytes()) for _ in range(4)]
    assert [post.status_code for post in posts] == [200, 200, 200, 429]
    assert posts[-1].json()["code"] == "rate_limited"
    assert "generation_id" not in posts[-1].json()
    # Nothing else is limited.
    for path in ("/api/health", "/api/ready", "/openapi.json", f"/api/session_models/{session_id}"):
        assert {requests.get(server.url + path, timeout=10).status_code for _ in range(6)} == {200}
    assert len(server.models(session_id)) == 3


FORWARDED: Dict[str, Any] = {
    # Without trusted proxies the header is the client's own.
    "untrusted": ("0", ["1.1.1.1", "2.2.2.2"], [200, 429]),
    "trusted": ("1", ["1.1.1.1", "2.2.2.2", "1.1.1.1"], [200, 200, 429]),
    # What the client sets stands before what the proxy adds.
    "forged": ("1", ["9.9.9.9, 1.1.1.1", "8.8.8.8, 1.1.1.1"], [200, 429]),
}


@pytest.mark.parametrize("case", FORWARDED.values(), ids=FORWARDED)
def test_an_address_behind_proxies_is_the_clients(
    start_server: StartServer, quick_space: str, case: Any
) -> None:
    proxies, addresses, statuses = case
    server = start_server(
        HUNYUAN_SPACE_ID=quick_space, RATE_LIMIT="1 per hour", TRUSTED_PROXIES=proxies
    )
    answers = [new_session(server, **{"X-Forwarded-For": each}) for each in addresses]
    assert [answer.status_code for answer in answers] == statuses


def test_a_limit_that_makes_no_sense_stops_the_start() -> None:
    done = run_app(RATE_LIMIT="sixty an hour")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("RATE_LIMIT must be a limit such as")
