"""The examples of the READMEs work when they are pasted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from support.models import glb_bytes
from support.needs import need
from support.processes import PROJECT, Server

PORT_5000 = "http://127.0.0.1:5000"
# The file input of a page, for Node: it has the photo that a person chose.
FILE_INPUT = """
import { readFileSync } from "node:fs";
const chosen = new Blob([readFileSync("tests/data/chair.jpg")]);
globalThis.document = { querySelector: () => ({ files: [chosen] }) };
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the examples read."""
    (tmp_path / "tests").symlink_to(PROJECT / "tests", target_is_directory=True)
    return tmp_path


def example(readme: str, heading: str, language: str = "") -> str:
    """Return the first block of code in `language` under a heading."""
    text = (PROJECT / readme).read_text("utf-8").partition(f"\n## {heading}\n")[2]
    return text.split("\n## ")[0].partition(f"```{language}\n")[2].partition("```")[0]


def paste(code: str, command: List[str], server: Server, folder: Path) -> str:
    """Run an example that calls this server and return what it prints."""
    assert PORT_5000 in code
    for name in ("curl", "node"):
        need(shutil.which(name) is not None, name)
    done = subprocess.run(
        command,
        input=code.replace(PORT_5000, server.url),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_three_calls_work_when_pasted(quick_server: Server, folder: Path) -> None:
    paste(example("README.md", "Three calls"), ["sh", "-e"], quick_server, folder)
    assert (folder / "chair.glb").read_bytes() == glb_bytes()


def test_the_calls_of_a_generation_work_when_pasted_after_them(
    quick_server: Server, folder: Path
) -> None:
    code = example("README.md", "Three calls")
    blocks = (PROJECT / "dreamlab" / "README.md").read_text("utf-8").split("```")
    code += next(block for block in blocks if block.startswith("\ngeneration="))
    printed = paste(code, ["sh", "-e"], quick_server, folder)
    assert printed.index("event: accepted") < printed.index("event: complete")


def test_the_python_program_works_when_pasted(quick_server: Server, folder: Path) -> None:
    paste(
        example("README.md", "From a program", "python"),
        [sys.executable, "-"],
        quick_server,
        folder,
    )
    assert (folder / "chair.glb").read_bytes() == glb_bytes()


def test_the_javascript_program_works_when_pasted(quick_server: Server, folder: Path) -> None:
    code = FILE_INPUT + example("README.md", "From a program", "js")
    printed = paste(code, ["node", "--input-type=module"], quick_server, folder)
    assert printed.strip().startswith(quick_server.url)
    assert printed.strip().endswith(".glb")
