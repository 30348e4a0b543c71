"""What Hugging Face says of a Space: where it is, and why it does not answer."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple, Optional

from dreamlab.errors import GeneratorStarting, GeneratorUnavailable, GeneratorUnusable
from dreamlab.space import proxies

log = logging.getLogger(__name__)

_TIMEOUT_S = 8.0

_ASLEEP = GeneratorStarting, "is asleep and is being woken. Try again in a minute."
_STARTING = GeneratorStarting, "is starting. Try again in a minute."
# The stages in which a Space does not answer. A stage that we do not know is no obstacle.
_SILENT_STAGES = {
    "SLEEPING": _ASLEEP,
    "STOPPED": _ASLEEP,
    "APP_STARTING": _STARTING,
    "RUNNING_APP_STARTING": _STARTING,
    "BUILDING": (GeneratorStarting, "is being built. Try again in a few minutes."),
    "PAUSED": (GeneratorUnusable, "is paused. Only its owner can start it again."),
    "RUNTIME_ERROR": (GeneratorUnusable, "has crashed. Its owner has to repair it."),
    "BUILD_ERROR": (GeneratorUnusable, "could not be built. Its owner has to repair it."),
    "CONFIG_ERROR": (GeneratorUnusable, "has a wrong configuration. Its owner has to repair it."),
    "NO_APP_FILE": (GeneratorUnusable, "has no app."),
    "DELETING": (GeneratorUnusable, "is being deleted."),
}
# A request to its server wakes a Space. One that starts may answer before the Hub knows.
_WORTH_A_REQUEST = (_ASLEEP, _STARTING)


class Space(NamedTuple):
    """A Space's URL, and the error to raise if its server does not answer."""

    url: str
    if_silent: Optional[GeneratorUnavailable]


def find(space_id: str, token: Any) -> Space:
    """Return the Space of this id. Raises GeneratorUnavailable if no request to it makes sense."""
    import huggingface_hub
    import huggingface_hub.constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        HfHubHTTPError,
        HFValidationError,
    )

    # Else such a proxy counts as a Hugging Face that cannot be reached.
    proxies.open_client(huggingface_hub.constants.ENDPOINT).close()
    try:
        info = huggingface_hub.space_info(space_id, token=token, timeout=_TIMEOUT_S)
    except HfHubHTTPError as error:
        raise _refusal(space_id, error.response) from error
    except HFValidationError as error:
        raise GeneratorUnusable(f"There is no Space {space_id}: that is no valid id.") from error
    except (LookupError, TypeError, ValueError) as error:
        raise GeneratorUnavailable(
            "Hugging Face's answer cannot be read. Try again soon."
        ) from error
    except Exception as error:
        # Its HTTP library, and so the class of the error, differs between releases.
        raise GeneratorUnavailable("Hugging Face cannot be reached. Try again soon.") from error
    if info.id.lower() != space_id.lower():
        log.warning(
            "the Space %s has moved: set HUNYUAN_SPACE_ID to its new id %s", space_id, info.id
        )
    silent_stage = _SILENT_STAGES.get(getattr(info.runtime, "stage", ""))
    if silent_stage is None:
        if_silent = None
    else:
        kind, words = silent_stage
        if_silent = kind(f"The Space {space_id} {words}")
        if silent_stage not in _WORTH_A_REQUEST:
            raise if_silent
    if not info.host:
        raise GeneratorUnusable(f"The Space {space_id} has no address.")
    return Space(info.host, if_silent)


def _refusal(space_id: str, response: Any) -> GeneratorUnavailable:
    """Return our error for the Hub's."""
    status = response.status_code
    if status == 429 or status >= 500:
        return GeneratorUnavailable(f"Hugging Face answers with {status}. Try again soon.")
    has_token = "authorization" in response.request.headers
    if status == 401 and has_token and response.headers.get("X-Error-Code") != "RepoNotFound":
        return GeneratorUnusable("Hugging Face does not accept the HF_TOKEN.")
    if status in (401, 404):
        # The Hub does not tell a stranger whether there is such a Space.
        private = "its HF_TOKEN gives no access to it" if has_token else "it needs an HF_TOKEN"
        return GeneratorUnusable(f"There is no Space {space_id}, or it is private and {private}.")
    if status == 403:
        return GeneratorUnusable(f"Hugging Face gives no access to the Space {space_id}.")
    return GeneratorUnusable(f"Hugging Face answers with {status}.")
