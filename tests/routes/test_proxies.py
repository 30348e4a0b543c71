"""What reverse proxies in front say of the API's own URL, which model_url begins with."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Dict, Iterator, List, Mapping, Tuple

import pytest
import requests

from support.api import image_bytes
from support.forms import FORM, part
from support.processes import Server
from support.spaces import timed_space

HOST = "inner.example"
PROTO, NAME, PORT, PREFIX = (f"X-Forwarded-{word}" for word in ("Proto", "Host", "Port", "Prefix"))
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[List[Server]]:
    """Servers behind 0, 1, 2 and 3 trusted proxies."""
    with timed_space(0) as url, ExitStack() as ends:
        servers = []
        for count in range(4):
            folder = tmp_path_factory.mktemp("behind")
            servers.append(Server(folder, HUNYUAN_SPACE_ID=url, TRUSTED_PROXIES=str(count)))
            ends.callback(servers[-1].kill)
        yield servers


def root(server: Server, headers: Headers) -> str:
    """Return what `model_url` begins with for a request with these headers."""
    session_id = server.session()
    answer = requests.post(
        server.upload_url(session_id),
        files={"image": ("chair.png", image_bytes())},
        headers={"Host": HOST, **headers},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    url, found, name = answer.json()["model_url"].partition(f"/sessions/{session_id}/models/")
    assert (found, name) != ("", "") and name == "chair.glb"
    return str(url)


ALL = {
    PROTO: "https",
    NAME: "shop.example",
    "X-Forwarded-For": "203.0.113.7",
}
# Proxies, headers, and the root that they give.
CASES: Dict[str, Tuple[int, Headers, str]] = {
    "no proxy, one value": (0, {**ALL, PORT: "8443", PREFIX: "/x"}, "http://inner.example"),
    "one proxy, one value": (1, ALL, "https://shop.example"),
    "two proxies, one value": (2, ALL, "https://shop.example"),
    "three proxies, one value": (3, ALL, "https://shop.example"),
    "one proxy, no value": (1, {}, "http://inner.example"),
    "two proxies, no value": (2, {}, "http://inner.example"),
    "two proxies, empty values": (2, {PROTO: "", NAME: "", PORT: ""}, "http://inner.example"),
    "two proxies, two values": (
        2,
        {PROTO: "https, http", NAME: "shop.example, inner"},
        "https://shop.example",
    ),
    "three proxies, two values": (
        3,
        {PROTO: "https, http", NAME: "shop.example,inner"},
        "https://shop.example",
    ),
    "three proxies, three values": (
        3,
        {PROTO: "https, http, http", NAME: "shop.example, b, c"},
        "https://shop.example",
    ),
    "one proxy, the client's own before": (
        1,
        {PROTO: "ftp, https", NAME: "evil.example, shop.example"},
        "https://shop.example",
    ),
    "two proxies, the client's own before": (
        2,
        {PROTO: "ftp, https, http", NAME: "evil.example, shop.example, inner"},
        "https://shop.example",
    ),
    "two proxies, two of the client's own before": (
        2,
        {PROTO: "ftp, ftp, https, http", NAME: "evil.example, evil2, shop.example, inner"},
        "https://shop.example",
    ),
    "three proxies, the client's own before": (
        3,
        {PROTO: "ftp,https,http,http", NAME: "evil.example,shop.example,b,c"},
        "https://shop.example",
    ),
    "each header its own number": (
        2,
        {PROTO: "https", NAME: "evil.example, shop.example, inner", PREFIX: "/api3d, /"},
        "https://shop.example/api3d",
    ),
    "one name, two schemes": (2, {PROTO: "https, http", NAME: "shop.example"}, "https://shop.example"),
    "only the scheme": (2, {PROTO: "https"}, "https://inner.example"),
    "only the name": (2, {NAME: "shop.example"}, "http://shop.example"),
    "a name with a port": (2, {NAME: "shop.example:8080"}, "http://shop.example:8080"),
    "an IPv6 address": (2, {NAME: "[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080"),
    "one port": (2, {**ALL, PORT: "8443"}, "https://shop.example:8443"),
    "the usual port": (2, {**ALL, PORT: "443"}, "https://shop.example"),
    "two ports": (2, {**ALL, PORT: "8443, 80"}, "https://shop.example:8443"),
    "a port of the client's own": (2, {**ALL, PORT: "1, 8443, 80"}, "https://shop.example:8443"),
    "three proxies, two ports": (3, {**ALL, PORT: "8443, 80"}, "https://shop.example:8443"),
    "one prefix": (2, {**ALL, PREFIX: "/3d"}, "https://shop.example/3d"),
    "a prefix without a slash": (2, {**ALL, PREFIX: ".evil"}, "https://shop.example/.evil"),
    "a prefix that is a slash": (2, {**ALL, PREFIX: "/"}, "https://shop.example"),
    "a prefix of the client's own": (
        2,
        {**ALL, PREFIX: "/evil, /3d, /inner"},
        "https://shop.example/3d",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_trusted_proxies_say_counts(behind: List[Server], name: str) -> None:
    proxies, headers, expected = CASES[name]
    assert root(behind[proxies], headers) == expected


@pytest.mark.parametrize("proxies", (1, 2, 3))
@pytest.mark.parametrize("own", (1, 2, 5))
def test_a_client_in_front_of_all_proxies_has_no_say(
    behind: List[Server], proxies: int, own: int
) -> None:
    values = {PROTO: ("ftp", "https"), NAME: ("evil.example", "shop.example"), PORT: ("1", "8443")}
    headers = {
        header: ", ".join([client] * own + [proxy] + ["x", "y"][: proxies - 1])
        for header, (client, proxy) in values.items()
    }
    assert root(behind[proxies], headers) == "https://shop.example:8443"


def test_a_header_in_several_lines_is_one_list(behind: List[Server]) -> None:
    connection = HTTPConnection(behind[2].url.partition("//")[2], timeout=60)
    connection.putrequest("POST", f"/api/process_furniture_image/{behind[2].session()}")
    body = part('name="image"') + b"--x--"
    lines = [(NAME, "evil.example"), (NAME, "shop.example"), (NAME, "inner"), (PROTO, "https")]
    for name, value in [*lines, ("Content-Type", FORM), ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = json.load(connection.getresponse())
    connection.close()
    assert answer["model_url"].startswith("https://shop.example/sessions/")


STRANGE = (",", ",,,", '"', '"a, b', "a:b:c", "[", "]", ":", "a:99999", "\xff", "a\tb", "x" * 5000)


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: repr(value[:8]))
@pytest.mark.parametrize("proxies", (1, 2))
@pytest.mark.parametrize("header", (PROTO, NAME, PORT, PREFIX, "X-Forwarded-For"))
def test_a_strange_value_is_no_defect(
    behind: List[Server], proxies: int, header: str, value: str
) -> None:
    if header in (NAME, PORT) and sys.version_info < (3, 9):
        pytest.skip("Werkzeug 3.0, the last one for Python 3.8, raises for a host that is none")
    answer = requests.post(
        behind[proxies].upload_url(behind[proxies].session()),
        files={"image": ("chair.png", image_bytes())},
        headers={header: value.encode("latin-1")},
        timeout=60,
    )
    assert answer.status_code in (200, 400), answer.text
    assert answer.headers["Content-Type"] == "application/json"
