"""Finds the Gradio server of an address. Says why there is none that makes models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Set, Tuple

from dreamlab.errors import GeneratorUnavailable, GeneratorUnusable
from dreamlab.space import hub, proxies
from dreamlab.space.description import SHAPE_ENDPOINT, TEXTURE_ENDPOINT

if TYPE_CHECKING:
    import httpx

# What holds back the requests to a Space until it is awake may do so for minutes.
_WAKE_TIMEOUT_S = 10.0
# What a client is told of a server that takes too long.
NO_ANSWER = "The generator does not answer. Try again soon."

# The user and the password of a Gradio server.
Login = Optional[Tuple[str, str]]


class Server(NamedTuple):
    """A server's URL, and the login if it asks for one."""

    url: str
    login: Login


def find(address: str, token: Any, login: Login, timeout_s: float) -> Server:
    """Return the server at `address`, a URL or a Space's id.

    Raises GeneratorUnavailable.
    """
    if "://" in address:
        return _check(address, token, login, timeout_s)
    space = hub.find(address, token)
    if space.if_silent is not None:
        timeout_s = min(timeout_s, _WAKE_TIMEOUT_S)
    try:
        return _check(space.url, token, login, timeout_s)
    except GeneratorUnavailable as error:
        if space.if_silent is None:
            raise
        raise space.if_silent from error


def explain(error: Exception) -> GeneratorUnavailable:
    """Return our error for one of a request to the server, or of gradio_client's connecting."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return GeneratorUnavailable(NO_ANSWER)
    if isinstance(error, httpx.TransportError):
        return GeneratorUnavailable()
    return GeneratorUnusable(f"The generator's API cannot be read: {type(error).__name__}.")


def _check(url: str, token: Any, login: Login, timeout_s: float) -> Server:
    """Return the server at `url` if it is a Gradio server with one of our endpoints.

    Raises GeneratorUnavailable. gradio_client would send what another server answers to Hugging
    Face, to have it converted.
    """
    import httpx
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = url.rstrip("/")
    headers = build_hf_headers(token=token)
    try:
        with proxies.open_client(url, headers=headers, timeout=timeout_s) as http:
            answer = http.get(url + "/config")
            if answer.status_code == 401:
                if login is None:
                    raise GeneratorUnusable(
                        "The generator asks for a login. Set HUNYUAN_SPACE_AUTH to user:password."
                    )
                answer = _log_in(http, url, login)
            else:
                login = None
    except httpx.HTTPError as error:
        raise explain(error) from error
    _check_config(answer)
    return Server(url, login)


def _log_in(http: httpx.Client, url: str, login: Tuple[str, str]) -> httpx.Response:
    """Return what the server answers for its configuration after the login."""
    user, password = login
    answer = http.post(url + "/login", data={"username": user, "password": password})
    # Gradio's own answer to a wrong password is 400.
    if answer.status_code in (400, 401, 403):
        raise GeneratorUnusable("The generator does not accept the login in HUNYUAN_SPACE_AUTH.")
    if answer.is_success:
        return http.get(url + "/config")
    return answer


def _check_config(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 429 or status >= 500:
        raise GeneratorUnavailable(f"The generator answers with {status}. Try again soon.")
    if answer.is_redirect:
        # Where it leads to may be internal, and clients read this.
        raise GeneratorUnusable(
            "The generator's address redirects to another one. Set HUNYUAN_SPACE_ID to that one."
        )
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
