"""Generators that refuse or are busy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from dreamlab import errors
from dreamlab.options import Options
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.service import generate, make_service
from support.spaces import held_space, space


@pytest.mark.parametrize(
    ("words", "plain", "status", "code", "retry_after"),
    (
        ("The chair has no legs", "The chair has no legs", 502, "generation_failed", None),
        (
            "You have exceeded your GPU quota (60s requested vs. 12s left). Try again in 2:05:11",
            "12s left). Try again in 2:05:11",
            429,
            "quota_exceeded",
            7511,
        ),
        (
            "You have exceeded your ZeroGPU runs limit. "
            '<a style="x" href="https://y">Log in</a> for [more](https://z) &amp; cheaper quota.',
            "limit. Log in for more & cheaper quota.",
            429,
            "quota_exceeded",
            None,
        ),
        (
            "No GPU is currently available for you after 60s",
            "after 60s",
            503,
            "generator_busy",
            15,
        ),
        (
            "OSError: [Errno 122] Disk quota exceeded",
            "Disk quota exceeded",
            502,
            "generation_failed",
            None,
        ),
    ),
)
def test_an_error_of_the_generator_is_passed_on(
    make_client: MakeClient,
    told: Any,
    words: str,
    plain: str,
    status: int,
    code: str,
    retry_after: Any,
) -> None:
    def shape(seed: int) -> None:
        raise gr.Error(words)

    told.shape = shape
    client = make_client(told.url)
    refused = post(client, new_session(client), image_bytes(), "chair.png")
    assert_error(refused, status, code)
    assert refused.json["error"].endswith(plain)
    assert refused.json["filename"] == "chair.png"
    assert refused.headers.get("Retry-After", type=int) == retry_after


def test_an_error_without_a_reason_is_a_failed_generation(photo: Path) -> None:
    def shape(image=None):
        raise ValueError("secret")

    with space(shape, show_error=False) as url, pytest.raises(errors.GenerationFailed):
        generate(make_service(url), photo)


def test_a_full_queue_of_the_generator_is_generator_busy(photo: Path) -> None:
    with held_space(max_queue=1) as held, ThreadPoolExecutor(3) as pool:
        service = make_service(held.url, generator_concurrency=3)
        jobs = [
            pool.submit(
                service.generate,
                {"front": photo},
                Options(),
                photo.with_name(f"{n}.glb"),
                print,
                lambda: False,
            )
            for n in range(3)
        ]
        assert wait_until(lambda: any(job.done() for job in jobs))
        held.release.set()
        failures = [job.exception() for job in jobs if job.exception()]
    assert failures and all(isinstance(failure, errors.GeneratorBusy) for failure in failures)
