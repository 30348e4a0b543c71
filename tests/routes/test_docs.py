"""The page at /docs without a browser: its headers, its programs, its plain HTML."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any, Dict

import pytest
from flask.testing import FlaskClient

from dreamlab.routes.operations import DESCRIPTION
from dreamlab.web.assets import INSTALLED
from dreamlab.web.docs import EXAMPLES, LANGUAGES, VIEWER
from support.api import MakeClient


def test_each_file_of_an_example_is_on_the_page() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {*LANGUAGES.values()}


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
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INSTALLED, VIEWER, Path("not-installed.js"))
    bare = client.get("/docs")
    assert bare.status_code == 200 and "<script" not in bare.text and "docs.css" in bare.text


def test_the_page_names_the_key_where_a_session_needs_one(make_client: MakeClient) -> None:
    sentence = "the first request needs the header"
    assert sentence not in make_client().get("/docs").text
    assert sentence in make_client(api_key="secret").get("/docs").text


def test_the_programs_name_the_address_behind_a_proxy(make_client: MakeClient) -> None:
    headers = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Prefix": "/models",
    }
    page = make_client(trusted_proxies=1).get("/docs", headers=headers).text
    assert "api=https://shop.example/models\n" in page
