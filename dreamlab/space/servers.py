"""Finds the Gradio server of an address. Says why there is none that makes models."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any, Set

from dreamlab.errors import GeneratorUnavailable, GeneratorUnusable
from dreamlab.space import hub
from dreamlab.space.description import SHAPE_ENDPOINT, TEXTURE_ENDPOINT

# What holds back the requests to a Space until it is awake may do so for minutes.
_WAKE_TIMEOUT_S = 10.0
# What a client is told of a server that takes too long.
NO_ANSWER = "The generator does not answer. Try again soon."


def find(address: str, token: Any, timeout_s: float) -> str:
    """Return the URL of the server at `address`, a URL or a Space's id.

    Raises GeneratorUnavailable.
    """
    if "://" in address:
        _check(address, token, timeout_s)
        return address
    space = hub.find(address, token)
    if space.if_silent is not None:
        timeout_s = min(timeout_s, _WAKE_TIMEOUT_S)
    try:
        _check(space.url, token, timeout_s)
    except GeneratorUnavailable as error:
        if space.if_silent is None:
            raise
        raise space.if_silent from error
    return space.url


def explain(error: Exception) -> GeneratorUnavailable:
    """Return our error for one of a request to the server, or of gradio_client's connecting."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return GeneratorUnavailable(NO_ANSWER)
    if isinstance(error, httpx.TransportError):
        return GeneratorUnavailable()
    return GeneratorUnusable(f"The generator's API cannot be read: {type(error).__name__}.")


@lru_cache(maxsize=None)
def certificates() -> ssl.SSLContext:
    """Load the certificates once: they cost 40 ms and a megabyte."""
    import httpx

    return httpx.create_ssl_context()


def _check(url: str, token: Any, timeout_s: float) -> None:
    """Raise GeneratorUnavailable unless a Gradio server with one of our endpoints answers.

    gradio_client would send what another server answers to Hugging Face, to have it converted.
    """
    import httpx
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    try:
        answer = httpx.get(
            url.rstrip("/") + "/config",
            headers=build_hf_headers(token=token),
            timeout=timeout_s,
            verify=certificates(),
        )
    except httpx.HTTPError as error:
        raise explain(error) from error
    status = answer.status_code
    if status == 429 or status >= 500:
        raise GeneratorUnavailable(f"The generator answers with {status}. Try again soon.")
    if status == 401:
        raise GeneratorUnusable("The generator asks for a login.")
    if status != 200:
        raise GeneratorUnusable(f"The generator is no Gradio server: it answers with {status}.")
    try:
        names = _endpoints(answer.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise GeneratorUnusable("The generator is no Gradio server.") from error
    if not names & {SHAPE_ENDPOINT, TEXTURE_ENDPOINT}:
        raise GeneratorUnusable(
            f"The generator has neither {SHAPE_ENDPOINT} nor {TEXTURE_ENDPOINT}."
        )


def _endpoints(config: Any) -> Set[str]:
    """Return the names of the endpoints in a Gradio server's configuration."""
    if not config["version"]:
        raise ValueError("no version of Gradio")
    return {f"/{each.get('api_name')}" for each in config["dependencies"]}
