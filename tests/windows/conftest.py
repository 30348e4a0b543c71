from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from support import wine


@pytest.fixture(scope="session", autouse=True)
def _needs_wine() -> None:
    if wine.PYTHON.exists():
        return
    if os.environ.get("CI") == "true":
        raise RuntimeError(f"no {wine.PYTHON}: .ci/run should have made it")
    pytest.skip(f"no {wine.PYTHON}, which tests/windows/setup makes")


@pytest.fixture
def start_windows(tmp_path: Path) -> Iterator[Callable[..., wine.WindowsServer]]:
    """Start a server with some settings. Its sessions are kept in `tmp_path`."""
    with ExitStack() as servers:

        def start(**how: Any) -> wine.WindowsServer:
            server = wine.WindowsServer(tmp_path, **how)
            servers.callback(server.kill)
            return server

        yield start
