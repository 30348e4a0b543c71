"""A TCP proxy in front of a Gradio server that can fail as a network and a server do."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Callable, List

Fault = Callable[[socket.socket, "Proxy"], None]


class Proxy:
    """Forwards to `target`; with `mute` set it accepts and says nothing.

    With `choked` set it stops reading in the middle of an upload. `on_file`, if set, answers the
    requests for files instead of the server.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.mute = self.choked = False
        self.on_file: List[Fault] = []
        self.sent = 0
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.closed = True
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.mute:
                while client.recv(65536):
                    pass
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
                while True:
                    data = client.recv(65536)
                    if not data:
                        server.shutdown(socket.SHUT_WR)
                        return
                    if self.on_file and data.startswith(b"GET ") and b"/file=" in data[:200]:
                        self.on_file[0](client, self)
                        return
                    server.sendall(data)
                    if self.choked and data.startswith(b"POST ") and b"/upload" in data[:200]:
                        while self.choked and not self.closed:
                            time.sleep(0.05)

    @staticmethod
    def _pump(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data = server.recv(65536)
                if not data:
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)


def _head(length: int, kind: str = "model/gltf-binary") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def stall(client: socket.socket, proxy: Proxy) -> None:
    """Begin a file and say no more."""
    client.sendall(_head(1000) + b"glTF")
    while client.recv(1024):
        pass


def trickle(client: socket.socket, proxy: Proxy) -> None:
    """Send ten bytes a second."""
    client.sendall(_head(1_000_000))
    while not proxy.closed:
        client.sendall(b"g")
        time.sleep(0.1)


def zeros(client: socket.socket, proxy: Proxy) -> None:
    """Send 2 GB of nothing."""
    client.sendall(_head(2 << 30))
    block = bytes(1 << 20)
    for _ in range(2 << 10):
        client.sendall(block)
        proxy.sent += len(block)


def body(content: bytes, kind: str = "model/gltf-binary") -> Fault:
    """Send `content` as the file."""

    def send(client: socket.socket, proxy: Proxy) -> None:
        client.sendall(_head(len(content), kind) + content)

    return send


def hang_up(client: socket.socket, proxy: Proxy) -> None:
    """Reset the connection in the middle of a file."""
    client.sendall(_head(1000) + b"glTF")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
