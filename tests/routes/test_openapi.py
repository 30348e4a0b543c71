"""The description is true: it lists every route, and schemathesis finds no lie in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Set, Tuple

import jsonschema
import pytest
from flask.testing import FlaskClient

from support.processes import PROJECT, Server

METHODS = ("get", "post", "delete", "put", "patch")


@pytest.fixture
def described(client: FlaskClient) -> Dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    return dict(answer.json)


def test_every_route_is_described_and_nothing_else(
    client: FlaskClient, described: Dict[str, Any]
) -> None:
    routes: Set[Tuple[str, str]] = set()
    for rule in client.application.url_map.iter_rules():
        # What the page is made of is no part of the API.
        if rule.endpoint == "page.asset":
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).replace("{name}", "{model}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            routes.add((method.lower(), path))
    written = {
        (method, path)
        for path, operations in described["paths"].items()
        for method in METHODS
        if method in operations
    }
    assert written == routes


def test_every_code_of_the_contract_is_described(described: Dict[str, Any]) -> None:
    responses = described["components"]["responses"].values()
    schemas = (r["content"]["application/json"]["schema"]["allOf"][1] for r in responses)
    codes = {code for schema in schemas for code in schema["properties"]["code"]["enum"]}
    assert codes == {
        "missing_image", "unauthorized", "session_not_found", "model_not_found", "not_found",
        "requested_range_not_satisfiable", "upload_too_large", "unsupported_image",
        "invalid_option", "quota_exceeded", "internal_error", "generation_failed",
        "generator_busy", "generator_unavailable", "generation_timeout", "storage_full",
    }  # fmt: skip


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis needs Python 3.10")
def test_schemathesis_finds_no_fault(tmp_path: Path, stand_in_url: str) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=stand_in_url)
    try:
        report = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{server.url}/openapi.json",
                "--checks=all",
                "--max-examples=50",
                "--generation-deterministic",
                "--request-timeout=60",
                "--no-color",
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": str(PROJECT / "tests/support/schemathesis_hooks.py"),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        server.kill()
    print(report.stdout)
    assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]
    # A run that never got to a generation would prove little.
    assert list(tmp_path.glob("sessions/*/models/*.glb"))


def test_the_examples_are_of_their_schemas(described: Dict[str, Any]) -> None:
    checked = 0

    def walk(node: Any) -> None:
        nonlocal checked
        if isinstance(node, dict):
            if "example" in node and "schema" in node:
                whole = {**node["schema"], "components": described["components"]}
                jsonschema.Draft202012Validator(whole).validate(node["example"])
                checked += 1
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(json.dumps(described)))
    assert checked > 15
