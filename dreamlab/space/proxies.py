"""The HTTP clients of this package: through the environment's proxies, but never to loopback."""

from __future__ import annotations

import ipaddress
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dreamlab.errors import GeneratorUnusable

if TYPE_CHECKING:
    import httpx

_NO_SOCKS = (
    "A SOCKS proxy needs a package that is not installed: pip install 'httpx[socks]' PySocks"
)
_BAD_PROXY = (
    "The environment names a proxy that cannot be used: look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY "
    "and NO_PROXY."
)


def uses_proxies(url: str) -> bool:
    """Return whether requests to `url` may go through the environment's proxies.

    Even a client that would use none of them fails where a package for SOCKS is missing.
    """
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
    # Gradio calls itself 0.0.0.0 where it listens on all addresses.
    return not (address.is_loopback or address.is_unspecified)


def open_client(url: str, **options: Any) -> httpx.Client:
    """Return an HTTP client for requests to `url`. Raises GeneratorUnusable for a bad proxy."""
    import httpx

    try:
        return httpx.Client(trust_env=uses_proxies(url), verify=certificates(), **options)
    except ImportError as error:
        raise GeneratorUnusable(_NO_SOCKS) from error
    except (ValueError, httpx.InvalidURL):
        # The reason may hold the proxy's password.
        raise GeneratorUnusable(_BAD_PROXY) from None


@lru_cache(maxsize=None)
def certificates() -> ssl.SSLContext:
    """Load the certificates once: they cost 40 ms and a megabyte."""
    import httpx

    return httpx.create_ssl_context()
