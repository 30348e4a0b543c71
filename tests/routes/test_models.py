"""Models over the API: caching, ranges, both URLs, deletion."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from dreamlab.models import glb
from support.api import (
    assert_error,
    files_below,
    image_bytes,
    list_models,
    post,
    session_with_models,
)


def test_both_urls_of_a_model_serve_the_same_file(
    client: FlaskClient, session_id: str, chair: bytes
) -> None:
    post(client, session_id, chair)
    one = client.get(f"/sessions/{session_id}/models/chair.glb")
    other = client.get(f"/api/sessions/{session_id}/models/chair.glb")
    assert one.data == other.data
    assert one.mimetype == other.mimetype == "model/gltf-binary"
    glb.check(io.BytesIO(one.data))


def test_a_model_is_immutable_for_caches(client: FlaskClient) -> None:
    url = f"/sessions/{session_with_models(client)}/models/chair.glb"
    first = client.get(url)
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "chair.glb" in first.headers["Content-Disposition"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    for header, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = client.get(url, headers={header: value})
        assert (again.status_code, again.data) == (304, b"")


def test_a_byte_range_of_a_model_can_be_requested(client: FlaskClient) -> None:
    url = f"/sessions/{session_with_models(client)}/models/chair.glb"
    whole = client.get(url).data
    part = client.get(url, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.data) == (206, whole[4:12])
    assert part.headers["Content-Range"] == f"bytes 4-11/{len(whole)}"
    beyond = client.get(url, headers={"Range": f"bytes={len(whole)}-"})
    assert_error(beyond, 416, "requested_range_not_satisfiable")
    head = client.head(url)
    assert (head.content_length, head.data) == (len(whole), b"")


@pytest.mark.parametrize(
    "name",
    (
        "other.glb",
        "..",
        "%2e%2e%2fuploads%2fchair.jpg",
        "chair.jpg",
        ".tmp-1.glb",
        "%00.glb",
        "a" * 1000 + ".glb",
    ),
    ids=lambda name: name[:30],
)
def test_an_unknown_or_unsafe_model_name_is_not_found(
    client: FlaskClient, session_id: str, session_folder: Path, name: str
) -> None:
    (session_folder / "uploads" / "chair.jpg").write_bytes(b"photo")
    (session_folder / "models" / ".tmp-1.glb").write_bytes(b"half")
    answer = client.get(f"/sessions/{session_id}/models/{name}")
    assert answer.status_code == 404
    assert answer.json["code"] in ("model_not_found", "not_found")


def test_the_name_of_a_deleted_model_is_not_used_again(
    client: FlaskClient,
) -> None:
    session_id = session_with_models(client, 2)
    url = f"/api/sessions/{session_id}/models/chair.glb"
    gone = client.delete(url)
    assert (gone.status_code, gone.data) == (204, b"")
    assert list_models(client, session_id) == ["chair-2.glb"]
    assert_error(client.get(url), 404, "model_not_found")
    assert_error(client.delete(url), 404, "model_not_found")
    # A browser may have chair.glb in its cache. The other suffix avoids the name of an upload.
    assert post(client, session_id, image_bytes(kind="WEBP"), "chair.webp").json["model"] == (
        "chair-3.glb"
    )


def test_all_models_of_a_session_are_deleted_together_with_their_photos(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = session_with_models(client, 3)
    assert client.delete(f"/api/delete_all_models/{session_id}").status_code == 204
    assert list_models(client, session_id) == []
    assert files_below(tmp_path / "sessions" / session_id / "uploads") == []
