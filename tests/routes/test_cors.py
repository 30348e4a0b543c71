"""Which pages of other origins may call the API."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from dreamlab.settings import InvalidSetting, load
from support.api import MakeClient


def test_any_origin_may_call_by_default(client: FlaskClient) -> None:
    headers = {"Origin": "https://shop.example"}
    answer = client.get("/api/health", headers=headers)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = answer.headers["Access-Control-Expose-Headers"]
    for name in ("Retry-After", "Location", "Preference-Applied", "X-Request-Id"):
        assert name in exposed
    missing = client.get("/api/session_models/nobody", headers=headers)
    assert missing.status_code == 404 and missing.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ("POST", "DELETE"))
def test_a_preflight_request_is_answered(client: FlaskClient, method: str) -> None:
    names = ("authorization", "idempotency-key", "prefer", "x-request-id")
    route = "process_furniture_image" if method == "POST" else "delete_all_models"
    answer = client.options(
        f"/api/{route}/any",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ", ".join(names),
        },
    )
    assert answer.status_code == 200
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    for name in names:
        assert name in allowed


def test_only_the_configured_origins_may_call(make_client: MakeClient) -> None:
    client = make_client(cors_origins=("https://a.example", "https://b.example"))
    for origin, allowed in (
        ("https://b.example", "https://b.example"),
        ("https://c.example", None),
    ):
        answer = client.get("/api/health", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed


# Of pages, of apps, and of what has no origin.
ORIGINS = (
    "https://shop.example",
    "http://localhost:4200",
    "http://127.0.0.1:5173",
    "http://[::1]:5173",
    "https://[2001:db8::1]",
    "https://xn--mbel-5qa.example:8443",
    "http://localhost",
    "https://localhost",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "https://tauri.localhost",
    "http://tauri.localhost",
    "app://localhost",
    "app://-",
    "app://obsidian.md",
    "capacitor://app.shop.example:8080",
    "httpsionic://localhost",
    "electron+app.2://shop",
    "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    "moz-extension://5c6cb5ba-6dc1-4a1b-9d0a-0e7f5d2ff101",
    "vscode-webview://1kq2",
    "file://",
    "null",
)
STRANGERS = (
    "https://evil.example",
    "https://shop.example.evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "capacitor://localhost:1",
    "capacitor://localhost.evil.example",
    "tauri://localhos",
    "http://:5173",
    "http://1:5173",
    "http://[::1]:51730",
    "http://[::1]",
    "https://tauri-localhost",
    "nul",
    "null.example",
    "file:///etc/passwd",
)


@pytest.mark.parametrize("how", (",{}", "{},", " {} , https://z.example/", "{}"))
def test_the_setting_takes_origins_of_pages_and_of_apps(how: str) -> None:
    for origin in ORIGINS:
        assert origin in load({"CORS_ORIGINS": how.format(origin)}).cors_origins
    assert load({"CORS_ORIGINS": "tauri://localhost/,null"}).cors_origins[0] == "tauri://localhost"
    assert load({"CORS_ORIGINS": "*"}).cors_origins == ("*",)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_or_an_app_of_a_configured_origin_may_call(
    make_client: MakeClient, origin: str
) -> None:
    origins = load({"CORS_ORIGINS": f"{origin},https://z.example"}).cors_origins
    client = make_client(cors_origins=origins)
    answer = client.get("/api/health", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in answer.headers["Vary"]
    for other in {*STRANGERS, *ORIGINS} - {origin}:
        answer = client.get("/api/health", headers={"Origin": other})
        assert "Access-Control-Allow-Origin" not in answer.headers, other


@pytest.mark.parametrize(
    "value",
    (
        "shop.example",
        "localhost:4200",
        "capacitor:localhost",
        "capacitor://",
        "https://",
        "://localhost",
        "1app://localhost",
        "https://shop.example/path",
        "https://me@shop.example",
        "https://*.shop.example",
        "*,null",
        "null://",
        "Null ,x",
        "https://a.example https://b.example",
        "none",
    ),
)
def test_what_is_no_origin_stops_the_start(value: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^CORS_ORIGINS must be [^\n]*capacitor"):
        load({"CORS_ORIGINS": value})
