"""The wrapper over the life of a server: progress, reconnecting, and what it leaves behind."""

from __future__ import annotations

import gc
import logging
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.options import Options
from dreamlab.settings import Settings
from dreamlab.space import connection
from dreamlab.space.progress import Progress, Queued
from support.api import wait_until
from support.proxy import Proxy
from support.service import generate, make_service
from support.spaces import MESH, HeldSpace, answer, free_port, space


def test_progress_and_position_in_the_queue_are_reported(photo: Path) -> None:
    events: List[object] = []
    steps = [threading.Event(), threading.Event()]

    def shape(image=None, progress=gr.Progress()):  # noqa: B008
        for number, step in enumerate(steps, 1):
            progress(number / 4, desc="shape")
            step.wait(60)
        return answer()

    with space(shape) as url, ThreadPoolExecutor(2) as pool:
        # Both are with the generator, which runs one.
        service = make_service(url, generator_concurrency=2)
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(),
                photo.with_name(name),
                events.append,
                lambda: False,
            )
            for name in ("a", "b")
        ]
        assert wait_until(lambda: Progress(0.25, "shape") in events)
        assert wait_until(
            lambda: any(isinstance(event, Queued) and event.position == 1 for event in events)
        )
        steps[0].set()
        assert wait_until(lambda: Progress(0.5, "shape") in events)
        steps[1].set()
        for job in jobs:
            job.result()


def test_failed_connections_are_released(photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    # pytest keeps log records, which would keep the errors alive.
    caplog.set_level(logging.CRITICAL, "dreamlab")

    def failed_futures() -> int:
        gc.collect()
        return sum(type(each) is Future and each.done() for each in gc.get_objects())

    service = make_service(f"http://127.0.0.1:{free_port()}")
    before = failed_futures()
    for _ in range(24):
        with pytest.raises(errors.GeneratorUnavailable):
            generate(service, photo)
    # Apps of earlier tests go on connecting, too.
    assert failed_futures() - before < 12


def test_a_server_that_dies_fails_its_job_and_is_connected_to_again(
    photo: Path, held_space: HeldSpace
) -> None:
    proxy = Proxy(int(held_space.url.rpartition(":")[2]))
    service = make_service(proxy.url)
    events: List[object] = []
    with ThreadPoolExecutor(1) as pool:
        target = photo.with_name("a.glb")
        views = {"front": photo}
        job = pool.submit(service.generate, views, Options(), target, events.append, lambda: False)
        assert wait_until(lambda: Progress(0.4, "shape") in events)
        proxy.cut()
        with pytest.raises(errors.GenerationFailed, match="died"):
            job.result(timeout=20)
    with pytest.raises(errors.GeneratorUnavailable, match="cannot be reached"):
        generate(service, photo)

    def shape(mv_image_front=None):
        return answer()

    with space(shape, port=proxy.port):
        assert generate(service, photo) == MESH.read_bytes()


def test_nothing_is_left_in_the_temporary_folder(
    photo: Path, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seed: int) -> None:
        raise gr.Error("Nothing stands out from the background.")

    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    service = make_service(told.url)
    told.shape = lambda seed: answer()
    generate(service, photo)
    told.shape = fail
    with pytest.raises(errors.NothingToModel):
        generate(service, photo)
    assert list(temporary.iterdir()) == []


def test_a_token_goes_to_hugging_face_only() -> None:
    settings = Settings(hf_token="hf_secret")
    assert connection._token("tencent/Hunyuan3D-2", settings) == "hf_secret"
    assert connection._token("https://me-mine.hf.space", settings) == "hf_secret"
    assert connection._token("http://gpu-box:8080", settings) is False
    assert connection._token("https://hf.space.example.com", settings) is False
