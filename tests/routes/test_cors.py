"""Which pages of other origins may call the API."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from support.api import MakeClient


def test_any_origin_may_call_by_default(quick_client: FlaskClient) -> None:
    headers = {"Origin": "https://shop.example"}
    answer = quick_client.get("/api/health", headers=headers)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert "Retry-After" in exposed and "Location" in exposed
    missing = quick_client.get("/api/session_models/nobody", headers=headers)
    assert missing.status_code == 404 and missing.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ("POST", "DELETE"))
def test_a_preflight_request_is_answered(quick_client: FlaskClient, method: str) -> None:
    route = "process_furniture_image" if method == "POST" else "delete_all_models"
    answer = quick_client.options(
        f"/api/{route}/any",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert answer.status_code == 200
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_only_the_configured_origins_may_call(make_client: MakeClient, quick_space: str) -> None:
    client = make_client(quick_space, cors_origins=("https://a.example", "https://b.example"))
    for origin, allowed in (
        ("https://b.example", "https://b.example"),
        ("https://c.example", None),
    ):
        answer = client.get("/api/health", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
