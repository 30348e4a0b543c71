"""Somebody in front of the page, in a real browser: what they do, and what they must not see."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from PIL import Image

from dreamlab.web import page
from support.api import DATA
from support.browser import Browser, need
from support.processes import PROJECT

AXE = PROJECT / "tests/node_modules/axe-core/axe.min.js"
need(page.INSTALLED_VIEWER.is_file(), "model-viewer: npm ci in static/")
need(AXE.is_file(), "axe-core: npm ci in tests/")

# For people to look at.
SHOTS = Path(os.environ.get("SCREENSHOTS", PROJECT / "tests/screenshots"))

DESKTOP: Dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: Dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
NARROW: Dict[str, Any] = {**PHONE, "viewport": {"width": 320, "height": 640}}

# What the browser itself writes for any answer that is not 2xx, and for a lost connection.
NETWORK = "Failed to load resource"
REPORT = """
window.reports = [];
addEventListener("securitypolicyviolation", (event) =>
  reports.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


class Visitor:
    """A tab of a browser profile of its own, on the page at `url`."""

    def __init__(self, browser: Browser, url: str, **device: Any) -> None:
        self.context = browser.new_context(**(device or DESKTOP))
        self.context.add_init_script(REPORT)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.errors: List[str] = []
        self.refusals: List[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(url)
        # The list is read when the module has run.
        self.page.wait_for_selector("#engine:not(:empty)", state="attached")

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            kind = self.refusals if message.text.startswith(NETWORK) else self.errors
            kind.append(f"{message.text} {message.location.get('url', '')}")

    def choose(self, *photos: Any) -> None:
        """Choose files of tests/data, or {name, mimeType, buffer}."""
        files = [str(DATA / photo) if isinstance(photo, str) else photo for photo in photos]
        self.page.set_input_files("#front", files)

    def make(self) -> None:
        self.page.click("#make")

    def state(self, wanted: str, seconds: float = 60) -> None:
        """Wait until the stage is in that state."""
        selector = f"#stage[data-state={wanted}]"
        self.page.wait_for_selector(selector, timeout=seconds * 1000)

    def see_model(self, name: str) -> None:
        """Wait until model-viewer has drawn that model."""
        self.page.wait_for_selector(f'#stage[data-shown="{name}"]', timeout=90_000)

    def said(self, selector: str) -> str:
        return self.page.inner_text(selector).strip()

    def gallery(self) -> List[str]:
        """The names of the models listed."""
        return [str(name) for name in self.page.eval_on_selector_all(
            ".look", "looks => looks.map(({ dataset }) => dataset.model)"
        )]  # fmt: skip

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def violations(self) -> List[str]:
        """What axe-core finds wrong with the page as it stands."""
        # Not as a script element: the page's own policy would forbid it.
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        return [
            f"{each['id']}: {node['html'][:150]} {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ]


@contextmanager
def visit(browser: Browser, url: str, refusals: bool = False, **device: Any) -> Iterator[Visitor]:
    """A visitor of `url` who sees no error, CSP report or, unless `refusals`, refused request."""
    visitor = Visitor(browser, url, **device)
    try:
        yield visitor
        reports = visitor.page.evaluate("window.reports")
    finally:
        visitor.context.close()
    wrong = visitor.errors + reports + ([] if refusals else visitor.refusals)
    assert wrong == [], wrong


def is_flat(image: Image.Image) -> bool:
    """Whether a picture is of one colour, but for noise."""
    lows_highs = image.convert("RGB").getextrema()
    return all(high - low < 40 for low, high in lows_highs)  # type: ignore[operator,misc]
