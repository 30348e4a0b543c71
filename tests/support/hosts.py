"""GPU machines and front ends as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import IO, Any, Iterator, List, Optional, Sequence
from typing import Counter as Counts

import requests

from support.api import wait_until
from support.brokers import RabbitMQ, Redis, kill_process_tree
from support.http_api import Event, HttpApi, read_events
from support.processes import PROJECT, start_space, wait_for_port
from support.spaces import free_port


class Cluster:
    """A broker, a result backend and a shared folder, and the settings that name them."""

    def __init__(self, folder: Path) -> None:
        self.sessions = folder / "sessions"
        self.rabbitmq, self.redis = RabbitMQ(), Redis()
        self.settings = {
            "CELERY_BROKER_URL": self.rabbitmq.url,
            "CELERY_RESULT_BACKEND": self.redis.url,
            "SESSIONS_DIR": str(self.sessions),
            "GENERATION_TIMEOUT_S": "30",
        }

    def close(self) -> None:
        self.rabbitmq.close()
        self.redis.kill()


class GpuMachine:
    """A Gradio server whose jobs take `seconds`, and the worker that uses it.

    A job whose caption is a number takes that many seconds.
    """

    def __init__(self, cluster: Cluster, name: str, seconds: float = 0, **settings: str) -> None:
        self.port = free_port()
        self.engine = f"http://127.0.0.1:{self.port}"
        self._name, self._seconds = name, seconds
        self._environ = {
            **os.environ,
            **cluster.settings,
            "HUNYUAN_SPACE_ID": self.engine,
            **settings,
        }
        self.start()

    def start(self) -> None:
        """Start the Gradio server and the worker unless they run."""
        if not hasattr(self, "space") or self.space.poll() is not None:
            self._start_space()
        if not hasattr(self, "worker") or self.worker.poll() is not None:
            self._start_worker()
        self.log.clear()
        self._jobs.clear()

    def _start_space(self) -> None:
        self.space = start_space(self.port, self._seconds)
        self._jobs: List[str] = []
        assert self.space.stdout is not None
        threading.Thread(target=self._read_jobs, args=(self.space.stdout,), daemon=True).start()

    def _read_jobs(self, output: IO[str]) -> None:
        for line in output:
            if line == "working\n":
                self._jobs.append(line)

    def _start_worker(self) -> None:
        command = f"-m celery -A dreamlab.cluster.worker worker --concurrency 1 -n {self._name}@%h"
        self.worker = subprocess.Popen(
            [sys.executable, *command.split()],
            cwd=PROJECT,
            env=self._environ,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.log: List[str] = []
        self._is_ready = threading.Event()
        assert self.worker.stderr is not None
        threading.Thread(target=self._read_log, args=(self.worker.stderr,), daemon=True).start()

    def _read_log(self, output: IO[str]) -> None:
        for line in output:
            if " ready." in line:
                self._is_ready.set()
            self.log.append(line)

    def wait(self) -> None:
        """Wait until the Gradio server and the worker are ready."""
        wait_for_port(self.port, 60)
        assert self._is_ready.wait(60), "".join(self.log)

    def has_job(self) -> bool:
        """Return whether the Gradio server has begun a job since the last start."""
        return bool(self._jobs)

    def kill_worker(self) -> None:
        """Kill the worker's main process only, as the kernel does when memory runs out."""
        self.worker.kill()
        self.worker.wait()

    def close_worker(self) -> None:
        """Kill the worker and its child processes."""
        kill_process_tree(self.worker.pid)
        self.worker.wait()

    def close(self) -> None:
        """Kill the worker, its child processes and the Gradio server."""
        self.close_worker()
        self.space.kill()
        self.space.wait()


class FrontEnd(HttpApi):
    """The API under gunicorn, as the deployment runs it."""

    def __init__(
        self, cluster: Cluster, processes: int = 2, log: Optional[Path] = None, **settings: str
    ) -> None:
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        command = f"-m gunicorn -c deploy/gunicorn.conf.py --workers {processes}"
        address = f"127.0.0.1:{self.port}"
        self._command = [sys.executable, *command.split(), "-b", address, "app:create_app()"]
        self._environ = {**os.environ, **cluster.settings, **settings}
        self._log = log
        self.start()

    def start(self) -> None:
        """Start gunicorn unless it runs, and wait until it answers."""
        if hasattr(self, "process") and self.process.poll() is None:
            return
        self.process = subprocess.Popen(
            self._command,
            cwd=PROJECT,
            env=self._environ,
            stderr=subprocess.DEVNULL if self._log is None else self._log.open("a"),
            stdout=subprocess.DEVNULL,
        )
        assert wait_until(self._is_ready), "no front end"

    def restart(self) -> float:
        """Stop the front end as operators do, and start it again. Return its seconds to the end."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(60)
        drained = time.monotonic() - started
        self.start()
        return drained

    def _is_ready(self) -> bool:
        try:
            return requests.get(self.url + "/api/health", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def streams(
        self, session_id: str, photo: bytes, count: int, **fields: str
    ) -> List[Iterator[Event]]:
        """Start `count` generations and return their events once all tasks are in the queue."""

        def start(_: int) -> Iterator[Event]:
            events = read_events(self.start_stream(session_id, photo, **fields))
            # The second event comes after the task was sent.
            return chain([next(events), next(events)], events)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(start, range(count)))

    def close(self) -> None:
        kill_process_tree(self.process.pid)
        self.process.wait()


def start_front_ends(cluster: Cluster, count: int, **how: Any) -> List[FrontEnd]:
    """Start front ends at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: FrontEnd(cluster, **how), range(count)))


class Load:
    """Concurrent generation requests, sent to the front ends in turn."""

    def __init__(
        self,
        front_ends: Sequence[FrontEnd],
        session_id: str,
        photo: bytes,
        count: int,
        **fields: str,
    ) -> None:
        self.started = time.monotonic()
        self._pool = ThreadPoolExecutor(count)
        self._futures = [
            self._pool.submit(front_ends[n % len(front_ends)].post, session_id, photo, **fields)
            for n in range(count)
        ]

    def answers(self) -> List[requests.Response]:
        with self._pool:
            return [future.result() for future in self._futures]

    def statuses(self) -> Counts[int]:
        return Counter(answer.status_code for answer in self.answers())
