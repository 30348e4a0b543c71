"""RabbitMQ and Redis, started for the tests on free ports of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, List, Optional

from support.processes import wait_for_port
from support.spaces import free_port

PROGRAMS = ("rabbitmq-server", "redis-server", "nginx", "ip")
PACKAGES = ("celery", "redis", "gunicorn")


def missing() -> List[str]:
    """Return the programs and packages that the scale tests need and that are not installed."""
    programs = [program for program in PROGRAMS if shutil.which(program) is None]
    return programs + [package for package in PACKAGES if find_spec(package) is None]


class RabbitMQ:
    """One node, with its own name, files and port mapper. Its files survive `kill`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        shutil.chown(self.folder, "rabbitmq", "rabbitmq")
        self.port, distribution, mapper = free_port(), free_port(), free_port()
        # Otherwise the node starts a port mapper that outlives it.
        self._mapper = subprocess.Popen(["epmd", "-port", str(mapper), "-address", "127.0.0.1"])
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._environ = {
            **os.environ,
            "RABBITMQ_NODENAME": f"dreamlab{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["rabbitmq-server"],
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self.port, 90)

    def kill(self) -> None:
        assert self._process is not None
        kill_process_tree(self._process.pid)
        self._process.wait()
        wait_for_port(self.port, 10, open_=False)

    def close(self) -> None:
        self.kill()
        self._mapper.kill()
        self._mapper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis:
    """One server without persistence: it loses its data when it is killed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        wait_for_port(self.port, 20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def kill_process_tree(pid: int) -> None:
    """Kill a process and all processes that it started, whatever group they are in."""
    for child in process_tree(pid):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def process_tree(pid: int) -> List[int]:
    children: Dict[int, List[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found
