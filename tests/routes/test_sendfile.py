"""SENDFILE: the app says which model it is, and a real nginx sends it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Callable, Iterator, Tuple

import pytest
import requests
from flask.testing import FlaskClient

from support.api import picture
from support.nginx import nginx_for
from support.processes import PROJECT, Server
from support.spaces import glb_bytes

ORIGIN = "https://shop.example"
MODEL = glb_bytes("a model")


def test_a_model_is_left_to_the_front_by_its_place(
    make_client: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    client = make_client("local", sendfile="/internal-models/")
    session_id = client.get("/api/generate_session_id").json["session_id"]
    keep_model(tmp_path / "sessions", session_id)
    for prefix in ("/sessions", "/api/sessions"):
        answer = client.get(f"{prefix}/{session_id}/models/chair.glb")
        assert answer.headers["X-Accel-Redirect"] == (
            f"/internal-models/{session_id}/models/chair.glb"
        )
        assert (answer.data, answer.mimetype) == (b"", "model/gltf-binary")
    missing = client.get(f"/sessions/{session_id}/models/table.glb")
    assert (missing.status_code, missing.json["code"]) == (404, "model_not_found")
    assert "X-Accel-Redirect" not in missing.headers


def test_the_readme_has_the_lines_of_the_configuration() -> None:
    conf = (PROJECT / "deploy" / "nginx.conf").read_text()
    at = conf.index("location /internal-models/")
    lines = [line.strip() for line in conf[at : conf.index("}", at) + 1].splitlines()]
    readme = [line.strip() for line in (PROJECT / "README.md").read_text().splitlines()]
    begin = readme.index(lines[0])
    assert readme[begin : begin + len(lines)] == lines


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[str, str]]:
    """A model's URL through nginx, and from a server that sends it itself."""
    if shutil.which("nginx") is None:
        if os.environ.get("CI") == "true" and sys.version_info[:2] == (3, 11):
            raise RuntimeError("no nginx: .ci/run should have installed it")
        pytest.skip("needs nginx")
    folder = tmp_path_factory.mktemp("sendfile")
    common = {
        "CORS_ORIGINS": f"{ORIGIN},https://other.example",
        "HUNYUAN_SPACE_ID": "http://127.0.0.1:9",
    }
    plain = Server(folder, **common)
    handing = Server(folder, SENDFILE="/internal-models/", TRUSTED_PROXIES="1", **common)
    port = int(handing.url.rpartition(":")[2])
    session_id = plain.session()
    keep_model(plain.sessions, session_id)
    path = f"/sessions/{session_id}/models/chair.glb"
    with nginx_for(folder, {5001: port, 5002: port}, str(plain.sessions)) as front:
        yield front + path, plain.url + path
    handing.kill()
    plain.kill()


def keep_model(sessions: Path, session_id: str) -> None:
    (sessions / session_id / "models" / "chair.glb").write_bytes(MODEL)


def test_nginx_answers_as_the_app_would(urls: Tuple[str, str]) -> None:
    sent, own = (requests.get(url, headers={"Origin": ORIGIN}) for url in urls)
    assert sent.content == own.content == MODEL
    assert "X-Accel-Redirect" not in sent.headers
    assert sent.headers["Server"] == "nginx"
    for name in (
        *("Content-Type", "Content-Length", "Content-Disposition", "Cache-Control"),
        *("Last-Modified", "X-Content-Type-Options", "Access-Control-Allow-Origin"),
        *("Access-Control-Expose-Headers", "Vary"),
    ):
        assert sent.headers[name] == own.headers[name], name
    head = requests.head(urls[0])
    assert (head.headers["Content-Length"], head.content) == (str(len(MODEL)), b"")


def test_nginx_sends_parts_and_knows_what_a_client_has(urls: Tuple[str, str]) -> None:
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


def test_the_internal_location_is_nobody_s_door(urls: Tuple[str, str]) -> None:
    front, path = urls[0].split("/sessions/")
    for inside in (path, path.replace("models/chair.glb", "uploads/")):
        assert requests.get(f"{front}/internal-models/{inside}").status_code == 404
    assert requests.get(f"{front}/sessions/{path}x").json()["code"] == "model_not_found"


def test_uploads_pass_through_the_same_front(urls: Tuple[str, str]) -> None:
    front, path = urls[0].split("/sessions/")
    url = f"{front}/api/process_furniture_image/{path.split('/')[0]}"
    answer = requests.post(url, files={"image": ("chair.png", picture())})
    assert answer.json()["code"] == "generator_unavailable"
