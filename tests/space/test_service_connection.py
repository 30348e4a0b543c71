"""The wrapper over the life of a server: progress, reconnecting, and what it leaves behind."""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.settings import Settings
from dreamlab.space import connection
from dreamlab.space.options import Options
from dreamlab.space.progress import Progress, Queued
from support.api import MakeClient, assert_error, image_bytes, new_session, post
from support.processes import run_space
from support.service import generate, make_service
from support.spaces import answer, free_port, space


def test_progress_and_position_in_the_queue_are_reported(photo: Path) -> None:
    def shape(image=None, progress=gr.Progress()):  # noqa: B008
        for step in range(3):
            progress(step / 4, desc="shape")
            time.sleep(0.4)
        return answer()

    events: Dict[str, List[object]] = {"a": [], "b": []}
    with space(shape) as url, ThreadPoolExecutor(2) as pool:
        service = make_service(url)
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(),
                photo.with_name(name),
                received.append,
            )
            for name, received in events.items()
        ]
        for job in jobs:
            job.result()
    all_events = events["a"] + events["b"]
    assert Progress(0.25, "shape") in all_events and Progress(0.5, "shape") in all_events
    assert any(isinstance(event, Queued) and event.position >= 1 for event in all_events)


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


def test_the_wrapper_reconnects_to_a_server_that_crashed(
    make_client: MakeClient,
) -> None:
    port = free_port()
    process = run_space(port, 60)
    try:
        client = make_client(f"http://127.0.0.1:{port}")
        session_id = new_session(client)
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(post, client.application.test_client(), session_id, image_bytes())
            assert process.stdout is not None and process.stdout.readline() == "working\n"
            os.kill(process.pid, signal.SIGKILL)
            assert_error(job.result(timeout=10), 502, "generation_failed", "died")
    finally:
        process.kill()
        process.wait()
    assert_error(post(client, session_id, image_bytes()), 503, "generator_unavailable")

    def shape(mv_image_front=None):
        return answer()

    with space(shape, port=port):
        assert post(client, session_id, image_bytes()).status_code == 200


def test_nothing_is_left_in_the_temporary_folder(
    photo: Path, stand_in_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    service = make_service(stand_in_url)
    generate(service, photo)
    photo.write_bytes(image_bytes(mode="L", size=(1, 1)))
    with pytest.raises(errors.NothingToModel):
        generate(service, photo)
    assert list(temporary.iterdir()) == []


def test_a_token_goes_to_hugging_face_only() -> None:
    settings = Settings(hf_token="hf_secret")
    assert connection._token("tencent/Hunyuan3D-2", settings) == "hf_secret"
    assert connection._token("https://me-mine.hf.space", settings) == "hf_secret"
    assert connection._token("http://gpu-box:8080", settings) is False
    assert connection._token("https://hf.space.example.com", settings) is False
