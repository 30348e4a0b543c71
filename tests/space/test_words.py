"""The words of the hosted Space: when to try again, mark-up, and what another try may mend."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Iterator, Optional

import gradio as gr
import pytest

from dreamlab.errors import GenerationError
from support.api import image_bytes
from support.service import generate, make_service
from support.spaces import space

QUOTA = "You have exceeded your GPU quota (60s requested vs. 12s left). "
Refuse = Callable[..., GenerationError]


@pytest.fixture(scope="module")
def refuse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refuse]:
    """Have a Gradio server raise an error with these words, and return what a client sees."""
    raised: Any = None

    def shape(image=None):
        raise raised

    photo = tmp_path_factory.mktemp("photo") / "chair.png"
    photo.write_bytes(image_bytes())
    with space(shape) as url:
        service = make_service(url)

        def words(text: str, **more: Any) -> GenerationError:
            nonlocal raised
            raised = gr.Error(text, **more)
            with pytest.raises(GenerationError) as refused:
                generate(service, photo)
            return refused.value

        yield words


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
def test_the_time_of_the_next_try_is_read(
    refuse: Refuse, words: str, seconds: Optional[int]
) -> None:
    error = refuse(QUOTA + words)
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
def test_mark_up_is_stripped_and_its_words_stay(refuse: Refuse, words: str, plain: str) -> None:
    error = str(refuse(words))
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
def test_a_lost_gpu_is_worth_another_try(refuse: Refuse, words: str) -> None:
    error = refuse(words)
    assert error.status == 503 and error.retry_after


@pytest.mark.skipif(
    "title" not in inspect.signature(gr.Error).parameters, reason="this Gradio sends no title"
)
def test_the_title_of_an_error_tells_its_kind(refuse: Refuse) -> None:
    assert refuse("RuntimeError", title="ZeroGPU worker error").status == 503


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
def test_words_that_look_alike_are_a_plain_failure(refuse: Refuse, words: str) -> None:
    assert refuse(words).status == 502
