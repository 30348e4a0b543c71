"""Names of uploads and models, drafts, sweeping, and sessions that are gone."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Optional, Type

import pytest

from dreamlab.errors import (
    ModelNotFound,
    NoFreeName,
    SessionNotFound,
    StorageFull,
    StorageUnavailable,
    UploadNotFound,
)
from dreamlab.storage import names
from dreamlab.storage.files import storage_errors
from dreamlab.storage.records import Accepted, End
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore, StorageUnusable
from dreamlab.storage.uploads import NewUpload
from support.api import files_below
from support.models import save as save_model

JPEG = (".jpg", ".jpeg")


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "sessions")


@pytest.fixture
def session(store: SessionStore) -> Session:
    return store.create()


def keep(session: Session, name: str, content: bytes = b"photo") -> str:
    return session.uploads.keep([NewUpload(io.BytesIO(content), name, JPEG)])[0]


def save(session: Session, upload: str, content: bytes = b"model") -> str:
    with session.draft() as draft:
        draft.write_bytes(content)
        return save_model(session, draft, upload)


@pytest.mark.parametrize(
    ("name", "safe_name"),
    (
        ("chair.jpg", "chair.jpg"),
        ("Chair 1.JPEG", "Chair_1.JPEG"),
        ("chair.png", "chair.jpg"),
        ("chair", "chair.jpg"),
        ("my.old.chair.jpg", "my.old.chair.jpg"),
        ("椅子.jpg", "image.jpg"),
        ("", "image.jpg"),
        (".jpg", "image.jpg"),
        ("../../etc/passwd", "etc_passwd.jpg"),
        ("../../etc/chair.jpg", "etc_chair.jpg"),
        ("..", "image.jpg"),
        ("chair\0.jpg", "chair.jpg"),
        ("a%2fb#c?.jpg", "a2fbc.jpg"),
        ("\u202egpj.chair", "gpj.jpg"),
        ("x" * 5000 + ".jpg", "x" * 100 + ".jpg"),
        ("con.jpg", "image-con.jpg"),
        ("NUL", "image-NUL.jpg"),
        ("aux.v2.jpg", "image-aux.v2.jpg"),
        ("com1.JPG", "image-com1.JPG"),
        ("LPT².jpg", "image-LPT2.jpg"),
        ("console.jpg", "console.jpg"),
        ("chair.con.jpg", "chair.con.jpg"),
    ),
)
def test_an_upload_is_kept_under_a_safe_name(session: Session, name: str, safe_name: str) -> None:
    assert keep(session, name) == safe_name
    assert files_below(session.folder) == [f"uploads/{safe_name}"]


def test_a_taken_name_gets_a_number(session: Session) -> None:
    names = [keep(session, "chair.jpg", content) for content in (b"1", b"2", b"3")]
    assert names == ["chair.jpg", "chair-2.jpg", "chair-3.jpg"]
    assert [(session.folder / "uploads" / name).read_bytes() for name in names] == [
        b"1",
        b"2",
        b"3",
    ]


def test_a_name_that_is_taken_too_often_is_refused(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_MAX_NUMBER", 20)
    assert [keep(session, "chair.jpg") for _ in range(20)][-1] == "chair-20.jpg"
    with pytest.raises(NoFreeName):
        keep(session, "chair.jpg")
    assert keep(session, "desk.jpg") == "desk.jpg"


@pytest.mark.parametrize("name", ("con.glb", "NUL.glb", "aux.v2.glb", "com1.glb", "chair.glb."))
def test_a_name_that_windows_takes_for_something_else_is_not_looked_up(
    session: Session, name: str
) -> None:
    # Here it is an ordinary name.
    if os.name != "nt":
        for folder in ("models", "uploads"):
            (session.folder / folder / name).touch()
    with pytest.raises(ModelNotFound):
        session.model(name)
    with pytest.raises(UploadNotFound):
        session.uploads.path(name)
    assert session.models() == session.uploads.list() == []


@pytest.mark.parametrize(
    ("code", "error"),
    (
        (39, StorageFull),
        (112, StorageFull),
        (1295, StorageFull),
        (53, StorageUnavailable),
        (59, StorageUnavailable),
        (64, StorageUnavailable),
        (2, SessionNotFound),
        (3, SessionNotFound),
        (206, OSError),
        (5, PermissionError),
    ),
)
@pytest.mark.skipif(os.name != "nt", reason="Windows' own codes")
def test_an_error_of_windows_has_its_kind(code: int, error: Type[Exception]) -> None:
    with pytest.raises(error) as caught, storage_errors():
        raise OSError(0, "", None, code)
    assert isinstance(caught.value, error)


@pytest.mark.parametrize(
    ("code", "error"),
    (
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.ESTALE, StorageUnavailable),
        (errno.ENOENT, SessionNotFound),
        (errno.ENAMETOOLONG, OSError),
    ),
)
def test_an_error_of_the_system_has_its_kind(code: int, error: Type[Exception]) -> None:
    with pytest.raises(error), storage_errors():
        raise OSError(code, "")


@pytest.mark.skipif(os.name == "nt", reason="the limit of Linux and macOS")
def test_a_folder_too_deep_for_the_names_in_it_is_refused_at_the_start(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_PATH_MAX") - 1
    below = len(str(Path(str(uuid.uuid4()), "uploads", ".tmp-0123456789ab", names.LONGEST))) + 1
    # An upload of the longest name just fits.
    fits = longest - below
    deep = tmp_path
    while fits - len(str(deep)) > 250:
        deep = deep / ("x" * 200)
    deep = deep / ("x" * (fits - len(str(deep)) - 1))
    store = SessionStore(deep)
    store.prepare()
    assert keep(store.create(), "x" * 300 + ".jpeg") == "x" * 100 + ".jpeg"
    with pytest.raises(StorageUnusable, match="SESSIONS_DIR is too deep"):
        SessionStore(Path(f"{deep}x")).prepare()


def accept(session: Session, upload: str) -> str:
    """Accept a generation of an upload. Return its id."""
    generation_id = str(uuid.uuid4())
    accepted: Accepted = {
        "created": time.time(),
        "filename": upload,
        "uploads": {"front": upload},
        "pictures": {"front": "front.jpg"},
        "options": {},
        "model": None,
        "digest": None,
        "webhook": None,
        "root": "http://localhost/",
    }
    assert session.generations.accept(generation_id, accepted, {"front.jpg": b"pixels"})
    return generation_id


END: End = {"status": "failed", "started": None, "ended": "", "result": None, "error": None}


def test_a_picture_outlives_its_upload_until_its_generation_has_ended(session: Session) -> None:
    generation_id = accept(session, keep(session, "chair.jpg"))
    picture = session.generations.pictures(generation_id)["front"]
    session.delete_unused_uploads()
    assert [upload.name for upload in session.uploads.list()] == ["chair.jpg"]
    session.delete_upload("chair.jpg")
    assert picture.read_bytes() == b"pixels"
    # Another upload of this name has nothing to do with it.
    assert keep(session, "chair.jpg") == "chair.jpg"
    session.end_generation(generation_id, END)
    assert not picture.exists()


@pytest.mark.parametrize("by", ("upload", "all", "record"))
def test_a_picture_that_nobody_needs_goes(session: Session, by: str) -> None:
    generation_id = accept(session, keep(session, "chair.jpg"))
    picture = session.generations.pictures(generation_id)["front"]
    session.end_generation(generation_id, END)
    assert picture.exists()
    if by == "upload":
        session.delete_upload("chair.jpg")
    elif by == "all":
        session.delete_unused_uploads()
    else:
        session.generations.delete(generation_id)
    assert list((session.folder / "generations").rglob("front.*")) == []


def test_concurrent_uploads_and_models_never_share_a_name(session: Session) -> None:
    ready = threading.Barrier(16)

    def keep_and_save(number: int) -> str:
        ready.wait()
        upload = keep(session, "chair.jpg", str(number).encode())
        return save(session, upload, str(number).encode())

    with ThreadPoolExecutor(16) as pool:
        names = list(pool.map(keep_and_save, range(16)))
    assert len(set(names)) == 16
    for number, name in enumerate(names):
        assert session.model(name).read_bytes() == str(number).encode()
        assert (session.folder / "uploads" / name.replace(".glb", ".jpg")).exists()


def test_models_are_listed_oldest_first(session: Session) -> None:
    uploads = ["b.jpg", "a.jpg", "c.jpg", "a.png"]
    assert [save(session, upload) for upload in uploads] == ["b.glb", "a.glb", "c.glb", "a-2.glb"]
    assert session.models() == ["b.glb", "a.glb", "c.glb", "a-2.glb"]


def test_a_model_is_not_listed_before_it_is_complete(session: Session) -> None:
    with session.draft() as draft:
        draft.write_bytes(b"half")
        assert session.models() == []
        with pytest.raises(ModelNotFound):
            session.model(draft.name)
        save_model(session, draft, "chair.jpg")
        assert session.models() == ["chair.glb"]


def test_the_draft_of_a_failed_generation_is_removed(session: Session) -> None:
    with pytest.raises(RuntimeError), session.draft() as draft:
        draft.write_bytes(b"half")
        raise RuntimeError
    assert files_below(session.folder) == []


def test_all_uploads_of_a_request_are_kept_or_none(session: Session) -> None:
    class FullDisk(io.BytesIO):
        def read(self, size: Optional[int] = -1) -> bytes:
            raise OSError(28, "No space left on device")

    files: List[NewUpload] = [
        NewUpload(io.BytesIO(b"front"), "front.jpg", JPEG),
        NewUpload(FullDisk(), "left.jpg", JPEG),
    ]
    with pytest.raises(StorageFull):
        session.uploads.keep(files)
    assert files_below(session.folder) == []


def test_a_deleted_session_is_not_found(store: SessionStore, session: Session) -> None:
    assert store.open(session.id).id == session.id
    with session.draft() as draft:
        draft.write_bytes(b"model")
        for folder in ("uploads", "models"):
            for file in (session.folder / folder).iterdir():
                file.unlink()
            (session.folder / folder).rmdir()
        session.folder.rmdir()
        with pytest.raises(SessionNotFound):
            save_model(session, draft, "chair.jpg")
    with pytest.raises(SessionNotFound):
        store.open(session.id)
    with pytest.raises(SessionNotFound):
        session.models()
    with pytest.raises(SessionNotFound):
        keep(session, "chair.jpg")


def test_an_unused_session_is_removed(store: SessionStore) -> None:
    unused, opened, busy = (store.create() for _ in range(3))
    for session in (unused, opened, busy):
        os.utime(session.folder, (0, 0))
    store.open(opened.id)
    with busy.draft():
        store.sweep(3600)
        assert {path.name for path in busy.folder.parent.iterdir()} == {opened.id, busy.id}
    # The end of a generation counts as a use of its session.
    store.sweep(3600)
    assert busy.folder.exists()


def test_a_folder_that_cannot_be_written_to_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnusable, match="SESSIONS_DIR"):
        SessionStore(tmp_path / "file").prepare()
    SessionStore(tmp_path / "new" / "one").prepare()
    # On Windows the lock is a file.
    assert [name for name in files_below(tmp_path) if not name.endswith("/.lock")] == ["file"]
