"""The systemd units, as systemd reads them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dreamlab.settings import PROJECT
from support.needs import need

UNITS = PROJECT / "deploy" / "systemd"


def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    need(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    units = sorted(folder.glob("*.service"))
    assert len(units) == 3
    for unit in units:
        # It checks that the program is there.
        text, python = unit.read_text("utf-8"), "/opt/dreamlab/.venv/bin/python"
        assert text.count(python) == 1
        unit.write_text(text.replace(python, sys.executable), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True
    )
    # What is wrong in a drop-in does not change the exit status.
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
