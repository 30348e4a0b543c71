"""Proxies in the environment: what goes through them, and what never does."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Iterator

import pytest

from dreamlab.space import proxies
from support.api import DATA, image_bytes
from support.forward_proxy import ForwardProxy
from support.hub import SPACE_ID, Hub
from support.processes import Server, StartServer
from support.spaces import timed_space

# A name that only the proxies know.
REMOTE = "gpu-box.invalid"


def environ(proxy: str, lower: bool = False, no_proxy: str = "") -> Dict[str, str]:
    """Return an environment that sends everything to `proxy`."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    # tests/conftest.py sets both spellings of this one.
    both = {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
    return {**{name.lower() if lower else name: proxy for name in names}, **both}


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


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with timed_space(0) as url:
        yield int(url.rpartition(":")[2])


def assert_makes_a_model(server: Server, photo: bytes = image_bytes()) -> None:
    made = server.post(server.session(), photo)
    assert made.status_code == 200, made.text
    assert server.health()["generator"] == "ready"


@pytest.mark.parametrize("lower", (False, True))
def test_the_default_engine_uses_no_proxy(
    proxy: ForwardProxy, start_server: StartServer, lower: bool
) -> None:
    server = start_server(**environ(f"http://{proxy.address}", lower))
    assert_makes_a_model(server, (DATA / "chair.jpg").read_bytes())
    assert proxy.requested == []


@pytest.mark.parametrize("lower", (False, True))
def test_the_default_engine_beside_a_socks_proxy_without_a_package_for_it(
    socks: ForwardProxy, start_server: StartServer, tmp_path: Path, lower: bool
) -> None:
    for name in ("socksio", "socks"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')")
    path = {"PYTHONPATH": str(tmp_path)}
    server = start_server(**environ(f"socks5://{socks.address}", lower), **path)
    assert_makes_a_model(server, (DATA / "chair.jpg").read_bytes())
    assert socks.requested == []


@pytest.mark.parametrize("host", ("127.0.0.1", "localhost", "0.0.0.0"))
def test_a_generator_on_this_machine_is_asked_without_a_proxy(
    proxy: ForwardProxy, start_server: StartServer, port: int, host: str
) -> None:
    settings = {"HUNYUAN_SPACE_ID": f"http://{host}:{port}"}
    assert_makes_a_model(start_server(**environ(f"http://{proxy.address}"), **settings))
    assert proxy.requested == []


def test_which_addresses_are_on_this_machine() -> None:
    for host in ("localhost", "127.0.0.2", "[::1]", "me.localhost"):
        assert not proxies.uses_proxies(f"http://{host}:7860")
    for host in ("gpu-box", "10.0.0.1", "[fe80::1]", "localhost.example.com"):
        assert proxies.uses_proxies(f"http://{host}:7860")


def test_a_remote_generator_is_asked_through_the_proxy(
    proxy: ForwardProxy, start_server: StartServer, port: int
) -> None:
    settings = {"HUNYUAN_SPACE_ID": f"http://{REMOTE}:{port}"}
    assert_makes_a_model(start_server(**environ(f"http://{proxy.address}"), **settings))
    assert set(proxy.requested) == {REMOTE}


def test_no_proxy_is_honoured(proxy: ForwardProxy, start_server: StartServer, port: int) -> None:
    settings = {"HUNYUAN_SPACE_ID": f"http://{REMOTE}:{port}"}
    server = start_server(**environ(f"http://{proxy.address}", no_proxy=REMOTE), **settings)
    assert server.post(server.session(), image_bytes()).status_code == 503
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
    assert_makes_a_model(start_server(**environ(f"{scheme}://{used.address}"), **settings))
    assert set(used.requested) == {"hub.invalid", "me-chairs.invalid"}
    hub.close()


@pytest.mark.parametrize("space_id", (SPACE_ID, f"http://{REMOTE}"))
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    start_server: StartServer, tmp_path: Path, space_id: str
) -> None:
    log = tmp_path / "log"
    for proxy in ("http://me:s3cret@host:s3cret", "socks4://me:s3cret@host:1"):
        server = start_server(log=log, **environ(proxy), HUNYUAN_SPACE_ID=space_id)
        refused = server.post(server.session(), image_bytes())
        assert refused.status_code == 503 and "Retry-After" not in refused.headers
        assert "names a proxy that cannot be used" in refused.json()["error"]
        assert server.health()["reason"] == refused.json()["error"]
    assert "s3cret" not in log.read_text()


@pytest.mark.parametrize("space_id", (SPACE_ID, f"http://{REMOTE}"))
def test_a_missing_package_for_socks_is_told(
    socks: ForwardProxy, start_server: StartServer, tmp_path: Path, space_id: str
) -> None:
    (tmp_path / "socksio.py").write_text("raise ImportError('not installed')")
    settings = {"HUNYUAN_SPACE_ID": space_id, "PYTHONPATH": str(tmp_path)}
    server = start_server(**environ(f"socks5://{socks.address}"), **settings)
    refused = server.post(server.session(), image_bytes())
    assert "pip install 'httpx[socks]'" in refused.json()["error"]
    assert "Retry-After" not in refused.headers
