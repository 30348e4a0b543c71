"""nginx with the configuration of deploy/nginx.conf."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping

from support.processes import PROJECT, wait_for_port
from support.spaces import free_port


@contextmanager
def nginx_for(
    folder: Path,
    ports: Mapping[int, int],
    sessions: str = "/mnt/sessions",
    is_behind_another: bool = False,
) -> Iterator[str]:
    """Yield the URL of an nginx for front ends on other ports and another shared folder.

    Behind another proxy, it has the lines for that, which are comments in the file.
    """
    port = free_port()
    conf = (PROJECT / "deploy" / "nginx.conf").read_text()
    changes = {f"127.0.0.1:{named}": f"127.0.0.1:{real}" for named, real in ports.items()}
    changes.update({"127.0.0.1:8080": f"127.0.0.1:{port}", "/mnt/sessions/": f"{sessions}/"})
    for named, real in changes.items():
        assert conf.count(named) == 1
        conf = conf.replace(named, real)
    if is_behind_another:
        conf, removed = re.subn(r"(?m)^ +proxy_set_header X-Forwarded-.*\n", "", conf)
        conf, added = re.subn(
            "# proxy_set_header X-Forwarded-", "proxy_set_header X-Forwarded-", conf
        )
        assert removed == added == 4
    (folder / "nginx.conf").write_text(conf)
    process = subprocess.Popen(
        [
            *("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "error.log"),
            *("-g", "daemon off; pid nginx.pid; user root;"),
        ]
    )
    try:
        wait_for_port(port, 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
