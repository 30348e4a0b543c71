"""What is left of the GPU quota of the HF_TOKEN's owner, which Hugging Face's Spaces share."""

from __future__ import annotations

import logging
import time
from typing import Any, Dict, Optional

from dreamlab.background import start
from dreamlab.settings import Settings

log = logging.getLogger(__name__)

_ASK_EVERY_S = 60.0


class GpuQuota:
    """The quota as Hugging Face told it last. It is asked in the background."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.hf_token if settings.is_space else None
        self._last: Optional[Dict[str, Any]] = None
        self._asked = -_ASK_EVERY_S

    def last(self) -> Optional[Dict[str, Any]]:
        """Return what was told last, or None. Ask again if that was a minute ago."""
        if self._token is not None and time.monotonic() - self._asked >= _ASK_EVERY_S:
            self._asked = time.monotonic()
            start(self._ask, self._token)
        return self._last

    def _ask(self, token: str) -> None:
        import huggingface_hub

        # Its older releases, as those for Python 3.8, do not know it.
        ask = getattr(huggingface_hub, "get_zero_gpu_quota", None)
        if ask is None:
            return
        try:
            quota = ask(token=token)
        except Exception as error:
            # Its HTTP library, and so the class of the error, differs between releases.
            log.info("Hugging Face does not tell the GPU quota: %r", error)
            self._last = None
            return
        resets = quota.resets_at and quota.resets_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._last = {"seconds": quota.base, "left": quota.remaining, "resets": resets}
