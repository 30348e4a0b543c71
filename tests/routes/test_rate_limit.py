"""RATE_LIMIT: so many new sessions and generations of one client address."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from dreamlab.settings import InvalidSetting, load
from support.api import MakeClient, assert_error, image_bytes, list_models, post

NEW = "/api/generate_session_id"


def test_an_address_gets_so_many_sessions_and_generations(make_client: MakeClient) -> None:
    client = make_client(rate_limit="3 per hour")
    answers = [client.get(NEW) for _ in range(4)]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert_error(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600
    assert answers[-1].headers["Access-Control-Allow-Origin"] == "*"
    session_id = answers[0].json["session_id"]
    posts = [post(client, session_id, image_bytes()) for _ in range(4)]
    assert [each.status_code for each in posts[:3]] == [200, 200, 200]
    assert_error(posts[-1], 429, "rate_limited")
    assert "generation_id" not in posts[-1].json
    # Nothing else is limited.
    for path in ("/api/health", "/api/ready", "/openapi.json", f"/api/session_models/{session_id}"):
        assert {client.get(path).status_code for _ in range(6)} == {200}
    assert len(list_models(client, session_id)) == 3


FORWARDED: Dict[str, Any] = {
    # Without trusted proxies the header is the client's own.
    "untrusted": (0, ["1.1.1.1", "2.2.2.2"], [200, 429]),
    "trusted": (1, ["1.1.1.1", "2.2.2.2", "1.1.1.1"], [200, 200, 429]),
    # What the client sets stands before what the proxy adds.
    "forged": (1, ["9.9.9.9, 1.1.1.1", "8.8.8.8, 1.1.1.1"], [200, 429]),
    "two proxies": (2, ["1.1.1.1, 7.7.7.7", "9.9.9.9, 1.1.1.1, 7.7.7.7"], [200, 429]),
    "two proxies, two clients": (2, ["1.1.1.1, 7.7.7.7", "2.2.2.2, 7.7.7.7"], [200, 200]),
}


@pytest.mark.parametrize("case", FORWARDED.values(), ids=FORWARDED)
def test_an_address_behind_proxies_is_the_clients(make_client: MakeClient, case: Any) -> None:
    proxies, addresses, statuses = case
    client = make_client(rate_limit="1 per hour", trusted_proxies=proxies)
    answers = [client.get(NEW, headers={"X-Forwarded-For": each}) for each in addresses]
    assert [answer.status_code for answer in answers] == statuses


def test_a_limit_that_makes_no_sense_stops_the_start() -> None:
    with pytest.raises(InvalidSetting, match=r"^RATE_LIMIT must be a limit such as"):
        load({"RATE_LIMIT": "sixty an hour"})
