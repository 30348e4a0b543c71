"""The page in a tab of a real browser: what a user does there, and which errors it shows."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from PIL import Image

from support.api import DATA
from support.browser import AXE, Browser

# A folder for pictures of what the tests have seen, if somebody wants them.
SCREENSHOTS = os.environ.get("SCREENSHOTS")

DESKTOP: Dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: Dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
NARROW: Dict[str, Any] = {**PHONE, "viewport": {"width": 320, "height": 640}}

# The browser logs this for each answer that is not 2xx, and for a lost connection.
REQUEST_FAILED = "Failed to load resource"
RECORD_CSP_VIOLATIONS = """
window.cspViolations = [];
addEventListener("securitypolicyviolation", (event) =>
  cspViolations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
# Takes the place of model-viewer where a test is not about the drawing: without a GPU, its first
# picture takes six seconds of a processor.
NO_VIEWER = """
customElements.define("model-viewer", class extends HTMLElement {
  static observedAttributes = ["src"];
  async attributeChangedCallback() {
    const content = await (await fetch(this.getAttribute("src"))).arrayBuffer();
    const isModel = new TextDecoder().decode(content.slice(0, 4)) === "glTF";
    this.dispatchEvent(new Event(isModel ? "load" : "error"));
  }
  getDimensions() { return { x: NaN, y: NaN, z: NaN }; }
  jumpCameraToGoal() {}
});
"""
# This is in the page at / when its module has run.
READY = "#engine:not(:empty)"


class BrowserTab:
    """A tab with a page, which has `ready` when it can be used, in a browser profile of its own."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        ready: str = READY,
        draws_models: bool = False,
        **device: Any,
    ) -> None:
        # A model that turns is drawn all the time, which takes all processors without a GPU.
        options = {"reduced_motion": "reduce", **(device or DESKTOP)}
        self.context = browser.new_context(**options)
        self.context.add_init_script(RECORD_CSP_VIOLATIONS)
        if not draws_models:
            self.context.route("**/model-viewer.min.js", serve_no_viewer)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.errors: List[str] = []
        self.failed_requests: List[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._record_error)
        self.page.goto(url)
        self.page.wait_for_selector(ready, state="attached")

    def _record_error(self, message: Any) -> None:
        if message.type == "error":
            errors = (
                self.failed_requests if message.text.startswith(REQUEST_FAILED) else self.errors
            )
            errors.append(f"{message.text} {message.location.get('url', '')}")

    def choose_photos(self, *photos: Any) -> None:
        """Choose files of tests/data, or files given as {name, mimeType, buffer}."""
        files = [str(DATA / photo) if isinstance(photo, str) else photo for photo in photos]
        self.page.set_input_files("#front", files)

    def generate(self) -> None:
        self.page.click("#make")

    def wait_for_state(self, state: str, seconds: float = 60) -> None:
        selector = f"#stage[data-state={state}]"
        self.page.wait_for_selector(selector, timeout=seconds * 1000)

    def wait_for_model(self, name: str) -> None:
        """Wait until the viewer has that model."""
        self.page.wait_for_selector(f'#stage[data-shown="{name}"]', timeout=90_000)

    def session_id(self) -> str:
        return str(self.page.evaluate("JSON.parse(localStorage.getItem('dreamlab.session'))"))

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector).strip()

    def listed_models(self) -> List[str]:
        """Return the names of the listed models."""
        return [str(name) for name in self.page.eval_on_selector_all(
            ".look", "looks => looks.map(({ dataset }) => dataset.model)"
        )]  # fmt: skip

    def screenshot(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def axe_violations(self, *rules: str) -> List[str]:
        """Return what axe-core finds wrong with the page in its current state, by all its rules."""
        # The page's Content-Security-Policy forbids a script element.
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE.read_text("utf-8"))
        options = {"runOnly": list(rules)} if rules else {}
        found = self.page.evaluate("options => axe.run(options)", options)["violations"]
        return [
            f"{each['id']}: {node['html'][:150]} {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]


def serve_no_viewer(route: Any) -> None:
    headers = {"Access-Control-Allow-Origin": "*"}
    route.fulfill(body=NO_VIEWER, content_type="text/javascript", headers=headers)


@contextmanager
def open_tab(
    browser: Browser, url: str, expect_failed_requests: bool = False, **device: Any
) -> Iterator[BrowserTab]:
    """Yield a tab, then assert that it had no error, CSP violation or unexpected failed request."""
    tab = BrowserTab(browser, url, **device)
    try:
        yield tab
        violations = tab.page.evaluate("window.cspViolations")
    finally:
        tab.context.close()
    failed_requests = [] if expect_failed_requests else tab.failed_requests
    assert tab.errors + violations + failed_requests == []


def error_text(tab: BrowserTab, title: str, screenshot: str) -> str:
    """Wait until an error with this title has the focus, and return its whole text."""
    tab.page.wait_for_selector(f"#trouble:focus:has-text({title!r})")
    tab.screenshot(f"error-{screenshot}")
    return tab.text(".problem")


def is_flat(image: Image.Image) -> bool:
    """Return whether all pixels have nearly the same colour."""
    lows_highs = image.convert("RGB").getextrema()
    return all(high - low < 40 for low, high in lows_highs)  # type: ignore[operator,misc]
