from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import pytest
import trustme

from dreamlab.space import proxies
from support.receivers import Answer, Receiver, trust

MakeReceiver = Callable[..., Receiver]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The certificate file of the receivers, which this process trusts."""
    path = trust(authority, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", path)
    proxies.certificates.cache_clear()
    yield path
    proxies.certificates.cache_clear()


@pytest.fixture
def receiver(authority: trustme.CA) -> Iterator[MakeReceiver]:
    with ExitStack() as receivers:

        def make(*answers: Answer) -> Receiver:
            made = Receiver(authority, *answers)
            receivers.callback(made.close)
            return made

        yield make
