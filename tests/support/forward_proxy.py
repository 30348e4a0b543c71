"""Proxies for outgoing requests, HTTP and SOCKS 5. They record where to, and know all names."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import BinaryIO, List, Tuple
from urllib.parse import urlsplit


class ForwardProxy:
    """An HTTP proxy, or with `is_socks` one for SOCKS 5, that is at 127.0.0.1 for every name.

    `requested` has the host of each connection that somebody asked for.
    """

    def __init__(self, is_socks: bool = False) -> None:
        self.requested: List[str] = []
        self._answer = self._answer_socks if is_socks else self._answer_http
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb", buffering=0) as stream, suppress(OSError):
            host, port, reply, first = self._answer(client, stream)
            self.requested.append(host)
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(reply)
                server.sendall(first)
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()
                _pump(client, server)

    def _answer_http(
        self, client: socket.socket, stream: BinaryIO
    ) -> Tuple[str, int, bytes, bytes]:
        """Return host, port, what the client gets at once, and what the server gets first."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.read(1)
        line, _, rest = head.partition(b"\r\n")
        method, target, version = line.decode().split()
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            return host, int(port), b"HTTP/1.1 200 OK\r\n\r\n", b""
        url = urlsplit(target)
        path = url._replace(scheme="", netloc="").geturl()
        # The next request on the connection may be for another server.
        closing = f"{method} {path} {version}\r\nConnection: close\r\n".encode()
        kept = [each for each in rest.split(b"\r\n") if not each.lower().startswith(b"connection:")]
        return str(url.hostname), url.port or 80, b"", closing + b"\r\n".join(kept)

    def _answer_socks(
        self, client: socket.socket, stream: BinaryIO
    ) -> Tuple[str, int, bytes, bytes]:
        _, methods = stream.read(2)
        stream.read(methods)
        client.sendall(b"\x05\x00")
        _, _, _, kind = stream.read(4)
        if kind == 1:
            host = socket.inet_ntoa(stream.read(4))
        else:
            host = stream.read(stream.read(1)[0]).decode()
        (port,) = struct.unpack(">H", stream.read(2))
        return host, port, b"\x05\x00\x00\x01" + bytes(6), b""


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
