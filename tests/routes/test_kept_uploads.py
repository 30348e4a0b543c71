"""Uploads that a session keeps: used again, listed, deleted, and held by running generations."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, List, Mapping

import pytest
from flask.testing import FlaskClient
from PIL import Image

from dreamlab.errors import GenerationFailed
from dreamlab.space.outputs import GeneratedModel
from support.api import (
    assert_error,
    encoded,
    files_below,
    image_bytes,
    list_models,
    list_uploads,
    new_session,
    post,
    post_form,
    wait_until,
)
from support.fake_service import FakeService

BAD_NAMES = (
    "other.png",
    "..",
    "../models/chair.glb",
    "..%2Fmodels%2Fchair.glb",
    "../../../secret.png",
    "/etc/passwd",
    ".tmp-1.png",
    ".tmp-1/chair.png",
    "chair.png\0",
    "a" * 1000 + ".png",
)


class WatchfulService(FakeService):
    """Notes what it gets: size, EXIF and format of the front view, and the sides of all views."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: List[Any] = []

    def generate(self, views: Mapping[str, Path], *args: Any, **options: Any) -> GeneratedModel:
        with Image.open(views["front"]) as front:
            self.seen.append((front.size, dict(front.getexif()), front.format, [*views]))
        return super().generate(views, *args, **options)


@pytest.fixture
def service() -> WatchfulService:
    return WatchfulService()


def keep(client: FlaskClient, session_id: str, name: str = "chair.png") -> str:
    kept: str = post(client, session_id, image_bytes(), name).json["filename"]
    return kept


def test_the_upload_of_a_failed_generation_is_used_again(
    client: FlaskClient, session_id: str, service: FakeService, session_folder: Path
) -> None:
    service.error = GenerationFailed("no GPU")
    failed = post(client, session_id, image_bytes(), "my chair.png")
    assert_error(failed, 502, "generation_failed")
    upload = failed.json["filename"]
    service.error = None
    again = post_form(client, session_id, upload=upload).json
    assert (again["filename"], again["model"]) == (upload, "my_chair.glb")
    assert post_form(client, session_id, upload=upload).json["model"] == "my_chair-2.glb"
    assert files_below(session_folder) == [
        "models/my_chair-2.glb",
        "models/my_chair.glb",
        "uploads/my_chair.png",
    ]


def test_the_generator_gets_a_reused_upload_as_it_gets_a_fresh_one(
    client: FlaskClient, session_id: str, service: WatchfulService, session_folder: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a phone"
    photo = encoded(Image.new("RGB", (4000, 1000), "white"), "JPEG", exif=exif)
    post(client, session_id, photo)
    assert post_form(client, session_id, upload="chair.jpg").status_code == 200
    left = (image_bytes(), "left.png")
    post_form(client, session_id, upload="chair.jpg", left_image=left)
    views = (["front"], ["front"], ["front", "left"])
    assert service.seen == [((512, 2048), {}, "JPEG", sides) for sides in views]
    uploads = session_folder / "uploads"
    assert files_below(uploads) == ["chair.jpg", "left.png"]
    assert (uploads / "chair.jpg").read_bytes() == photo


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: name[:20])
def test_an_unknown_or_unsafe_upload_is_not_found(
    client: FlaskClient, tmp_path: Path, name: str
) -> None:
    session_id = new_session(client)
    folder = tmp_path / "sessions" / session_id
    keep(client, session_id)
    (folder / "uploads" / ".tmp-1").mkdir()
    for path in (tmp_path / "secret.png", *(folder / "uploads" / n for n in BAD_NAMES[6:8])):
        path.write_bytes(image_bytes())
    before = files_below(tmp_path)
    assert_error(post_form(client, session_id, upload=name), 404, "upload_not_found")
    gone = client.delete(f"/api/sessions/{session_id}/uploads/{name}")
    assert gone.status_code == 404
    assert gone.json["code"] in ("upload_not_found", "not_found")
    assert files_below(tmp_path) == before
    assert list_models(client, session_id) == ["chair.glb"]


