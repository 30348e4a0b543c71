"""GPU boxes and front ends as processes of their own."""

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
from typing import IO, Dict, Iterator, List, Sequence
from typing import Counter as Counts

import requests

from support import streams
from support.api import wait_until
from support.brokers import RabbitMQ, Redis, kill_family
from support.processes import PROJECT, start_space, wait_for_port
from support.spaces import free_port
from support.streams import Event


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


class Box:
    """A GPU box: a Gradio server that takes `seconds` a job, and the worker in front of it."""

    def __init__(self, cluster: Cluster, name: str, seconds: float, **settings: str) -> None:
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
        """Start what does not run."""
        if not hasattr(self, "space") or self.space.poll() is not None:
            self.space = start_space(self.port, self._seconds)
        if not hasattr(self, "worker") or self.worker.poll() is not None:
            self._start_worker()
        self.log.clear()

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
        threading.Thread(target=self._listen, args=(self.worker.stderr,), daemon=True).start()

    def _listen(self, output: IO[str]) -> None:
        for line in output:
            if line.endswith("ready.\n"):
                self._is_ready.set()
            self.log.append(line)

    def wait(self) -> None:
        """Until both can be used."""
        wait_for_port(self.port, 60)
        assert self._is_ready.wait(60), "".join(self.log)

    def is_working(self) -> bool:
        return any("received" in line for line in self.log)

    def kill_worker(self) -> None:
        """SIGKILL for the worker's main process only, as the kernel does when memory runs out."""
        self.worker.kill()
        self.worker.wait()

    def close(self) -> None:
        """The whole box is gone."""
        kill_family(self.worker.pid)
        self.worker.wait()
        self.space.kill()
        self.space.wait()


def start_boxes(cluster: Cluster, seconds: float, *names: str) -> List[Box]:
    boxes = [Box(cluster, name, seconds) for name in names]
    for box in boxes:
        box.wait()
    return boxes


class FrontEnd:
    """The API under gunicorn, as the README runs it."""

    def __init__(self, cluster: Cluster, processes: int = 2, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = f"-m gunicorn -c deploy/gunicorn.conf.py --workers {processes}"
        self.process = subprocess.Popen(
            [sys.executable, *command.split(), "-b", f"127.0.0.1:{self.port}", "app:create_app()"],
            cwd=PROJECT,
            env={**os.environ, **cluster.settings, **settings},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        assert wait_until(self._answers), "no front end"

    def _answers(self) -> bool:
        try:
            return requests.get(self.url + "/api/health", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def session(self) -> str:
        return str(requests.get(self.url + "/api/generate_session_id").json()["session_id"])

    def post(self, session_id: str, photo: bytes, **fields: str) -> requests.Response:
        return requests.post(
            f"{self.url}/api/process_furniture_image/{session_id}",
            files={"image": ("chair.png", photo)},
            data=fields,
            timeout=100,
        )

    def streams(self, session_id: str, photo: bytes, count: int) -> List[Iterator[Event]]:
        """The events of so many generations, once all of their tasks are in the queue."""

        def begin(_: int) -> Iterator[Event]:
            events = streams.read(streams.start(self.url, session_id, photo))
            # None is told before the task is sent.
            return chain([next(events)], events)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(begin, range(count)))

    def models(self, session_id: str) -> List[str]:
        listed: List[str] = requests.get(f"{self.url}/api/session_models/{session_id}").json()[
            "models"
        ]
        return listed

    def health(self) -> Dict[str, object]:
        told: Dict[str, object] = requests.get(self.url + "/api/health").json()
        return told

    def close(self) -> None:
        kill_family(self.process.pid)
        self.process.wait()


class Load:
    """Requests that are on their way, round robin over some front ends."""

    def __init__(
        self, front_ends: Sequence[FrontEnd], session_id: str, photo: bytes, count: int
    ) -> None:
        self.started = time.monotonic()
        self._pool = ThreadPoolExecutor(count)
        self._futures = [
            self._pool.submit(front_ends[n % len(front_ends)].post, session_id, photo)
            for n in range(count)
        ]

    def answers(self) -> List[requests.Response]:
        with self._pool:
            return [future.result() for future in self._futures]

    def statuses(self) -> Counts[int]:
        return Counter(answer.status_code for answer in self.answers())
