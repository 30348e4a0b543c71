"""Generations as JSON for clients. `root` is the URL of the API, with a slash at its end."""

from __future__ import annotations

from typing import Any, Dict

from dreamlab.errors import Failure
from dreamlab.storage.records import Result


def describe_generation(shown: Dict[str, Any], root: str) -> Dict[str, Any]:
    """Return a generation as JSON. `shown` is what is known of it here."""
    result, error = shown["result"], shown["error"]
    return {
        **shown,
        "result": result and describe_result(result, root),
        "error": error and describe_failure(error),
    }


def describe_result(result: Result, root: str) -> Dict[str, Any]:
    """Return the answer to a generation that has succeeded."""
    return {**result, "model_url": model_url(root, result["session_id"], result["model"])}


def describe_failure(failure: Failure) -> Dict[str, Any]:
    """Return an error as a part of an answer."""
    return {"status": failure["status"], "error": failure["error"], "code": failure["code"]}


def model_url(root: str, session_id: str, name: str) -> str:
    """Return the absolute URL of a model. Names of models need no percent-encoding."""
    return f"{root}sessions/{session_id}/models/{name}"
