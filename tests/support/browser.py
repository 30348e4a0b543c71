"""Debian's Chromium under Playwright; tests that import it without are skipped."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Iterator

import pytest

CHROMIUM = shutil.which("chromium")
# --no-sandbox: CI runs as root. SwiftShader draws WebGL without a GPU. The rest keeps Chromium from
# calling home.
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


def need(there: bool, what: str) -> None:
    """Skip the importing module unless `there`; under CI=true that is an error."""
    if there:
        return
    if os.environ.get("CI") == "true":
        raise RuntimeError(f"no {what}: .ci/run should have installed it")
    pytest.skip(f"needs {what}", allow_module_level=True)


need(CHROMIUM is not None, "chromium")
need(find_spec("playwright") is not None, "playwright, which needs Python 3.10")
from playwright.sync_api import Browser, sync_playwright  # noqa: E402


@contextmanager
def launch() -> Iterator[Browser]:
    """A running Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
