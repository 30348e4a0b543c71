"""Accessibility of the page: keyboard, axe-core, reduced motion; and its HTTP headers."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest
from flask.testing import FlaskClient

from dreamlab.web import assets
from support.browser import Browser
from support.browser_tab import DESKTOP, PHONE, BrowserTab, open_tab
from support.held import Held


def move_focus(tab: BrowserTab, selector: str) -> None:
    """Press the Tab key until the element has the focus."""
    for _ in range(40):
        if tab.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        tab.page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not reach {selector}")


def test_the_keyboard_alone_is_enough(browser: Browser, site: str) -> None:
    with open_tab(browser, site) as tab:
        keyboard = tab.page.keyboard
        move_focus(tab, "#front")
        # The browser itself shows the dialog for choosing a file.
        tab.choose_photos("stool.jpg")
        # The button that starts the generation has the focus.
        tab.page.wait_for_selector("#make:focus-visible")
        keyboard.press("Shift+Tab")
        assert tab.page.evaluate("document.activeElement.localName") == "summary"
        keyboard.press("Enter")
        assert tab.page.locator("#advanced[open]").count() == 1
        move_focus(tab, "#seed")
        keyboard.type("42")
        keyboard.press("Enter")
        tab.wait_for_model("stool.glb")
        # Else it would be asked for when the model has gone.
        tab.page.wait_for_function("() => document.querySelector('.look img').complete")
        assert "42" in tab.text("#facts")
        assert tab.page.evaluate("document.activeElement.id") == "name"
        assert tab.page.text_content("#live") == "stool is ready."
        # With reduced motion the model does not turn until the user asks for it.
        assert tab.page.locator("model-viewer[auto-rotate]").count() == 0
        move_focus(tab, "#turn")
        keyboard.press("Space")
        assert tab.page.locator("model-viewer[auto-rotate]").count() == 1
        keyboard.press("Space")
        move_focus(tab, "li .icon")
        keyboard.press("Enter")
        tab.page.wait_for_selector("#ask[open]")
        keyboard.press("Escape")
        tab.page.wait_for_selector("#ask", state="hidden")
        assert tab.listed_models() == ["stool.glb"]
        assert tab.page.evaluate("document.activeElement.className") == "icon"
        keyboard.press("Enter")
        tab.page.wait_for_selector("#ask[open] .danger:focus")
        keyboard.press("Enter")
        tab.page.wait_for_selector("#none", state="visible")
        assert tab.page.evaluate("document.activeElement.id") == "models"


@pytest.mark.parametrize(
    ("scheme", "device"), (("light", DESKTOP), ("dark", PHONE)), ids=("desktop", "phone")
)
def test_axe_finds_nothing_in_any_state(
    browser: Browser, held: Held, scheme: str, device: Dict[str, Any]
) -> None:
    found: Dict[str, List[str]] = {}
    draws_models = device is DESKTOP
    with open_tab(
        browser, held.url, draws_models=draws_models, color_scheme=scheme, **device
    ) as tab:
        tab.page.click("summary")
        found["start"] = tab.axe_violations()
        tab.generate()
        tab.wait_for_state("problem")
        found["problem"] = tab.axe_violations()
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg", "chair-back.png")
        tab.generate()
        tab.wait_for_state("work")
        found["work"] = tab.axe_violations()
        held.release.set()
        tab.wait_for_model("stool.glb")
        found["result"] = tab.axe_violations()
        tab.page.click("#clear")
        found["dialog"] = tab.axe_violations()
        tab.screenshot(f"dialog-{scheme}")
    assert {state: violations for state, violations in found.items() if violations} == {}


def test_only_the_page_has_a_content_security_policy_and_it_allows_no_inline_code(
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


def test_versioned_files_of_the_page_are_immutable_and_compressed(
    client: FlaskClient, get_compressed: Callable[[str], Any]
) -> None:
    version = assets.digest()
    for name in ("page.js", "style.css", "favicon.svg", *(path.name for path in assets.INSTALLED)):
        answer = get_compressed(f"/static/{version}/{name}")
        assert "immutable" in answer.headers["Cache-Control"]
        plain = client.get(f"/static/{version}/{name}")
        assert len(answer.data) < len(plain.data) * 0.8
        etag = {"If-None-Match": plain.headers["ETag"]}
        assert client.get(f"/static/{version}/{name}", headers=etag).status_code == 304
    assert client.get("/static/older/page.js").headers["Cache-Control"] == "no-cache"
    for name in ("package.json", "package-lock.json", "..%2fapp.py", "%2e%2e", "nothing.js"):
        assert client.get(f"/static/{version}/{name}").status_code == 404


def test_only_names_in_the_list_of_the_static_folder_are_served(client: FlaskClient) -> None:
    # Windows takes each of these for a path.
    for name in (
        "..%5Cstatic%5Cpage.js", ".%5Cpage.js", "C:page.js", "%5C%5Chost%5Cshare%5Cx.js",
        "page.js.", "page.js%20", "page.js::$DATA", "PAGE.JS", "con.js", "node_modules",
    ):  # fmt: skip
        assert client.get(f"/static/1/{name}").status_code == 404


@pytest.fixture
def get_compressed(client: FlaskClient) -> Callable[[str], Any]:
    def get(url: str) -> Any:
        answer = client.get(url, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        return answer

    return get
