"""What is deleted while somebody uses it: gone at once for everybody, its bytes a little later.

On Windows, a file that is open cannot be removed. Elsewhere, a system that refuses to remove a file
stands for it.
"""

from __future__ import annotations

import errno
import shutil
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator

import pytest

from dreamlab.errors import ModelNotFound, SessionNotFound, UploadNotFound
from dreamlab.storage import files
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore
from storage.test_store import keep, save
from support.api import files_below, wait_until

InUse = Callable[[Path], ContextManager[None]]


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "sessions")


@pytest.fixture
def session(store: SessionStore) -> Session:
    return store.create()


@pytest.fixture
def in_use(monkeypatch: pytest.MonkeyPatch) -> InUse:
    """Return what holds a file or a folder, so that it cannot be removed or renamed."""
    return in_use_on_windows if sys.platform == "win32" else partial(refused, monkeypatch)


@contextmanager
def in_use_on_windows(path: Path) -> Iterator[None]:
    file = path if path.is_file() else path / "models" / "chair.glb"
    with file.open("rb"):
        yield


@contextmanager
def refused(monkeypatch: pytest.MonkeyPatch, held: Path) -> Iterator[None]:
    """Let the system refuse to remove or to rename `held`, whoever asks for it."""

    def refuse(operation: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(path: Any, *args: Any, **options: Any) -> Any:
            if Path(path) != held:
                return operation(path, *args, **options)
            if not options.get("ignore_errors"):
                raise PermissionError(errno.EACCES, "in use", str(path))
            return None

        return wrapper

    with monkeypatch.context() as system:
        system.setattr(Path, "unlink", refuse(Path.unlink))
        system.setattr(Path, "rename", refuse(Path.rename))
        system.setattr(shutil, "rmtree", refuse(shutil.rmtree))
        yield


def test_a_model_in_use_is_neither_listed_nor_served_and_is_removed_later(
    session: Session, in_use: InUse
) -> None:
    save(session, "chair.jpg")
    path = session.model("chair.glb")
    with in_use(path):
        session.delete_model("chair.glb")
        assert session.models() == []
        with pytest.raises(ModelNotFound):
            session.model("chair.glb")
        with pytest.raises(ModelNotFound):
            session.delete_model("chair.glb")
        files.remove_leftovers()
        assert path.exists()
        assert save(session, "chair.jpg") == "chair-2.glb"
    files.remove_leftovers()
    assert not path.exists()
    assert session.models() == ["chair-2.glb"]


def test_an_upload_in_use_is_neither_listed_nor_taken_and_is_removed_later(
    session: Session, in_use: InUse
) -> None:
    keep(session, "chair.jpg")
    path = session.uploads.path("chair.jpg")
    with in_use(path):
        session.uploads.delete("chair.jpg")
        assert session.uploads.list() == []
        with pytest.raises(UploadNotFound):
            session.uploads.open("chair.jpg")
        with pytest.raises(UploadNotFound):
            session.uploads.delete("chair.jpg")
        assert keep(session, "chair.jpg", b"2") == "chair-2.jpg"
    files.remove_leftovers()
    assert not path.exists()
    assert [upload.name for upload in session.uploads.list()] == ["chair-2.jpg"]


def test_a_session_in_use_is_not_found_and_is_removed_later(
    store: SessionStore, session: Session, in_use: InUse
) -> None:
    save(session, "chair.jpg")
    with in_use(session.folder):
        store.delete(session.id)
        with pytest.raises(SessionNotFound):
            store.open(session.id)
        with pytest.raises(SessionNotFound):
            store.delete(session.id)
    files.remove_leftovers()
    assert [name for name in files_below(session.folder.parent) if "chair" in name] == []


def test_what_was_in_use_at_the_end_of_a_server_is_removed_by_the_next_one(
    store: SessionStore, session: Session, in_use: InUse
) -> None:
    for name in ("chair.jpg", "desk.jpg"):
        save(session, name)
    paths = [session.model("chair.glb"), session.model("desk.glb")]
    with in_use(paths[0]), in_use(paths[1]):
        session.delete_models()
        # The process that deleted them ends.
        files._leftovers.clear()
    store.prepare()
    assert wait_until(lambda: not any(path.exists() for path in paths))
    assert session.was_saved("chair.glb")


def test_a_scratch_file_in_use_does_not_hide_how_the_generation_ended(
    session: Session, in_use: InUse
) -> None:
    with ExitStack() as held:
        with pytest.raises(TimeoutError), session.draft() as draft:
            draft.write_bytes(b"half")
            # A thread that was given up still writes to it.
            held.enter_context(in_use(draft))
            raise TimeoutError
        assert draft.exists()
    files.remove_leftovers()
    assert files_below(session.folder) == []


def test_clearing_goes_on_after_any_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "sessions"
    root.touch()
    store = SessionStore(root)
    store.keep_sweeping(0.2)
    assert wait_until(lambda: "a background task failed" in caplog.text)
    root.unlink()
    unused = store.create()
    assert wait_until(lambda: not unused.folder.exists())
