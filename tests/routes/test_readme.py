"""The README's quick start works when it is pasted into a shell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.models import glb_bytes
from support.processes import PROJECT, StartServer


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_three_calls_work_when_pasted(
    tmp_path: Path, quick_space: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space)
    readme = (PROJECT / "README.md").read_text("utf-8")
    block = readme.partition("## Three calls")[2].split("```")[1]
    assert "http://127.0.0.1:5000" in block
    (tmp_path / "tests").symlink_to(PROJECT / "tests", target_is_directory=True)
    subprocess.run(
        ["sh", "-e"],
        input=block.replace("http://127.0.0.1:5000", server.url),
        cwd=tmp_path,
        text=True,
        check=True,
        timeout=60,
    )
    assert (tmp_path / "chair.glb").read_bytes() == glb_bytes()
    block += readme.partition("## A generation")[2].split("```")[1]
    done = subprocess.run(
        ["sh", "-e"],
        input=block.replace("http://127.0.0.1:5000", server.url),
        cwd=tmp_path,
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )
    accepted, complete = done.stdout.index("event: accepted"), done.stdout.index("event: complete")
    assert accepted < complete
