from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import httpx
import pytest
import trustme

from dreamlab.webhooks import delivery
from support.receivers import Answer, Receiver, trust

MakeReceiver = Callable[..., Receiver]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The certificate file of the receivers, which this process trusts."""
    path = trust(authority, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", path)
    # An application of another test may be loading the process's own certificates just now.
    context = httpx.create_ssl_context()
    monkeypatch.setattr(delivery, "certificates", lambda: context)
    return path


@pytest.fixture
def receiver(authority: trustme.CA) -> Iterator[MakeReceiver]:
    with ExitStack() as receivers:

        def make(*answers: Answer) -> Receiver:
            made = Receiver(authority, *answers)
            receivers.callback(made.close)
            return made

        yield make
