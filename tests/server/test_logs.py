"""The log of requests and generations."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from flask.testing import FlaskClient

from dreamlab.errors import GenerationFailed
from dreamlab.settings import PROJECT
from support.api import MakeClient, image_bytes, post
from support.fake_service import FakeService


def test_the_log_has_a_line_per_request_and_generation_and_no_secrets(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(api_key="s3cret", hf_token="hf_s3cret")
    with caplog.at_level(logging.INFO, "dreamlab"):
        key = {"Authorization": "Bearer s3cret"}
        session_id = client.get("/api/generate_session_id", headers=key).json["session_id"]
        post(client, session_id, image_bytes(), "my-living-room.png")
        client.get(f"/sessions/{session_id}/models/nothing.glb")
    lines = [record.getMessage() for record in caplog.records if record.name == "dreamlab"]
    assert len(lines) == 4
    short = session_id[:8]
    assert f"generation in {short} by fake: ok" in lines[1]
    assert f"POST /api/process_furniture_image/<string:session_id> {short}: 200" in lines[2]
    assert f"{short}: 404" in lines[3]
    for secret in (session_id, "s3cret", "living-room"):
        assert secret not in caplog.text


def test_no_line_has_a_password_of_a_url(capfd: pytest.CaptureFixture[str]) -> None:
    program = """
import logging
from dreamlab.logs import log_to_stderr
log_to_stderr("text")
logging.warning("%r", OSError("amqp://me:s3cret@host//, redis://:s3cret@host/0, https://s3cret@x"))
logging.warning("amqp://a:s3cret@b,redis://:s3cret@c/0 " + ":" * 100_000 + " " + "@:" * 50_000)
try:
    raise ValueError("http://host/file?token=s3cret&x=1 is away")
except ValueError:
    logging.exception("why? x=1")
"""
    # A long word without an end takes no longer than others.
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True, timeout=20)
    printed = capfd.readouterr().err
    assert "amqp://***@c/0 :::" in printed
    assert "amqp://***@host//, redis://***@host/0, https://***@x" in printed
    assert "http://host/file?*** is away" in printed and "why? x=1" in printed
    assert "s3cret" not in printed


def test_a_failed_generation_is_logged_with_its_code(
    client: FlaskClient, session_id: str, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.error = GenerationFailed("no legs")
    with caplog.at_level(logging.INFO, "dreamlab"):
        post(client, session_id, image_bytes())
    assert ": generation_failed, 0 bytes" in caplog.text
