"""Errors are JSON, also those of the framework and of a defect."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from support.api import assert_error


def test_every_error_is_json(client: FlaskClient, session_id: str) -> None:
    assert_error(client.get("/nowhere"), 404, "not_found")
    assert_error(client.get("/api//health"), 404, "not_found")
    wrong = client.delete("/api/health")
    assert_error(wrong, 405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


def test_a_defect_is_answered_without_details(
    client: FlaskClient, session_id: str, session_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (session_folder / "models").rmdir()
    (session_folder / "models").write_text("not a folder")
    answer = client.get(f"/api/session_models/{session_id}")
    assert_error(answer, 500, "internal_error")
    assert str(session_folder) not in answer.text
    assert "NotADirectoryError" in caplog.text
