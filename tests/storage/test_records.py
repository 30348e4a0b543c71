"""The record beside a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from dreamlab.errors import ModelNotFound
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore
from support import gltf_files
from support.api import files_below, wait_until
from support.models import save as save_model

RECORD: Dict[str, Any] = {"engine": "local", "seed": 7, "size_cm": None}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return SessionStore(tmp_path).create()


def save(session: Session, **record: Any) -> str:
    with session.draft() as draft:
        draft.write_bytes(gltf_files.plain())
        return save_model(session, draft, "chair.jpg", {**RECORD, **record})


def test_each_model_has_its_own_record(session: Session) -> None:
    first, second = save(session), save(session, seed=8)
    assert session.record(first) == RECORD
    assert session.record(second) == {**RECORD, "seed": 8}
    session.delete_model(first)
    with pytest.raises(ModelNotFound):
        session.record(first)
    assert [listed.record["seed"] for listed in session.listed_models()] == [8]


def test_the_record_is_that_of_the_attempt_that_is_saved_first(session: Session) -> None:
    name = session.reserve("chair.jpg")
    for seed in (1, 2):
        with session.draft() as draft:
            draft.write_bytes(b"model %d" % seed)
            session.stage(draft, name, {"seed": seed})
        session.publish(name)
    assert session.model(name).read_bytes() == b"model 1"
    assert session.record(name) == {"seed": 1}


def test_a_model_that_is_deleted_before_it_is_saved_leaves_no_record(session: Session) -> None:
    name = session.reserve("chair.jpg")
    (session.folder / "models" / f".deleted-{name}").touch()
    with session.draft() as draft:
        session.stage(draft, name, RECORD)
    session.publish(name)
    assert ".record-chair.glb.json" not in files_below(session.folder / "models")


@pytest.mark.parametrize("damaged", (b"", b"{", b"[]", b"\xff"))
def test_a_damaged_record_is_made_anew_of_the_file(session: Session, damaged: bytes) -> None:
    name = save(session)
    (session.folder / "models" / f".record-{name}.json").write_bytes(damaged)
    assert session.record(name)["triangles"] == 22
    assert session.record(name)["engine"] is None


def test_a_start_removes_the_records_of_models_that_were_never_saved(session: Session) -> None:
    save(session)
    orphan = session.folder / "models" / ".record-chair-2.glb.json"
    orphan.write_text("{}")
    SessionStore(session.folder.parent).prepare()
    assert wait_until(lambda: not orphan.exists())
    assert session.record("chair.glb") == RECORD
