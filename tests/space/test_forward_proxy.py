"""Proxies in the environment: what goes through them, and what never does."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from dreamlab.space import proxies
from support.api import MakeClient, image_bytes, new_session, post
from support.forward_proxy import ForwardProxy
from support.hub import SPACE_ID, Hub
from support.processes import StartServer

# A name that only the proxies know.
REMOTE = "gpu-box.invalid"
SetProxy = Callable[..., None]


def environ(proxy: str, no_proxy: str = "") -> Dict[str, str]:
    """Return an environment that sends everything to `proxy`, in both spellings of its names."""
    given = {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy),
        "NO_PROXY": no_proxy,
    }
    return {**given, **{name.lower(): value for name, value in given.items()}}


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    proxy = ForwardProxy()
    yield proxy
    proxy.close()


@pytest.fixture
def socks() -> Iterator[ForwardProxy]:
    socks = ForwardProxy(is_socks=True)
    yield socks
    socks.close()


@pytest.fixture
def port(quick_space: str) -> int:
    return int(quick_space.rpartition(":")[2])


@pytest.fixture
def set_proxy(quick_space: str, monkeypatch: pytest.MonkeyPatch) -> SetProxy:
    """Send what this process asks to a proxy. A Gradio server's own start must be over by then."""

    def set_proxy(proxy: str, no_proxy: str = "") -> None:
        for name, value in environ(proxy, no_proxy).items():
            monkeypatch.setenv(name, value)

    return set_proxy


def assert_makes_a_model(make_client: MakeClient, url: str) -> None:
    client = make_client(url)
    made = post(client, new_session(client), image_bytes())
    assert made.status_code == 200, made.text
    assert client.get("/api/health").json["generator"] == "ready"


@pytest.mark.parametrize("host", ("127.0.0.1", "localhost", "0.0.0.0"))
def test_a_generator_on_this_machine_is_asked_without_a_proxy(
    proxy: ForwardProxy, set_proxy: SetProxy, make_client: MakeClient, port: int, host: str
) -> None:
    set_proxy(f"http://{proxy.address}")
    assert_makes_a_model(make_client, f"http://{host}:{port}")
    assert proxy.requested == []


def test_a_server_asks_nobody_but_its_generator(
    proxy: ForwardProxy,
    start_server: StartServer,
    quick_space: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What the tests set so that they themselves send no usage data.
    for name in ("HF_HUB_DISABLE_TELEMETRY", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.delenv(name)
    server = start_server(HUNYUAN_SPACE_ID=quick_space, **environ(f"http://{proxy.address}"))
    assert server.post(server.session(), image_bytes()).status_code == 200
    assert proxy.requested == []


def test_a_generator_on_this_machine_needs_no_package_for_socks(
    socks: ForwardProxy,
    set_proxy: SetProxy,
    make_client: MakeClient,
    quick_space: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    set_proxy(f"socks5://{socks.address}")
    assert_makes_a_model(make_client, quick_space)
    assert socks.requested == []


def test_which_addresses_are_on_this_machine() -> None:
    for host in ("localhost", "127.0.0.2", "[::1]", "me.localhost"):
        assert not proxies.uses_proxies(f"http://{host}:7860")
    for host in ("gpu-box", "10.0.0.1", "[fe80::1]", "localhost.example.com"):
        assert proxies.uses_proxies(f"http://{host}:7860")


def test_a_remote_generator_is_asked_through_the_proxy(
    proxy: ForwardProxy, set_proxy: SetProxy, make_client: MakeClient, port: int
) -> None:
    set_proxy(f"http://{proxy.address}")
    assert_makes_a_model(make_client, f"http://{REMOTE}:{port}")
    assert set(proxy.requested) == {REMOTE}


def test_no_proxy_is_honoured(
    proxy: ForwardProxy, set_proxy: SetProxy, make_client: MakeClient, port: int
) -> None:
    set_proxy(f"http://{proxy.address}", no_proxy=REMOTE)
    client = make_client(f"http://{REMOTE}:{port}")
    assert post(client, new_session(client), image_bytes()).status_code == 503
    assert proxy.requested == []


@pytest.mark.parametrize("is_socks", (False, True))
def test_hugging_face_is_asked_through_the_proxy(
    proxy: ForwardProxy,
    socks: ForwardProxy,
    start_server: StartServer,
    tmp_path: Path,
    port: int,
    is_socks: bool,
) -> None:
    if is_socks and find_spec("socksio") is None:
        pytest.skip("no package for SOCKS")
    used = socks if is_socks else proxy
    hub = Hub(port)
    hub.gate.url = hub.gate.url.replace("127.0.0.1", "me-chairs.invalid")
    settings = {
        "HUNYUAN_SPACE_ID": f"https://huggingface.co/spaces/{SPACE_ID}",
        "HF_ENDPOINT": hub.url.replace("127.0.0.1", "hub.invalid"),
        "HF_HOME": str(tmp_path),
    }
    scheme = "socks5h" if is_socks else "http"
    server = start_server(**environ(f"{scheme}://{used.address}"), **settings)
    made = server.post(server.session(), image_bytes())
    assert made.status_code == 200, made.text
    assert server.health()["generator"] == "ready"
    assert set(used.requested) == {"hub.invalid", "me-chairs.invalid"}
    hub.close()


@pytest.mark.parametrize("space_id", (SPACE_ID, f"http://{REMOTE}"))
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    set_proxy: SetProxy,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    space_id: str,
) -> None:
    for proxy in ("http://me:s3cret@host:s3cret", "socks4://me:s3cret@host:1"):
        set_proxy(proxy)
        client = make_client(space_id)
        refused = post(client, new_session(client), image_bytes())
        assert refused.status_code == 503 and "Retry-After" not in refused.headers
        assert "names a proxy that cannot be used" in refused.json["error"]
        assert client.get("/api/health").json["reason"] == refused.json["error"]
    assert "is not ready" in caplog.text and "s3cret" not in caplog.text


@pytest.mark.parametrize("space_id", (SPACE_ID, f"http://{REMOTE}"))
def test_a_missing_package_for_socks_is_told(
    socks: ForwardProxy,
    set_proxy: SetProxy,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    space_id: str,
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    set_proxy(f"socks5://{socks.address}")
    client = make_client(space_id)
    refused = post(client, new_session(client), image_bytes())
    assert "pip install 'httpx[socks]'" in refused.json["error"]
    assert "Retry-After" not in refused.headers
