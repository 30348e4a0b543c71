"""openapi.json describes all routes and errors, and its examples are true."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Set, Tuple

import jsonschema
import pytest
from flask.testing import FlaskClient

from dreamlab import fields
from dreamlab.errors import InvalidOption
from dreamlab.formats.catalogue import BY_SUFFIX
from dreamlab.generation.form import UPLOAD_FIELD, VIEW_FIELDS, WEBHOOK_FIELD
from dreamlab.options import PARSERS
from dreamlab.photos.opening import SUFFIXES

METHODS = ("get", "post", "delete", "put", "patch")


@pytest.fixture
def openapi(client: FlaskClient) -> Dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    return dict(answer.json)


def resolved(openapi: Dict[str, Any], node: Dict[str, Any]) -> Dict[str, Any]:
    """Return a part of the description with what it refers to, if it does."""
    if "$ref" not in node:
        return node
    found: Any = openapi
    for name in node["$ref"].split("/")[1:]:
        found = found[name]
    return {**found, **node}


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
    contents = [response.get("content", {}).get("application/json") for response in responses]
    examples = [content["examples"] for content in contents if content]
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
    assert len(references) == len(described)


def test_the_examples_match_their_schemas(openapi: Dict[str, Any]) -> None:
    checked = 0

    def walk(node: Any) -> None:
        nonlocal checked
        if isinstance(node, dict):
            if "schema" in node:
                whole = {**node["schema"], "components": openapi["components"]}
                named = node.get("examples", {}).values()
                examples = [resolved(openapi, each)["value"] for each in named]
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


def test_the_accepted_images_are_those_of_the_code(openapi: Dict[str, Any]) -> None:
    post = openapi["paths"]["/api/process_furniture_image/{session_id}"]["post"]
    form = post["requestBody"]["content"]["multipart/form-data"]
    endings = {ending.lstrip(".") for endings in SUFFIXES.values() for ending in endings}
    types = {f"image/{ending}" for ending in endings - {"jpg", "tif"}}
    assert set(form["encoding"]) == set(VIEW_FIELDS)
    for field in form["encoding"].values():
        assert set(field["contentType"].split(", ")) == types


def test_the_formats_of_a_model_are_those_of_the_code(openapi: Dict[str, Any]) -> None:
    pattern = openapi["components"]["schemas"]["FormName"]["pattern"]
    endings = "|".join(re.escape(suffix[1:]) for suffix in BY_SUFFIX)
    assert pattern.endswith(f"\\.({endings})$")
    types = {each.mimetype for each in BY_SUFFIX.values()}
    for answer in ("ModelFile", "ModelPart"):
        assert set(openapi["components"]["responses"][answer]["content"]) == types


def test_the_options_of_a_form_are_those_of_the_code(openapi: Dict[str, Any]) -> None:
    described = set(openapi["components"]["schemas"]["GenerationForm"]["properties"])
    assert described == {*PARSERS, *VIEW_FIELDS, UPLOAD_FIELD, WEBHOOK_FIELD}


@pytest.mark.parametrize("option", PARSERS)
def test_the_limits_of_an_option_are_those_of_the_code(
    openapi: Dict[str, Any], option: str
) -> None:
    schema = openapi["components"]["schemas"]["GenerationForm"]["properties"][option]
    schema = resolved(openapi, schema)
    good, bad = [], []
    if "minimum" in schema:
        good += [schema["minimum"], schema["maximum"]]
        bad += [schema["minimum"] - 1, schema["maximum"] + 1]
    if "exclusiveMinimum" in schema:
        good, bad = [schema["exclusiveMinimum"] + 0.001], [schema["exclusiveMinimum"]]
    if "maxLength" in schema:
        good, bad = ["x" * schema["maxLength"]], ["x" * (schema["maxLength"] + 1)]
    if "enum" in schema:
        good, bad = schema["enum"], ["nothing"]
    if schema["type"] == "boolean":
        good, bad = ["true", "false", "1", "0", "yes", "no", "on", "OFF"], ["2"]
    assert good and bad
    for value in good:
        assert option in fields.read({option: str(value)}, PARSERS)
    for value in bad:
        with pytest.raises(InvalidOption):
            fields.read({option: str(value)}, PARSERS)
