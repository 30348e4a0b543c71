"""openapi.json describes all routes and errors, and its examples are true."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Set, Tuple

import jsonschema
import pytest
from flask.testing import FlaskClient

METHODS = ("get", "post", "delete", "put", "patch")


@pytest.fixture
def openapi(client: FlaskClient) -> Dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    return dict(answer.json)


def test_every_route_is_described_and_nothing_else(
    client: FlaskClient, openapi: Dict[str, Any]
) -> None:
    routes: Set[Tuple[str, str]] = set()
    for rule in client.application.url_map.iter_rules():
        # The files of the pages are not part of the API.
        if rule.endpoint == "assets.asset":
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).replace("{name}", "{model}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            routes.add((method.lower(), path))
    described = {
        (method, path)
        for path, operations in openapi["paths"].items()
        for method in METHODS
        if method in operations
    }
    assert described == routes


def test_every_code_of_the_contract_is_described(openapi: Dict[str, Any]) -> None:
    responses = openapi["components"]["responses"].values()
    examples = [response["content"]["application/json"]["examples"] for response in responses]
    codes = {code for named in examples for code in named}
    for named in examples:
        assert [example["value"]["code"] for example in named.values()] == [*named]
    assert codes == {
        "missing_image", "bad_request", "unauthorized", "session_not_found", "model_not_found",
        "upload_not_found", "not_found", "requested_range_not_satisfiable", "upload_too_large",
        "unsupported_image", "invalid_option", "model_unsupported", "nothing_to_model",
        "quota_exceeded", "rate_limited",
        "internal_error", "not_available", "generation_failed", "generator_busy",
        "generator_unavailable", "generation_timeout", "storage_full",
        "storage_unavailable", "stopping", "generation_cancelled", "generation_not_found",
        "idempotency_conflict",
    }  # fmt: skip


def test_an_error_of_a_status_is_described_once(openapi: Dict[str, Any]) -> None:
    described: Dict[str, Set[str]] = {}
    for operations in openapi["paths"].values():
        for method in set(operations) & set(METHODS):
            for status, response in operations[method]["responses"].items():
                if status >= "400":
                    described.setdefault(status, set()).add(response["$ref"])
    references = {reference for found in described.values() for reference in found}
    assert len(references) == len(described) == len(openapi["components"]["responses"])


def test_the_examples_match_their_schemas(openapi: Dict[str, Any]) -> None:
    checked = 0

    def walk(node: Any) -> None:
        nonlocal checked
        if isinstance(node, dict):
            if "schema" in node:
                whole = {**node["schema"], "components": openapi["components"]}
                examples = [named["value"] for named in node.get("examples", {}).values()]
                examples += [node["example"]] if "example" in node else []
                for example in examples:
                    jsonschema.Draft202012Validator(whole).validate(example)
                    checked += 1
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(json.dumps(openapi)))
    assert checked > 15
