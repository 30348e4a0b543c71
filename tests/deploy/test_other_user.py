"""Two users of one machine: what one has left in the temporary folder does not stop the other."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from support.api import DATA
from support.needs import need
from support.processes import Server

NOBODY = 65534
# A user who can write nothing of root's. Python and its packages may be in root's home.
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
CHAIR = (DATA / "chair.jpg").read_bytes()


def can_be_another_user() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*AS_NOBODY, "true"], stderr=subprocess.DEVNULL).returncode == 0


def test_a_second_user_starts_a_server_beside_root(tmp_path: Path) -> None:
    need(can_be_another_user(), "root on Linux, and setpriv")
    shared = tmp_path / "shared"
    shared.mkdir()
    # As /tmp is, with Gradio's folder in it that root has made.
    shared.chmod(0o1777)
    (shared / "gradio").mkdir()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    environ = {"TMPDIR": str(shared), "HOME": str(theirs), "PYTHONDONTWRITEBYTECODE": "1"}
    environ.update(GRADIO_TEMP_DIR="", MPLCONFIGDIR=str(theirs))
    ours = Server(tmp_path / "ours", **environ)
    other = Server(theirs, command=AS_NOBODY, **environ)
    try:
        for server in (ours, other, ours):
            assert server.post(server.session(), CHAIR).status_code == 200
    finally:
        for server in (ours, other):
            server.end(signal.SIGTERM)
    assert [each.name for each in shared.glob("gradio*/*")] == []
