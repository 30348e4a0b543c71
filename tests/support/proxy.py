"""A TCP proxy in front of a Gradio server that imitates failures of a network and of a server."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Callable, List, Tuple

Fault = Callable[[socket.socket, "Proxy"], None]


class Proxy:
    """Forwards connections to the port `target`, each piece of an answer `delay_s` later.

    While `is_silent` is set, it accepts connections and sends nothing. While `is_choked` is set, it
    stops reading in the middle of an upload. The first of `on_file`, if there is one, answers the
    requests for files instead of the server.
    """

    def __init__(self, target: int, delay_s: Tuple[float, float] = (0.0, 0.0)) -> None:
        self._target = target
        self._delay_s = delay_s
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_silent = self.is_choked = False
        self.on_file: List[Fault] = []
        self.sent = 0
        self._clients: List[socket.socket] = []
        self.is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.is_closed = True
        # Closing alone does not end an accept that waits.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """Close all connections to clients, as a proxy does at its time limit."""
        self.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.append(client)
        with client, suppress(OSError):
            if self.is_silent:
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
                    if self.is_choked and data.startswith(b"POST ") and b"/upload" in data[:200]:
                        while self.is_choked and not self.is_closed:
                            time.sleep(0.05)

    def _pump(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data = server.recv(65536)
                if not data:
                    break
                time.sleep(random.uniform(*self._delay_s))
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)


def _head(length: int, kind: str = "model/gltf-binary") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def stall(client: socket.socket, proxy: Proxy) -> None:
    """Send the beginning of a file and then nothing."""
    client.sendall(_head(1000) + b"glTF")
    while client.recv(1024):
        pass


def trickle(client: socket.socket, proxy: Proxy) -> None:
    """Send ten bytes per second."""
    client.sendall(_head(1_000_000))
    while not proxy.is_closed:
        client.sendall(b"g")
        time.sleep(0.1)


def send_zeros(client: socket.socket, proxy: Proxy) -> None:
    """Send 2 GB of zeros."""
    client.sendall(_head(2 << 30))
    block = bytes(1 << 20)
    for _ in range(2 << 10):
        client.sendall(block)
        proxy.sent += len(block)


def send_body(content: bytes, kind: str = "model/gltf-binary") -> Fault:
    """Send `content` as the file."""

    def send(client: socket.socket, proxy: Proxy) -> None:
        client.sendall(_head(len(content), kind) + content)

    return send


def hang_up(client: socket.socket, proxy: Proxy) -> None:
    """Reset the connection in the middle of a file."""
    client.sendall(_head(1000) + b"glTF")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
