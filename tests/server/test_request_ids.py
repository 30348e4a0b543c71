"""Request ids in answers and in the log, and the log as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import signal
import uuid
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
import requests
import trustme
from flask.testing import FlaskClient

from dreamlab.background import for_request
from dreamlab.logs import formatter
from support.api import image_bytes, wait_until
from support.processes import Server, StartServer
from support.receivers import Receiver, status, trust
from support.spaces import HeldSpace

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize("given", ("a", "A-1.b_2", "f" * 128))
def test_an_answer_has_the_id_of_its_request(quick_server: Server, given: str) -> None:
    answer = requests.get(quick_server.url + "/api/health", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", (None, "", "f" * 129, "a b", "a,b", "é", "a/b", "a;b"))
def test_an_answer_has_a_new_id_where_the_request_has_no_valid_one(
    quick_server: Server, given: Any
) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode()}
    url = quick_server.url + "/api/health"
    ids = {requests.get(url, headers=headers).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize(
    ("head", "code"),
    (
        ("GET /nowhere HTTP/1.1", 404),
        ("PUT /api/health HTTP/1.1", 405),
        ("GET /api/session_models/nobody HTTP/1.1", 404),
        (r"GET /api/session_models/" + r"\q" * 18 + " HTTP/1.1", 404),
        ("OPTIONS /api/health HTTP/1.1", 200),
    ),
)
def test_errors_have_an_id(quick_server: Server, head: str, code: int) -> None:
    with quick_server.connect() as connection:
        connection.sendall(f"{head}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read().decode()
    assert re.match(rf"HTTP/1\.[01] {code} ", answer)
    assert re.search(r"\r\nX-Request-Id: [0-9a-f]{32}\r\n", answer)


def test_a_stream_has_an_id(quick_server: Server) -> None:
    answer = quick_server.start_stream(quick_server.session(), image_bytes())
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert "event: complete" in answer.text


def json_lines(log: Path) -> List[Dict[str, Any]]:
    # The last line may be half written.
    whole = log.read_text("utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def has_sent_webhook(log: Path, request_id: str) -> bool:
    of_it = [line for line in json_lines(log) if line["request_id"] == request_id]
    return any("webhook to" in line["message"] for line in of_it)


def test_the_lines_of_a_request_of_its_generation_and_of_its_webhook_have_its_id(
    start_server: StartServer, held_space: HeldSpace, tmp_path: Path
) -> None:
    authority, log = trustme.CA(), tmp_path / "log"
    receiver = Receiver(authority, status(200))
    settings = {
        "HUNYUAN_SPACE_ID": held_space.url,
        "LOG_FORMAT": "json",
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "SSL_CERT_FILE": trust(authority, tmp_path),
    }
    server = start_server(log=log, **settings)
    session_id = server.session()
    for request_id in ("ended", "killed"):
        answer = requests.post(
            server.upload_url(session_id),
            files={"image": ("my-room.png", image_bytes())},
            data={"webhook": receiver.url},
            headers={"X-Request-Id": request_id, "Prefer": "respond-async"},
        )
        assert answer.status_code == 202
        assert held_space.started.wait(20)
        if request_id == "killed":
            server.end(signal.SIGKILL)
            server = start_server(log=log, **settings)
        held_space.release.set()
        assert wait_until(partial(has_sent_webhook, log, request_id))
        held_space.started.clear()
        held_space.release.clear()
    held_space.release.set()
    for request_id in ("ended", "killed"):
        of_it = [line for line in json_lines(log) if line["request_id"] == request_id]
        # The first one that reaches the generator logs that too.
        request, generation, webhook = (line for line in of_it if "is ready" not in line["message"])
        assert request["message"].startswith("POST /api/process_furniture_image/<string:session_")
        assert (request["method"], request["status"], request["level"]) == ("POST", 202, "INFO")
        assert request["route"] == "/api/process_furniture_image/<string:session_id>"
        assert request["session"] == generation["session"] == session_id[:8]
        assert request["bytes_in"] > 100 < request["bytes_out"]
        assert 0 < request["seconds"] < 20
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", request["time"])
        assert (generation["engine"], generation["outcome"]) == (held_space.url, "ok")
        assert generation["message"].startswith(f"generation in {session_id[:8]} by ")
        assert "webhook to 127.0.0.1: 200" in webhook["message"]
    # What belongs to no request has none.
    assert all("request_id" in line for line in json_lines(log))
    for secret in (session_id, SECRET, "my-room"):
        assert secret not in log.read_text("utf-8")
    receiver.close()


@pytest.fixture
def log_as() -> Iterator[Callable[[str], io.StringIO]]:
    """Return what starts to log in a format, and returns the text that is logged."""
    handler, root = logging.StreamHandler(io.StringIO()), logging.getLogger()
    before = root.level

    def start(log_format: str) -> io.StringIO:
        handler.setFormatter(formatter(log_format))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        return handler.stream

    yield start
    root.setLevel(before)
    root.removeHandler(handler)


def test_the_log_as_text_has_the_id_but_no_session_id(
    client: FlaskClient, session_id: str, log_as: Callable[[str], io.StringIO]
) -> None:
    log, request_id = log_as("text"), str(uuid.uuid4())
    url = f"/api/session_models/{session_id}"
    for given in (request_id, f"web-{session_id}-{session_id}", session_id.upper()):
        answer = client.get(url, headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] == given
    lines = log.getvalue().splitlines()
    assert f" INFO {request_id} GET /api/session_models/" in lines[-3]
    assert f" INFO web-{session_id[:8]}…-{session_id[:8]}… GET " in lines[-2]
    assert f" INFO {session_id[:8].upper()}… GET " in lines[-1]
    assert session_id not in log.getvalue().lower()


def test_a_traceback_is_part_of_its_json_line(log_as: Callable[[str], io.StringIO]) -> None:
    log, session_id = log_as("json"), str(uuid.uuid4())

    def work() -> None:
        try:
            raise ValueError(f"http://host/file?token=s3cret of {session_id} is away")
        except ValueError:
            logging.getLogger("dreamlab").exception(
                "a %(what)s", {"what": "https://me:s3cret@host"}
            )

    for_request("one", work)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["message"].startswith("a https://***@host\nTraceback ")
    assert "s3cret" not in log.getvalue() and session_id not in log.getvalue()
    assert (line["what"], line["level"], line["request_id"]) == (
        "https://***@host",
        "ERROR",
        "one",
    )
