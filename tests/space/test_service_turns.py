"""A generation that the generator still runs keeps its place; endpoints share the generator."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.options import Options
from dreamlab.settings import load
from dreamlab.space.progress import Queued
from hunyuan_service import HunyuanService
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.service import generate, make_service
from support.spaces import MESH, answer, space

# Long enough for a generation to begin, where the machine is not busy with something else.
LIMIT_S = 1.5


class CountingSpace:
    """A server that no cancelling stops: its endpoints count what runs at the same time."""

    def __init__(self) -> None:
        self.url = ""
        self.running: List[str] = []
        self.begun = 0
        self.most = 0
        self.release = threading.Event()

    def run(self, name: str) -> None:
        self.running.append(name)
        self.begun += 1
        self.most = max(self.most, len(self.running))
        self.release.wait(60)
        self.running.remove(name)


@pytest.fixture(scope="module")
def counting_server() -> Iterator[CountingSpace]:
    counted = CountingSpace()

    def shape(image=None):  # type: ignore[no-untyped-def]
        counted.run("shape")
        return answer()

    def everything(image=None):  # type: ignore[no-untyped-def]
        counted.run("texture")
        return str(MESH), str(MESH), "", {}, 7

    with space(shape, everything) as counted.url:
        yield counted


@pytest.fixture
def counted(counting_server: CountingSpace) -> Iterator[CountingSpace]:
    counting_server.release.clear()
    counting_server.begun = counting_server.most = 0
    yield counting_server
    counting_server.release.set()
    assert wait_until(lambda: not counting_server.running)


def until_one_runs(counted: CountingSpace, start: Callable[[], Future[Any]]) -> List[Future[Any]]:
    """Start jobs until one runs. On a busy machine, one may reach its time limit before that."""
    jobs = [start()]
    while not wait_until(lambda: bool(counted.running), 0.05):
        if jobs[-1].done():
            jobs.append(start())
    return jobs


def test_a_running_job_keeps_its_place_after_the_time_limit(
    make_client: MakeClient, counted: CountingSpace
) -> None:
    client = make_client(counted.url, generation_timeout_s=LIMIT_S, max_generations=1)
    session_id = new_session(client)

    def generate_in_thread(accept: str) -> Future[Any]:
        return pool.submit(
            post, client.application.test_client(), session_id, image_bytes(), accept=accept
        )

    def generating() -> int:
        number: int = client.get("/api/health").json["generating"]
        return number

    with ThreadPoolExecutor(1) as pool:
        for accept in ("application/json", "text/event-stream"):
            answers = until_one_runs(counted, partial(generate_in_thread, accept))
            assert any("generation_timeout" in answer.result().text for answer in answers)
            assert_error(post(client, session_id, image_bytes()), 503, "generator_busy")
            assert generating() == 1
            counted.release.set()
            assert wait_until(lambda: generating() == 0)
            counted.release.clear()
    assert counted.most == 1


def test_plain_and_textured_jobs_do_not_run_at_once(photo: Path, counted: CountingSpace) -> None:
    with ThreadPoolExecutor(4) as pool:
        service = make_service(counted.url)
        events: List[object] = []
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(texture=texture),
                photo.with_name(f"{index}.glb"),
                events.append,
                lambda: False,
            )
            for index, texture in enumerate((True, False, True, False))
        ]
        assert wait_until(lambda: Queued(3, None) in events)
        counted.release.set()
        for job in jobs:
            job.result()
    assert (counted.begun, counted.most) == (4, 1)


def test_the_limit_is_a_setting(photo: Path, counted: CountingSpace) -> None:
    with ThreadPoolExecutor(2) as pool:
        service = make_service(counted.url, generator_concurrency=2)
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(texture=texture),
                photo.with_name(f"{texture}.glb"),
                print,
                lambda: False,
            )
            for texture in (True, False)
        ]
        assert wait_until(lambda: counted.most == 2)
        counted.release.set()
        for job in jobs:
            job.result()


@pytest.mark.parametrize(
    ("engine", "given", "limit"),
    (
        ("local", "", 1),
        ("http://gpu-box:8080", "", 1),
        ("tencent/Hunyuan3D-2", "", None),
        ("tencent/Hunyuan3D-2", "2", 2),
        ("http://gpu-box:8080", "3", 3),
    ),
)
def test_a_hosted_space_has_no_limit_by_default(engine: str, given: str, limit: object) -> None:
    settings = load({"HUNYUAN_SPACE_ID": engine, "GENERATOR_CONCURRENCY": given})
    assert settings.generations_at_once == limit


def test_who_waits_longer_than_the_time_limit_gets_a_timeout(
    photo: Path, counted: CountingSpace
) -> None:
    with ThreadPoolExecutor(1) as pool:
        service = make_service(counted.url, generation_timeout_s=LIMIT_S)
        jobs = until_one_runs(counted, lambda: pool.submit(generate, service, photo))
        assert all(isinstance(job.exception(), errors.GenerationTimeout) for job in jobs)
    # The generator still runs the first one, and would run this one beside it.
    with pytest.raises(errors.GenerationTimeout) as late:
        generate(service, photo, texture=True)
    assert late.value.job is None
    assert counted.running == ["shape"]


def test_a_job_that_waits_at_the_generator_is_cancelled(
    photo: Path, counted: CountingSpace
) -> None:
    events: List[object] = []

    def run_into_the_limit(service: HunyuanService) -> errors.GenerationTimeout:
        """Have a job wait at the generator until its time limit."""
        while True:
            with pytest.raises(errors.GenerationTimeout, match=r"within 1\.5 seconds") as late:
                service.generate(
                    {"front": photo}, Options(), photo.with_name("b"), events.append, lambda: False
                )
            if any(isinstance(event, Queued) for event in events):
                return late.value

    # Two services, for that the jobs do not wait for each other here.
    long_service = make_service(counted.url)
    short_service = make_service(counted.url, generation_timeout_s=LIMIT_S)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(generate, long_service, photo)
        assert wait_until(lambda: bool(counted.running))
        late = run_into_the_limit(short_service)
        # It did not wait for the job that runs.
        assert counted.running
        # Gradio 4 runs it all the same.
        is_cancelled = int(gr.__version__.split(".")[0]) > 4
        assert (late.job is None) == is_cancelled
        counted.release.set()
        assert first.result()
        generate(long_service, photo)
    assert counted.begun == (2 if is_cancelled else 3)
