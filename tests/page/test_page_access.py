"""The page for everybody: by keyboard alone, read aloud, in any light, at rest; and its headers."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest
from flask.testing import FlaskClient

from dreamlab.web import page
from support.browser import Browser
from support.visitor import DESKTOP, PHONE, Visitor, visit


def tab_to(visitor: Visitor, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        if visitor.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        visitor.page.keyboard.press("Tab")
    raise AssertionError(f"no way to {selector}")


def test_the_journey_by_keyboard_alone(browser: Browser, site: str) -> None:
    with visit(browser, site, reduced_motion="reduce") as visitor:
        keyboard = visitor.page.keyboard
        tab_to(visitor, "#front")
        # The dialog that chooses a file is the browser's own.
        visitor.choose("stool.jpg")
        # The next step has the focus: one key makes the model.
        visitor.page.wait_for_selector("#make:focus-visible")
        keyboard.press("Shift+Tab")
        assert visitor.page.evaluate("document.activeElement.localName") == "summary"
        keyboard.press("Enter")
        assert visitor.page.locator("#advanced[open]").count() == 1
        tab_to(visitor, "#seed")
        keyboard.type("42")
        keyboard.press("Enter")
        visitor.see_model("stool.glb")
        assert "42" in visitor.said("#facts")
        assert visitor.page.evaluate("document.activeElement.id") == "name"
        assert visitor.page.text_content("#live") == "stool is ready."
        # Who wants no motion gets none, and may still ask for it.
        assert visitor.page.locator("model-viewer[auto-rotate]").count() == 0
        tab_to(visitor, "#turn")
        keyboard.press("Space")
        assert visitor.page.locator("model-viewer[auto-rotate]").count() == 1
        keyboard.press("Space")
        tab_to(visitor, "li .icon")
        keyboard.press("Enter")
        visitor.page.wait_for_selector("#ask[open]")
        keyboard.press("Escape")
        visitor.page.wait_for_selector("#ask", state="hidden")
        assert visitor.gallery() == ["stool.glb"]
        assert visitor.page.evaluate("document.activeElement.className") == "icon"
        keyboard.press("Enter")
        visitor.page.wait_for_selector("#ask[open] .danger:focus")
        keyboard.press("Enter")
        visitor.page.wait_for_selector("#none", state="visible")
        assert visitor.page.evaluate("document.activeElement.id") == "models"


@pytest.mark.parametrize(
    ("scheme", "device"), (("light", DESKTOP), ("dark", PHONE)), ids=("desktop", "phone")
)
def test_axe_finds_nothing_in_any_state(
    browser: Browser, site: str, scheme: str, device: Dict[str, Any]
) -> None:
    found: Dict[str, List[str]] = {}
    with visit(browser, site, color_scheme=scheme, reduced_motion="reduce", **device) as visitor:
        tell = visitor.page
        tell.click("summary")
        found["start"] = visitor.violations()
        visitor.make()
        visitor.state("problem")
        found["problem"] = visitor.violations()
        tell.uncheck("[name=texture]")
        visitor.choose("stool.jpg", "chair-back.png")
        visitor.make()
        visitor.state("work")
        found["work"] = visitor.violations()
        visitor.see_model("stool.glb")
        found["result"] = visitor.violations()
        tell.click("#clear")
        found["dialog"] = visitor.violations()
        visitor.shoot(f"dialog-{scheme}")
    assert {state: told for state, told in found.items() if told} == {}


def test_the_policy_stands_on_the_page_alone_and_allows_no_inline_code(
    client: FlaskClient,
) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
    assert "default-src 'none'" in policy and "googleapis" not in policy
    for other in ("/api/health", "/openapi.json", "/nowhere"):
        assert "Content-Security-Policy" not in client.get(other).headers
    assert client.get("/", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_files_of_the_page_are_kept_for_good_under_their_version(
    client: FlaskClient, packed: Callable[[str], Any]
) -> None:
    version = page.digest()
    for name in ("page.js", "style.css", "favicon.svg", page.VIEWER):
        answer = packed(f"/static/{version}/{name}")
        assert "immutable" in answer.headers["Cache-Control"]
        plain = client.get(f"/static/{version}/{name}")
        assert len(answer.data) < len(plain.data) * 0.8
        etag = {"If-None-Match": plain.headers["ETag"]}
        assert client.get(f"/static/{version}/{name}", headers=etag).status_code == 304
    assert client.get("/static/older/page.js").headers["Cache-Control"] == "no-cache"
    for name in ("package.json", "package-lock.json", "..%2fapp.py", "%2e%2e", "nothing.js"):
        assert client.get(f"/static/{version}/{name}").status_code == 404


@pytest.fixture
def packed(client: FlaskClient) -> Callable[[str], Any]:
    def get(url: str) -> Any:
        answer = client.get(url, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        return answer

    return get
