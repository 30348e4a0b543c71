"""URLs at which no generator answers: what the client, the health and the log say of each."""

from __future__ import annotations

import json
import logging
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import gradio as gr
import pytest

from dreamlab.space import connection
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.processes import StartServer
from support.spaces import answer, free_port, space

NO_GRADIO = "The generator is no Gradio server"
Answer = Tuple[int, Dict[str, str], bytes]
PAGE: Answer = (200, {"Content-Type": "text/html"}, b"<html>welcome</html>")


@contextmanager
def web_server(content: Answer, port: int = 0, heads: Optional[List[str]] = None) -> Iterator[str]:
    """Yield the URL of a server with one answer to every request. It records their `heads`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if heads is not None:
                heads.append(str(self.headers))
            status, headers, body = content
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def json_answer(content: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def assert_told(make_client: MakeClient, url: str, words: str, helps: bool = False) -> None:
    """Assert that a generation and then the health say `words`.

    `helps` is whether it is told to try again.
    """
    client = make_client(url)
    refused = post(client, new_session(client), image_bytes())
    assert_error(refused, 503, "generator_unavailable", words)
    told = refused.json["error"]
    assert ("Retry-After" in refused.headers) == ("ry again" in told) == helps
    health = client.get("/api/health").json
    assert (health["generator"], health["reason"]) == ("unreachable", told)


@pytest.mark.parametrize(
    "content",
    (
        PAGE,
        (404, {}, b"not found"),
        json_answer({"status": "ok"}),
        json_answer({"dependencies": [], "components": []}),
        json_answer({"dependencies": "none", "version": "6"}),
        json_answer([1, 2]),
        json_answer("text"),
        json_answer(None),
    ),
)
def test_another_server_is_told_as_such(make_client: MakeClient, content: Answer) -> None:
    with web_server(content) as url:
        assert_told(make_client, url, NO_GRADIO)


def test_an_address_that_redirects_is_told_as_such(make_client: MakeClient) -> None:
    with web_server((301, {"Location": "https://example.invalid/"}, b"")) as url:
        assert_told(make_client, url, "redirects to another one. Set HUNYUAN_SPACE_ID to that one.")


def test_another_server_in_the_place_of_the_generator(make_client: MakeClient) -> None:
    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}")
    session_id = new_session(client)
    with space(lambda image=None: answer(), port=port):
        assert post(client, session_id, image_bytes()).status_code == 200
    with web_server((404, {}, b"not found"), port):
        refused = post(client, session_id, image_bytes())
    assert_error(refused, 503, "generator_unavailable", NO_GRADIO)


def test_another_server_gets_no_token(make_client: MakeClient) -> None:
    heads: List[str] = []
    with web_server(PAGE, heads=heads) as url:
        client = make_client(url, hf_token="hf_secret")
        post(client, new_session(client), image_bytes())
    assert heads and not any("hf_secret" in head for head in heads)


def test_a_gradio_server_of_something_else(make_client: MakeClient) -> None:
    words = "The generator has neither /shape_generation nor /generation_all."
    with gr.Blocks(analytics_enabled=False) as app:
        gr.Button().click(lambda: None, api_name="predict")
    app.launch(
        server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True
    )
    assert_told(make_client, app.local_url, words)
    app.close(verbose=False)


@pytest.mark.parametrize("status", (429, 503))
def test_a_server_that_is_briefly_away(make_client: MakeClient, status: int) -> None:
    with web_server((status, {}, b"")) as url:
        assert_told(make_client, url, f"The generator answers with {status}.", helps=True)
    assert_told(make_client, url, "The generator cannot be reached.", helps=True)


def test_a_server_that_is_silent(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(connection, "_ANSWER_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        client = make_client(f"http://127.0.0.1:{silent.getsockname()[1]}")
        health = client.get("/api/health").json
        assert health["generator"] == "starting" and health["reason"]
        late = post(client, new_session(client), image_bytes())
    assert_error(late, 503, "generator_unavailable", "does not answer. Try again soon.")
    health = client.get("/api/health").json
    assert (health["generator"], health["reason"]) == ("unreachable", late.json["error"])
    assert "does not answer" in caplog.text
    assert "seconds" not in caplog.text


def test_the_start_tells_it_in_one_line_of_the_log(
    tmp_path: Path, start_server: StartServer
) -> None:
    log = tmp_path / "log"
    with web_server(PAGE) as url:
        server = start_server(log=log, HUNYUAN_SPACE_ID=url)
        assert wait_until(lambda: server.health()["generator"] == "unreachable")
        for _ in range(2):
            assert server.post(server.session(), image_bytes()).status_code == 503
        assert server.health()["reason"].startswith(NO_GRADIO)
    lines = [line for line in log.read_text().splitlines() if "not ready" in line]
    assert len(lines) == 1 and f"{url} is not ready: {NO_GRADIO}" in lines[0]
