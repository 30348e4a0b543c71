"""SENDFILE: the app answers with the path of the model, and nginx sends the file."""

from __future__ import annotations

from pathlib import Path

from support.api import MakeClient, assert_error, new_session
from support.models import glb_bytes


def test_a_model_is_answered_with_its_internal_path(
    make_client: MakeClient, tmp_path: Path
) -> None:
    client = make_client(sendfile="/internal-models/")
    session_id = new_session(client)
    (tmp_path / "sessions" / session_id / "models" / "chair.glb").write_bytes(glb_bytes())
    for prefix in ("/sessions", "/api/sessions"):
        answer = client.get(f"{prefix}/{session_id}/models/chair.glb")
        assert answer.headers["X-Accel-Redirect"] == (
            f"/internal-models/{session_id}/models/chair.glb"
        )
        assert (answer.data, answer.mimetype) == (b"", "model/gltf-binary")
    missing = client.get(f"/sessions/{session_id}/models/table.glb")
    assert_error(missing, 404, "model_not_found")
    assert "X-Accel-Redirect" not in missing.headers
