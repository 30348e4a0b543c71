"""What reverse proxies in front say of the API's own URL, which model_url begins with."""

from __future__ import annotations

import sys
from typing import Dict, Mapping, Tuple

import pytest
from flask.testing import FlaskClient

from support.api import MakeClient, session_with_models

PROTO, NAME, PREFIX = (f"X-Forwarded-{word}" for word in ("Proto", "Host", "Prefix"))
Headers = Mapping[str, str]


def root(client: FlaskClient, headers: Headers) -> str:
    """Return what `model_url` begins with for a request with these headers."""
    session_id = session_with_models(client)
    url = f"/api/sessions/{session_id}/models"
    (model,) = client.get(url, base_url="http://inner.example", headers=headers).json["models"]
    found, path, name = model["model_url"].partition(f"/sessions/{session_id}/models/")
    assert path and name == "chair.glb"
    return str(found)


ALL = {
    PROTO: "https",
    NAME: "shop.example",
    "X-Forwarded-For": "203.0.113.7",
}
# Proxies, headers, and the root that they give.
CASES: Dict[str, Tuple[int, Headers, str]] = {
    "no proxy": (0, {**ALL, PREFIX: "/x"}, "http://inner.example"),
    "one proxy": (1, ALL, "https://shop.example"),
    "one proxy, no value": (1, {}, "http://inner.example"),
    "one proxy, empty values": (1, {PROTO: "", NAME: "", PREFIX: ""}, "http://inner.example"),
    "one proxy, the client's own before": (
        1,
        {PROTO: "ftp, https", NAME: "evil.example, shop.example", PREFIX: "/evil, /3d"},
        "https://shop.example/3d",
    ),
    "two proxies, of which the inner one passes on": (2, ALL, "https://shop.example"),
    "only the scheme": (1, {PROTO: "https"}, "https://inner.example"),
    "only the name": (1, {NAME: "shop.example"}, "http://shop.example"),
    "a name with a port": (1, {NAME: "shop.example:8080"}, "http://shop.example:8080"),
    "an IPv6 address": (1, {NAME: "[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080"),
    "a prefix": (1, {**ALL, PREFIX: "/3d"}, "https://shop.example/3d"),
    "a prefix that is a slash": (1, {**ALL, PREFIX: "/"}, "https://shop.example"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_trusted_proxies_say_counts(make_client: MakeClient, name: str) -> None:
    proxies, headers, expected = CASES[name]
    assert root(make_client(trusted_proxies=proxies), headers) == expected


STRANGE = (",", ",,,", '"', '"a, b', "a:b:c", "[", "]", ":", "a:99999", "\xff", "a\tb", "x" * 5000)


@pytest.mark.parametrize("proxies", (1, 2))
@pytest.mark.parametrize("header", (PROTO, NAME, "X-Forwarded-For"))
def test_a_strange_value_is_no_defect(make_client: MakeClient, proxies: int, header: str) -> None:
    if header == NAME and sys.version_info < (3, 9):
        pytest.skip("Werkzeug 3.0, the last one for Python 3.8, raises for a host that is none")
    client = make_client(trusted_proxies=proxies)
    session_id = session_with_models(client)
    for value in STRANGE:
        answer = client.get(f"/api/sessions/{session_id}/models", headers={header: value})
        assert answer.status_code in (200, 400), value[:8]
        assert answer.mimetype == "application/json"
