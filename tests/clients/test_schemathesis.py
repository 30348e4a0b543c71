"""schemathesis finds no difference between openapi.json and the server."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from support.needs import need
from support.processes import PROJECT, StartServer


def test_schemathesis_finds_no_difference(
    tmp_path: Path, stand_in_url: str, start_server: StartServer
) -> None:
    need(find_spec("schemathesis") is not None, "schemathesis, which needs Python 3.10")
    server = start_server(HUNYUAN_SPACE_ID=stand_in_url, METRICS="true")
    report = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{server.url}/openapi.json",
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
            "SCHEMATHESIS_HOOKS": str(PROJECT / "tests/support/schemathesis_hooks.py"),
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(report.stdout)
    assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]
    # At least one generation succeeded.
    assert list(tmp_path.glob("sessions/*/models/*.glb"))
