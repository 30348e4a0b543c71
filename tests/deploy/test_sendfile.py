"""SENDFILE behind a real nginx with the configuration of deploy/nginx.conf."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator, Tuple

import pytest
import requests

from support.api import image_bytes
from support.http_api import HttpApi
from support.models import glb_bytes
from support.needs import need
from support.nginx import nginx_for
from support.processes import PROJECT, Server

ORIGIN = "https://shop.example"
MODEL = glb_bytes("a model")


def test_the_deployment_guide_shows_the_location_of_the_nginx_configuration() -> None:
    conf = (PROJECT / "deploy" / "nginx.conf").read_text()
    at = conf.index("location /internal-models/")
    lines = [line.strip() for line in conf[at : conf.index("}", at) + 1].splitlines()]
    guide = (PROJECT / "deploy" / "README.md").read_text()
    guide_lines = [line.strip() for line in guide.splitlines()]
    start = guide_lines.index(lines[0])
    assert guide_lines[start : start + len(lines)] == lines


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[str, str]]:
    """The URL of a model from nginx, and from a server that sends it itself."""
    need(shutil.which("nginx") is not None, "nginx")
    folder = tmp_path_factory.mktemp("sendfile")
    common = {
        "CORS_ORIGINS": f"{ORIGIN},https://other.example",
        "HUNYUAN_SPACE_ID": "http://127.0.0.1:9",
    }
    sending = Server(folder, **common)
    delegating = Server(folder, SENDFILE="/internal-models/", TRUSTED_PROXIES="1", **common)
    port = int(delegating.url.rpartition(":")[2])
    session_id = sending.session()
    save_model(sending.sessions, session_id)
    path = f"/sessions/{session_id}/models/chair.glb"
    with nginx_for(folder, {5001: port, 5002: port}, str(sending.sessions)) as nginx_url:
        yield nginx_url + path, sending.url + path
    delegating.kill()
    sending.kill()


def save_model(sessions: Path, session_id: str) -> None:
    (sessions / session_id / "models" / "chair.glb").write_bytes(MODEL)


def test_nginx_answers_with_the_headers_of_the_app(urls: Tuple[str, str]) -> None:
    headers = {"Origin": ORIGIN, "X-Request-Id": "the-model"}
    from_nginx, from_app = (requests.get(url, headers=headers) for url in urls)
    assert from_nginx.content == from_app.content == MODEL
    assert "X-Accel-Redirect" not in from_nginx.headers
    assert from_nginx.headers["Server"] == "nginx"
    for name in (
        *("Content-Type", "Content-Length", "Content-Disposition", "Cache-Control"),
        *("Last-Modified", "X-Content-Type-Options", "Access-Control-Allow-Origin"),
        *("Access-Control-Expose-Headers", "Vary", "X-Request-Id"),
    ):
        assert from_nginx.headers[name] == from_app.headers[name], name
    head = requests.head(urls[0])
    assert (head.headers["Content-Length"], head.content) == (str(len(MODEL)), b"")


def test_nginx_answers_range_and_conditional_requests(urls: Tuple[str, str]) -> None:
    url, _ = urls
    first = requests.get(url)
    part = requests.get(url, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, MODEL[4:12])
    assert part.headers["Content-Range"] == f"bytes 4-11/{len(MODEL)}"
    for name, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = requests.get(url, headers={name: value, "Origin": ORIGIN})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Access-Control-Allow-Origin"] == ORIGIN
    changed = {"Range": "bytes=4-11", "If-Range": '"another"'}
    assert requests.get(url, headers=changed).status_code == 200


def test_clients_cannot_reach_the_internal_location(urls: Tuple[str, str]) -> None:
    nginx_url, path = urls[0].split("/sessions/")
    for inside in (path, path.replace("models/chair.glb", "uploads/")):
        assert requests.get(f"{nginx_url}/internal-models/{inside}").status_code == 404
    assert requests.get(f"{nginx_url}/sessions/{path}x").json()["code"] == "model_not_found"


def test_nginx_passes_uploads_to_the_app(urls: Tuple[str, str]) -> None:
    nginx_url, path = urls[0].split("/sessions/")
    answer = HttpApi(nginx_url).post(path.split("/")[0], image_bytes())
    assert answer.json()["code"] == "generator_unavailable"
