"""Skips the tests of what a machine has not installed."""

from __future__ import annotations

import os

import pytest


def need(is_installed: bool, what: str) -> None:
    """Skip the test unless `is_installed`. Fail where .ci/run should have installed it."""
    if is_installed:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"no {what}: .ci/run should have installed it")
    pytest.skip(f"needs {what}")
