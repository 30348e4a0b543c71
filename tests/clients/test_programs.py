"""The programs of the page /docs work when they are copied."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
import requests

from dreamlab.web.docs import LANGUAGES
from support.api import DATA
from support.models import glb_bytes
from support.needs import need
from support.processes import Server

RUN: Dict[str, List[str]] = {
    "curl": ["sh", "-e"],
    "Python": [sys.executable, "-"],
    "JavaScript": ["node", "--input-type=module", "-"],
}
NEEDED = {"curl": ["sh", "curl"], "Python": [], "JavaScript": ["node"]}


def need_programs(language: str) -> None:
    for name in NEEDED[language]:
        need(shutil.which(name) is not None, name)


def run(language: str, program: str, folder: Path) -> str:
    """Run a program and return its output. Fail with its errors where it does."""
    done = subprocess.run(
        RUN[language], input=program, cwd=folder, text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_followed(output: str) -> None:
    """Assert that the events of a generation are in `output`, in their order."""
    assert output.index("event: accepted") < output.index("event: complete")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_of_the_page_makes_a_model(
    language: str, tmp_path: Path, quick_server: Server
) -> None:
    need_programs(language)
    page = requests.get(quick_server.url + "/docs").text
    found = re.search(rf'data-language="{language}"><code>(.*?)</code>', page, re.DOTALL)
    assert found is not None
    program = html.unescape(found[1])
    assert quick_server.url in program
    shutil.copy(DATA / "chair.jpg", tmp_path)
    assert_followed(run(language, program, tmp_path))
    assert (tmp_path / "chair.glb").read_bytes() == glb_bytes()
