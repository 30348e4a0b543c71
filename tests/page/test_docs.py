"""The page at /docs in a browser: with Swagger UI, without it, and without JavaScript."""

from __future__ import annotations

import json
import re
from typing import Any, List

from dreamlab.web import docs
from support.api import DATA, wait_until
from support.browser import Browser
from support.browser_tab import DESKTOP, PHONE, BrowserTab, open_tab
from support.processes import Server, StartServer

SESSION, UPLOAD = (
    "#operations-sessions-generateSessionId",
    "#operations-models-processFurnitureImage",
)
VIEWER_READY = "#viewer:not([hidden]) .opblock"


def execute(tab: BrowserTab, operation: str) -> Any:
    """Send the request that is filled in. Return the JSON of the answer."""
    tab.page.click(f"{operation} .execute")
    return json.loads(tab.text(f"{operation} .live-responses-table .highlight-code code"))


def colour(tab: BrowserTab, selector: str, name: str) -> str:
    return str(tab.page.eval_on_selector(selector, f"element => getComputedStyle(element).{name}"))


def test_a_reader_tries_requests(browser: Browser, quick_server: Server) -> None:
    with open_tab(browser, quick_server.url + "/docs", ready=VIEWER_READY) as tab:
        assert not tab.page.is_visible("#plain")
        tab.page.click(SESSION)
        tab.page.click(f"{SESSION} .try-out__btn")
        session_id = execute(tab, SESSION)["session_id"]
        tab.page.click(f"{UPLOAD} .opblock-summary-control")
        tab.page.click(f"{UPLOAD} .try-out__btn")
        tab.page.fill(f"{UPLOAD} [data-param-name=session_id] input", session_id)
        tab.page.set_input_files(f"{UPLOAD} [data-property-name=image] input", DATA / "chair.jpg")
        with tab.page.expect_request("**/process_furniture_image/*") as sent:
            made = execute(tab, UPLOAD)
        # What the reader leaves empty is not sent.
        assert "prefer" not in sent.value.headers and "idempotency-key" not in sent.value.headers
        assert re.findall("-F '([^=]+)", tab.text(f"{UPLOAD} .curl")) == ["image"]
        assert quick_server.models(session_id) == [made["model"]] == ["chair.glb"]
        tab.screenshot("docs-light")
        light = [colour(tab, "body", "backgroundColor"), colour(tab, ".opblock-tag", "color")]
        assert light == ["rgb(255, 255, 255)", "rgb(59, 65, 81)"]
        tab.page.emulate_media(color_scheme="dark")
        tab.page.wait_for_selector("html.dark-mode")
        assert colour(tab, "body", "backgroundColor") == "rgb(28, 32, 34)"
        assert wait_until(lambda: colour(tab, ".opblock-tag", "color") != light[1])
        tab.screenshot("docs-dark")


def test_a_request_is_tried_below_the_path_of_a_proxy(
    browser: Browser, quick_space: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space, TRUSTED_PROXIES="1")
    paths: List[str] = []

    def forward(route: Any) -> None:
        path = route.request.url.partition(server.url + "/furniture")[2]
        assert path, route.request.url
        paths.append(path)
        headers = {**route.request.headers, "X-Forwarded-Prefix": "/furniture"}
        route.fulfill(response=route.fetch(url=server.url + path, headers=headers))

    with open_tab(browser, "about:blank", ready="html") as tab:
        tab.context.route("**/*", forward)
        tab.page.goto(server.url + "/furniture/docs")
        tab.page.click(SESSION)
        tab.page.click(f"{SESSION} .try-out__btn")
        assert "session_id" in execute(tab, SESSION)
    assert paths[0] == "/docs" and paths[-1] == "/api/generate_session_id"


def test_the_plain_html_stays_where_swagger_ui_does_not_come(
    browser: Browser, quick_server: Server
) -> None:
    with open_tab(browser, "about:blank", ready="html", expect_failed_requests=True) as tab:
        tab.context.route(f"**/{docs.VIEWER}", lambda route: route.abort())
        tab.page.goto(quick_server.url + "/docs")
        assert tab.page.is_visible("#plain") and not tab.page.is_visible("#viewer")
        tab.page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
        for scheme, size, rules in (("light", DESKTOP, ()), ("dark", PHONE, ("color-contrast",))):
            tab.page.emulate_media(color_scheme=scheme)
            tab.page.set_viewport_size(size["viewport"])
            assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert tab.axe_violations(*rules) == []
            tab.screenshot(f"docs-plain-{scheme}")


def test_the_page_can_be_read_without_javascript(browser: Browser, quick_server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(quick_server.url + "/docs")
    page.click("#plain summary:has-text('/api/generate_session_id')")
    assert "unauthorized" in page.inner_text("#plain details[open]")
    page.click(".example summary:has-text('Python')")
    assert "import httpx" in page.inner_text(".example[open]")
    context.close()
