"""A small Hugging Face Hub with one Space: real servers for what huggingface_hub asks of it."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Optional, Tuple

from support.proxy import Proxy

SPACE_ID, OLD_ID = "me/chairs", "me/seats"
OWNER, STRANGER = "hf_owner", "hf_stranger"

Answer = Tuple[int, Dict[str, str], Any]


class Hub:
    """The Hub with a Space in `stage`, whose Gradio server listens on the port `target`.

    It answers with nothing but `status` if that is set, and with nothing at all while `is_silent`.
    """

    def __init__(self, target: int) -> None:
        self.stage = "RUNNING"
        self.is_private = False
        self.status: Optional[int] = None
        self.is_silent = False
        self.is_closed = False
        self.quota = {"base": 2400, "current": 1810.5, "resetsAt": "2026-09-30T09:12:03.000Z"}
        self.gate = Gate(target, self)
        self._server: Optional[ThreadingHTTPServer] = None
        self._port = 0
        self.start()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        handler = type("_Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def close(self) -> None:
        self.is_closed = True
        with suppress(OSError):
            self.stop()
        self.gate.close()

    def answer(self, path: str, token: Optional[str]) -> Answer:
        """Return the Hub's answer to a GET."""
        if self.status is not None:
            return self.status, {}, {"error": "the Hub is down"}
        if token not in (None, OWNER, STRANGER):
            message = "Invalid credentials in Authorization header"
            return 401, {"X-Error-Message": message}, {"error": message}
        if path == "/api/spaces/zero-gpu/quota":
            return (200, {}, self.quota) if token == OWNER else (401, {}, {"error": "who?"})
        found = re.fullmatch(r"/api/spaces/([^/]+/[^/]+)(/.*)?", path)
        space_id, part = found.groups() if found else ("", None)
        if space_id == OLD_ID:
            return 307, {"Location": f"/api/spaces/{SPACE_ID}{part or ''}"}, None
        if space_id.lower() != SPACE_ID or (self.is_private and token != OWNER):
            headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            return (404 if token else 401), headers, {"error": "Repository not found"}
        runtime = {"stage": self.stage, "hardware": {"current": None, "requested": None}}
        host = {"subdomain": "me-chairs", "host": self.gate.url}
        if part == "/runtime":
            return 200, {}, runtime
        if part == "/host":
            return 200, {}, host
        info = {"id": SPACE_ID, "private": self.is_private, "sdk": "gradio", "runtime": runtime}
        # Older releases of huggingface_hub fail without these.
        further = {"sha": "0" * 40, "lastModified": "2026-01-01T00:00:00.000Z", "likes": 0}
        return 200, {}, {**info, **host, **further, "tags": []}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        while self.hub.is_silent and not self.hub.is_closed:
            time.sleep(0.05)
        token = self.headers.get("Authorization", "").partition("Bearer ")[2] or None
        status, headers, content = self.hub.answer(self.path.partition("?")[0], token)
        body = json.dumps(content).encode()
        with suppress(OSError):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Gate(Proxy):
    """Hugging Face's proxy in front of a Space's server. `was_visited` tells that somebody came.

    In the other stages than `open_stages` visitors get an error page with `status`. With
    `holds_visitors` they wait until the Space runs.
    """

    def __init__(self, target: int, hub: Hub) -> None:
        self._hub = hub
        self._clients: List[socket.socket] = []
        self.open_stages: Tuple[str, ...] = ("RUNNING", "RUNNING_BUILDING")
        self.status = "503 Service Unavailable"
        self.holds_visitors = False
        self.was_visited = threading.Event()
        super().__init__(target)

    def drop_connections(self) -> None:
        """Close the connections, as when the server ends."""
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._clients.clear()
        self.was_visited.clear()

    def _serve(self, client: socket.socket) -> None:
        self._clients.append(client)
        head = client.recv(65536, socket.MSG_PEEK).lower()
        self.was_visited.set()
        while self.holds_visitors and not self._is_open and not self.is_closed:
            time.sleep(0.05)
        if not self._is_open:
            _refuse(client, self.status)
        elif self._hub.is_private and f"authorization: bearer {OWNER}".encode() not in head:
            _refuse(client, "404 Not Found")
        else:
            super()._serve(client)

    @property
    def _is_open(self) -> bool:
        return self._hub.stage in self.open_stages


def _refuse(client: socket.socket, status: str) -> None:
    body = b"<html>a page of Hugging Face</html>"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
    with client, suppress(OSError):
        client.recv(65536)
        client.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
