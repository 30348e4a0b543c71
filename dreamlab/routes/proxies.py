"""What the reverse proxies in front say of a request: its client, scheme, host, port and prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HEADERS = {
    "x_for": "HTTP_X_FORWARDED_FOR",
    "x_proto": "HTTP_X_FORWARDED_PROTO",
    "x_host": "HTTP_X_FORWARDED_HOST",
    "x_port": "HTTP_X_FORWARDED_PORT",
    "x_prefix": "HTTP_X_FORWARDED_PREFIX",
}


class TrustedProxies:
    """A WSGI app behind so many proxies that set `X-Forwarded-*`.

    Of a header with a value of each proxy, and perhaps the client's own before them, the value of
    the first proxy counts. nginx overwrites a header instead: then all values in it are of trusted
    proxies, though there are fewer, and the first one counts. Werkzeug's ProxyFix ignores those.
    """

    def __init__(self, app: WSGIApplication, proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        values = {
            option: min(self._proxies, len(parse_list_header(environ.get(header, ""))))
            for option, header in _HEADERS.items()
        }
        return ProxyFix(self._run, **values)(environ, start_response)

    def _run(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        prefix = environ.get("SCRIPT_NAME", "")
        # Without its slash it would be the end of the host's name.
        if prefix and not prefix.startswith("/"):
            environ["SCRIPT_NAME"] = "/" + prefix
        return self._app(environ, start_response)
