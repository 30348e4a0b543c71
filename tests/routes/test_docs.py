"""The page at /docs without a browser: its headers, its programs, its plain HTML."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests
from flask.testing import FlaskClient

from dreamlab.routes.operations import DESCRIPTION
from dreamlab.web.assets import INSTALLED
from dreamlab.web.docs import EXAMPLES, LANGUAGES, VIEWER
from support.api import DATA, MakeClient
from support.models import glb_bytes
from support.needs import need
from support.processes import Server, StartServer, copy_without_node_modules

RUN: Dict[str, List[str]] = {
    "curl": ["sh", "-e"],
    "Python": [sys.executable, "-"],
    "JavaScript": ["node", "--input-type=module", "-"],
}
NEEDED = {"curl": ["sh", "curl"], "Python": [], "JavaScript": ["node"]}


def program_of(page: str, language: str) -> str:
    """Return what a reader of the page copies."""
    found = re.search(rf'data-language="{language}"><code>(.*?)</code>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.parametrize("language", RUN)
def test_a_program_of_the_page_makes_a_model(
    language: str, tmp_path: Path, quick_server: Server
) -> None:
    for name in NEEDED[language]:
        need(shutil.which(name) is not None, name)
    program = program_of(requests.get(quick_server.url + "/docs").text, language)
    assert quick_server.url in program
    shutil.copy(DATA / "chair.jpg", tmp_path)
    done = subprocess.run(
        RUN[language], input=program, cwd=tmp_path, text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "chair.glb").read_bytes() == glb_bytes()
    accepted = done.stdout.index("event: accepted")
    assert accepted < done.stdout.index("event: complete")


def test_each_file_of_an_example_is_on_the_page(quick_server: Server) -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {*LANGUAGES.values()}
    assert {*LANGUAGES} == {*RUN}


def test_every_html_page_forbids_what_it_does_not_need(client: FlaskClient) -> None:
    pages = []
    for rule in client.application.url_map.iter_rules():
        if rule.arguments or "GET" not in (rule.methods or ()):
            continue
        answer = client.get(rule.rule)
        if answer.mimetype != "text/html":
            continue
        pages.append(rule.rule)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
        # The policy lets no script run that is written into the page.
        assert "<script>" not in answer.text and not re.search(r"<[^>]* on\w+=", answer.text)
    assert sorted(pages) == ["/", "/docs"]


def test_the_plain_html_has_every_operation_field_and_error(client: FlaskClient) -> None:
    page = html.unescape(re.sub(r"<[^>]+>", "", client.get("/docs").text))
    api: Dict[str, Any] = json.loads(DESCRIPTION.read_text("utf-8"))
    for path, item in api["paths"].items():
        for method in {"get", "post", "delete"} & {*item}:
            assert f"{method.upper()} {path} {item[method]['summary']}" in page
    for schema in api["components"]["schemas"].values():
        for field in schema.get("properties", {}):
            assert field in page
    for response in api["components"]["responses"].values():
        for code in response["content"]["application/json"]["examples"]:
            assert code in page


def test_without_the_viewer_the_page_has_no_scripts(
    tmp_path: Path, quick_space: str, start_server: StartServer, client: FlaskClient
) -> None:
    project = copy_without_node_modules(tmp_path)
    bare = requests.get(start_server(project=project, HUNYUAN_SPACE_ID=quick_space).url + "/docs")
    assert bare.status_code == 200 and "<script" not in bare.text and "docs.css" in bare.text
    need(INSTALLED[VIEWER].is_file(), "swagger-ui-dist: npm ci in dreamlab/web/static/")
    assert client.get("/docs").text.count("<script defer src=") == 2


def test_the_page_names_the_key_where_a_session_needs_one(
    quick_space: str, make_client: MakeClient
) -> None:
    sentence = "the first request needs the header"
    assert sentence not in make_client().get("/docs").text
    assert sentence in make_client(api_key="secret").get("/docs").text


def test_the_programs_name_the_address_behind_a_proxy(
    quick_space: str, make_client: MakeClient
) -> None:
    headers = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Prefix": "/models",
    }
    page = make_client(trusted_proxies=1).get("/docs", headers=headers).text
    assert "api=https://shop.example/models\n" in program_of(page, "curl")
