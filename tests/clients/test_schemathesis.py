"""schemathesis finds no difference between openapi.json and the server."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from support.needs import need
from support.processes import PROJECT, Server


def test_schemathesis_finds_no_difference(tmp_path: Path, solid_server: Server) -> None:
    need(find_spec("schemathesis") is not None, "schemathesis, which needs Python 3.10")
    models = set(solid_server.sessions.glob("*/models/*.glb"))
    report = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{solid_server.url}/openapi.json",
            "--checks=all",
            "--max-examples=8",
            "--generation-deterministic",
            "--request-timeout=60",
            # By default it is 10 s: too short for a generation on a busy machine.
            "--max-response-time=60",
            "--no-color",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT / "tests"),
            "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(report.stdout)
    assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]
    # At least one generation succeeded.
    assert set(solid_server.sessions.glob("*/models/*.glb")) > models
