"""The words of the hosted Space: when to try again, mark-up, and what another try may mend."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Optional

import gradio as gr
import pytest
from gradio_client.exceptions import AppError

from dreamlab.errors import GenerationError, GeneratorUnavailable
from dreamlab.space.failures import translate
from support.service import generate, make_service

QUOTA = "You have exceeded your GPU quota (60s requested vs. 12s left). "


def refusal(words: str) -> GenerationError:
    """Return what becomes of an error with these words."""
    return translate(AppError(words))


@pytest.mark.parametrize(
    ("words", "seconds"),
    (
        ("Try again in 2:05:11", 7511),
        ("try again in 1 day, 2:03:04.", 93784),
        ("Sign-up to get more quotas or retry in 0:09:48.", 588),
        ("Please retry in 45s", 45),
        ("Try again in 3 minutes and 20 seconds", 200),
        ("Try again in 2 days", 172800),
        ("Retry in 1h 30m", 5400),
        ("Try again in 1 hour, 2 mins and 3 secs.", 3723),
        ("Try again in 0:00:00", 0),
        ("Try again later", None),
        ("Retry in a while", None),
    ),
)
def test_the_time_of_the_next_try_is_read(words: str, seconds: Optional[int]) -> None:
    error = refusal(QUOTA + words)
    assert (error.status, error.retry_after) == (429, seconds)


@pytest.mark.parametrize(
    ("words", "plain"),
    (
        (
            '<a style="x" href="https://y">Create a free account</a> to go on',
            "Create a free account",
        ),
        ("[Subscribe to Pro](https://hf.co/pro) to get 5x more", "Subscribe to Pro to get 5x more"),
        ("a &amp; b &lt; c", "a & b < c"),
        ("<b>bold</b><br/>text", "boldtext"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ),
)
def test_mark_up_is_stripped_and_its_words_stay(words: str, plain: str) -> None:
    error = str(refusal(words))
    assert plain in error and "href" not in error and "](" not in error


@pytest.mark.parametrize(
    "words",
    (
        "GPU task aborted",
        "The GPU task was aborted",
        "ZeroGPU worker error: RuntimeError",
        "Expired ZeroGPU proxy token",
        "ZeroGPU proxy token has expired",
        "Invalid Hugging Face token",
        "Your access token is invalid",
        "The token has expired.",
        "Expired token",
    ),
)
def test_a_lost_gpu_is_worth_another_try(words: str) -> None:
    error = refusal(words)
    assert error.status == 503 and error.retry_after


@pytest.mark.skipif(
    "title" not in inspect.signature(gr.Error).parameters, reason="this Gradio sends no title"
)
def test_the_title_of_an_error_tells_its_kind(photo: Path, told: Any) -> None:
    def shape(seed: int) -> None:
        raise gr.Error("RuntimeError", title="ZeroGPU worker error")

    told.shape = shape
    with pytest.raises(GeneratorUnavailable):
        generate(make_service(told.url), photo)


@pytest.mark.parametrize(
    "words",
    (
        "The caption has an invalid token",
        "Unexpected token 'aborted' in the caption",
        "The mesh was aborted",
        "worker error: no faces",
        "tokenizer failed: expired",
    ),
)
def test_words_that_look_alike_are_a_plain_failure(words: str) -> None:
    assert refusal(words).status == 502
