"""Debian's Chromium under Playwright."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Iterator

from dreamlab.web.assets import VIEWER
from support.needs import need
from support.processes import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Browser
else:
    Browser = Any

AXE = PROJECT / "tests/node_modules/axe-core/axe.min.js"
# --no-sandbox: CI runs as root. SwiftShader draws WebGL without a GPU. The other flags turn off
# requests to Google and the dialogs of a first start.
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu-compositing",
]


def need_browser() -> None:
    """Skip the test where the pages or the browser are not installed."""
    need(shutil.which("chromium") is not None, "chromium")
    need(find_spec("playwright") is not None, "playwright, which needs Python 3.10")
    need(AXE.is_file(), "axe-core: npm ci in tests/")
    need(VIEWER.is_file(), "npm ci in dreamlab/web/static/")


@contextmanager
def launch() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()
