"""Debian's Chromium under Playwright. Test modules that import this are skipped without it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Iterator

import pytest

CHROMIUM = shutil.which("chromium")
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
]


def require(is_installed: bool, what: str) -> None:
    """Skip the importing module unless `is_installed`. With CI=true, raise an error instead."""
    if is_installed:
        return
    if os.environ.get("CI") == "true":
        raise RuntimeError(f"no {what}: .ci/run should have installed it")
    pytest.skip(f"needs {what}", allow_module_level=True)


require(CHROMIUM is not None, "chromium")
require(find_spec("playwright") is not None, "playwright, which needs Python 3.10")
from playwright.sync_api import Browser, sync_playwright  # noqa: E402


@contextmanager
def launch() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
