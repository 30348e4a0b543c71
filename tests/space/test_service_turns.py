"""A generation that the generator still runs keeps its place; endpoints share the generator."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, NamedTuple

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.settings import load
from dreamlab.space.options import Options
from dreamlab.space.progress import Queued
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.service import generate, make_service
from support.spaces import MESH, answer, space


class Counted(NamedTuple):
    url: str
    running: List[str]
    most: List[int]
    release: threading.Event


@contextmanager
def counting_space() -> Iterator[Counted]:
    """A server that no cancelling stops: its endpoints count what runs at the same time."""
    running: List[str] = []
    most = [0]
    release = threading.Event()

    def run(name: str) -> None:
        running.append(name)
        most[0] = max(most[0], len(running))
        release.wait(20)
        running.remove(name)

    def shape(image=None):
        run("shape")
        return answer()

    def everything(image=None):
        run("texture")
        return str(MESH), str(MESH), "", {}, 7

    with space(shape, everything) as url:
        yield Counted(url, running, most, release)
        release.set()


def test_a_running_job_keeps_its_place_after_the_time_limit(make_client: MakeClient) -> None:
    with counting_space() as counted:
        client = make_client(counted.url, generation_timeout_s=1.5, max_generations=1)
        session_id = new_session(client)
        for accept in ("application/json", "text/event-stream"):
            counted.release.clear()
            late = post(client, session_id, image_bytes(), accept=accept)
            assert "generation_timeout" in late.text
            assert_error(post(client, session_id, image_bytes()), 503, "generator_busy")
            assert client.get("/api/health").json["generating"] == 1
            counted.release.set()
            assert wait_until(lambda: client.get("/api/health").json["generating"] == 0)
        assert post(client, session_id, image_bytes()).status_code == 200
        assert counted.most == [1]


def test_plain_and_textured_jobs_do_not_run_at_once(photo: Path) -> None:
    with counting_space() as counted, ThreadPoolExecutor(4) as pool:
        service = make_service(counted.url)
        events: List[object] = []
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(texture=texture),
                photo.with_name(f"{index}.glb"),
                events.append,
            )
            for index, texture in enumerate((True, False, True, False))
        ]
        assert wait_until(lambda: Queued(3, None) in events)
        counted.release.set()
        for job in jobs:
            job.result()
    assert counted.most == [1]


def test_the_limit_is_a_setting(photo: Path) -> None:
    with counting_space() as counted, ThreadPoolExecutor(2) as pool:
        service = make_service(counted.url, generator_concurrency=2)
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(texture=texture),
                photo.with_name(f"{texture}.glb"),
            )
            for texture in (True, False)
        ]
        assert wait_until(lambda: counted.most == [2])
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


def test_who_waits_longer_than_the_time_limit_gets_a_timeout(photo: Path) -> None:
    with counting_space() as counted, ThreadPoolExecutor(1) as pool:
        service = make_service(counted.url, generation_timeout_s=3)
        first = pool.submit(generate, service, photo)
        assert wait_until(lambda: bool(counted.running))
        with pytest.raises(errors.GenerationTimeout) as late:
            generate(service, photo)
        assert late.value.unfinished is None
        assert isinstance(first.exception(), errors.GenerationTimeout)
        counted.release.set()


def test_a_job_that_waits_at_the_generator_is_cancelled(photo: Path) -> None:
    started: List[float] = []
    release = threading.Event()

    def shape(image=None):
        started.append(time.monotonic())
        release.wait(20)
        return answer()

    with space(shape) as url, ThreadPoolExecutor(1) as pool:
        service, short_service = make_service(url), make_service(url, generation_timeout_s=2)
        first = pool.submit(generate, service, photo)
        assert wait_until(lambda: bool(started))
        before = time.monotonic()
        with pytest.raises(errors.GenerationTimeout, match="within 2 seconds") as late:
            generate(short_service, photo)
        assert time.monotonic() - before < 4
        # Gradio 4 runs it all the same.
        is_cancelled = int(gr.__version__.split(".")[0]) > 4
        assert (late.value.unfinished is None) == is_cancelled
        release.set()
        assert first.result()
        generate(service, photo)
    assert len(started) == (2 if is_cancelled else 3)
