"""The list of a session's models with what is known of each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from flask.testing import FlaskClient

from support import gltf_files, solids
from support.api import files_below, new_session, post, session_with_models
from support.fake_service import FakeService

UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def describe(client: FlaskClient, session_id: str) -> List[Dict[str, Any]]:
    answer = client.get(f"/api/sessions/{session_id}/models").json
    assert answer["session_id"] == session_id
    models: List[Dict[str, Any]] = answer["models"]
    return models


def test_a_model_is_listed_with_how_it_was_made(
    client: FlaskClient, session_id: str, chair: bytes, service: FakeService
) -> None:
    service.model = solids.ellipsoid(rings=4)
    assert describe(client, session_id) == []
    made = post(client, session_id, chair, height_cm="90", texture="true", seed="5").json
    (listed,) = describe(client, session_id)
    url = f"http://localhost/sessions/{session_id}/models/chair"
    assert re.fullmatch(UTC, listed.pop("created"))
    assert re.fullmatch(r"[0-9a-f-]{36}", listed.pop("generation_id"))
    model = client.get(f"/sessions/{session_id}/models/chair.glb").data
    faces = sum(len(mesh.faces) for mesh in gltf_files.load(model).geometry.values())
    assert listed == {
        "model": "chair.glb",
        "model_url": f"{url}.glb",
        "thumbnail_url": f"{url}.webp",
        "bytes": len(model),
        "engine": "fake",
        "seed": 5,
        "triangles": faces,
        "size_cm": made["size_cm"],
        "texture": True,
    }


def test_models_are_listed_oldest_first_and_not_after_their_deletion(
    client: FlaskClient,
) -> None:
    session_id = session_with_models(client, 3)
    assert [each["model"] for each in describe(client, session_id)] == [
        "chair.glb",
        "chair-2.glb",
        "chair-3.glb",
    ]
    client.delete(f"/api/sessions/{session_id}/models/chair-2.glb")
    assert [each["model"] for each in describe(client, session_id)] == [
        "chair.glb",
        "chair-3.glb",
    ]


def test_an_unknown_session_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/api/sessions/none/models")
    assert (answer.status_code, answer.json["code"]) == (404, "session_not_found")


def test_a_model_of_an_earlier_release_is_listed_with_what_its_file_says(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(client)
    path = tmp_path / "sessions" / session_id / "models" / "old.glb"
    path.write_bytes(gltf_files.plain())
    extents = gltf_files.load(gltf_files.plain()).extents
    for _ in range(2):
        (listed,) = describe(client, session_id)
        assert re.fullmatch(UTC, listed["created"])
        assert [listed[name] for name in ("engine", "seed", "generation_id")] == [None] * 3
        assert (listed["triangles"], listed["texture"]) == (22, False)
        assert [*listed["size_cm"].values()] == pytest.approx(extents * 100, abs=0.01)


def test_a_model_that_cannot_be_measured_is_listed_without_a_size(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(client)
    folder = tmp_path / "sessions" / session_id / "models"
    (folder / "draco.glb").write_bytes(gltf_files.draco())
    (folder / "no.glb").write_bytes(b"no GLB")
    draco, no_glb = describe(client, session_id)
    assert (draco["triangles"], draco["size_cm"]) == (22, None)
    assert (no_glb["triangles"], no_glb["size_cm"], no_glb["texture"]) == (None, None, False)


def test_the_record_of_a_model_is_deleted_with_it(client: FlaskClient, tmp_path: Path) -> None:
    session_id = session_with_models(client, 2)
    folder = tmp_path / "sessions" / session_id / "models"
    record = folder / ".record-chair.glb.json"
    assert record.exists()
    client.delete(f"/api/sessions/{session_id}/models/chair.glb")
    client.delete(f"/api/delete_all_models/{session_id}")
    assert files_below(folder) == [".deleted-chair-2.glb", ".deleted-chair.glb"]
    assert not record.exists()


def test_a_list_opens_no_model_that_was_listed_before(client: FlaskClient, tmp_path: Path) -> None:
    session_id = new_session(client)
    folder = tmp_path / "sessions" / session_id / "models"
    for number in range(20):
        (folder / f"{number}.glb").write_bytes(gltf_files.plain())
    described = describe(client, session_id)
    for path in folder.glob("*.glb"):
        # Still a file of the same size, but no GLB any more.
        written = path.stat()
        path.write_bytes(bytes(written.st_size))
        os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert describe(client, session_id) == described
    assert {each["triangles"] for each in described} == {22}


def test_a_report_is_of_what_a_query_would_make(client: FlaskClient, tmp_path: Path) -> None:
    session_id = new_session(client)
    folder = tmp_path / "sessions" / session_id / "models"
    (folder / "chair.glb").write_bytes(gltf_files.plain())
    (folder / "draco.glb").write_bytes(gltf_files.draco())
    url = f"/api/sessions/{session_id}/models"

    def passing(query: str) -> Any:
        report = client.get(f"{url}/chair.glb/report{query}").json
        return {each["target"] for each in report["targets"] if each["passes"]}

    assert passing("?origin=floor") - passing("") == {"khronos_mobile_ar", "apple_quick_look"}
    sized = client.get(f"{url}/chair.glb/report?height_cm=90&width_cm=50").json
    assert (sized["session_id"], sized["model"]) == (session_id, "chair.glb")
    assert (sized["extents_m"]["height"], sized["extents_m"]["width"]) == (0.9, 0.5)
    assert sized["lowest_m"] == 0
    for query, code in (
        ("chair.glb/report?height_cm=0", (422, "invalid_option")),
        ("draco.glb/report?height_cm=90", (422, "model_unsupported")),
        ("none.glb/report", (404, "model_not_found")),
    ):
        answer = client.get(f"{url}/{query}")
        assert (answer.status_code, answer.json["code"]) == code
    assert client.get(f"{url}/draco.glb/report").json["extents_m"] is None