def test_a_new_photo_is_used_rather_than_a_kept_one(client: FlaskClient) -> None:
    session_id = new_session(client)
    keep(client, session_id)
    for field in ("image", "front_image"):
        form = {field: (image_bytes(), "table.png"), "upload": "chair.png"}
        assert post_form(client, session_id, **form).json["filename"].startswith("table")
    # A browser sends an empty part for a file field in which nobody chose a file.
    form = {"image": (b"", ""), "upload": "chair.png"}
    assert post_form(client, session_id, **form).json["filename"] == "chair.png"
    assert_error(post_form(client, session_id, upload=" "), 400, "missing_image", "upload")


def test_uploads_are_listed_oldest_first_without_hidden_files(
    client: FlaskClient, tmp_path: Path
) -> None:
    session_id = new_session(client)
    url = f"/api/sessions/{session_id}/uploads"
    assert client.get(url).json == {"session_id": session_id, "uploads": []}
    for name in ("b.png", "a.png", "c.png"):
        keep(client, session_id, name)
    folder = tmp_path / "sessions" / session_id / "uploads"
    (folder / ".tmp-1.png").write_bytes(b"half")
    uploads = client.get(url).json["uploads"]
    assert [upload["filename"] for upload in uploads] == ["b.png", "a.png", "c.png"]
    for upload in uploads:
        status = (folder / upload["filename"]).stat()
        assert upload["bytes"] == status.st_size
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", upload["created"])
        created = datetime.fromisoformat(upload["created"].replace("Z", "+00:00"))
        assert created.timestamp() == pytest.approx(status.st_mtime, abs=0.002)


def test_a_deleted_upload_is_gone(client: FlaskClient, tmp_path: Path) -> None:
    session_id = new_session(client)
    keep(client, session_id)
    url = f"/api/sessions/{session_id}/uploads/chair.png"
    assert client.get(url).status_code == 405
    gone = client.delete(url)
    assert (gone.status_code, gone.data) == (204, b"")
    assert_error(client.delete(url), 404, "upload_not_found")
    assert_error(post_form(client, session_id, upload="chair.png"), 404, "upload_not_found")
    assert list_uploads(client, session_id) == []
    assert files_below(tmp_path / "sessions" / session_id) == ["models/chair.glb"]


@pytest.mark.parametrize("is_reused", (False, True), ids=("new", "reused"))
@pytest.mark.parametrize("route", ("delete_all_models/{}", "sessions/{}/uploads/chair.png"))
def test_no_deletion_takes_the_photo_from_a_running_generation(
    client: FlaskClient,
    session_id: str,
    service: FakeService,
    session_folder: Path,
    is_reused: bool,
    route: str,
) -> None:
    service.release.clear()
    folder = session_folder / "uploads"
    form: Any = {"image": (image_bytes(), "chair.png")}
    if is_reused:
        (folder / "chair.png").write_bytes(image_bytes())
        form = {"upload": "chair.png"}
    (folder / "other.png").write_bytes(image_bytes())

    def generate(form: Any) -> Any:
        return post_form(client.application.test_client(), session_id, **form).json

    with ThreadPoolExecutor(2) as pool:
        job = pool.submit(generate, form)
        assert service.started.wait(20)
        waiting = pool.submit(generate, {"upload": "chair.png"})
        assert wait_until(lambda: len(list(session_folder.glob("generations/*/front.*"))) == 2)
        assert client.delete(f"/api/{route.format(session_id)}").status_code == 204
        left = ["chair.png"] if "all" in route else ["other.png"]
        assert list_uploads(client, session_id) == left
        service.release.set()
        answers = [job.result(timeout=30), waiting.result(timeout=30)]
    assert sorted(found["model"] for found in answers) == ["chair-2.glb", "chair.glb"]
    assert {found["filename"] for found in answers} == {"chair.png"}
    assert files_below(folder) == left
    client.delete(f"/api/delete_all_models/{session_id}")
    assert files_below(folder) == []


def test_parallel_requests_share_one_upload(client: FlaskClient) -> None:
    session_id = new_session(client)
    keep(client, session_id)

    def generate(_: int) -> Any:
        return post_form(client.application.test_client(), session_id, upload="chair.png")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(generate, range(8)))
    assert {found.json["filename"] for found in answers} == {"chair.png"}
    assert len({found.json["model"] for found in answers}) == 8
    assert list_uploads(client, session_id) == ["chair.png"]
