"""Properties of the store for all file names and all orders of operations."""

from __future__ import annotations

import io
import re
import string
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from dreamlab.errors import ModelNotFound, SessionNotFound
from dreamlab.storage.session import Session
from dreamlab.storage.store import SessionStore
from dreamlab.storage.uploads import NewUpload
from support.models import save as save_model

SUFFIXES = st.sampled_from([(".jpg", ".jpeg"), (".png",), (".tiff", ".tif")])
NAMES = st.one_of(
    st.text(max_size=300),
    st.text(string.printable, max_size=40),
    st.sampled_from(["chair.jpg", "chair.png", "chair-2.jpg", "CHAIR.JPG", "../chair.jpg", ".jpg"]),
)
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,110}")


def new_session(folder: str) -> Session:
    return SessionStore(Path(folder)).create()


def keep(session: Session, name: str, suffixes: Tuple[str, ...], content: bytes) -> str:
    return session.uploads.keep([NewUpload(io.BytesIO(content), name, suffixes)])[0]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(NAMES, SUFFIXES, st.binary(max_size=20)), max_size=8))
def test_every_name_is_safe_and_every_upload_intact(
    files: List[Tuple[str, Tuple[str, ...], bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(folder)
        kept = [keep(session, name, suffixes, content) for name, suffixes, content in files]
        assert len(set(kept)) == len(files)
        for name, (_, suffixes, content) in zip(kept, files):
            assert SAFE.fullmatch(name) and name.lower().endswith(suffixes)
            assert (session.folder / "uploads" / name).read_bytes() == content
        assert sorted(path.name for path in (session.folder / "uploads").iterdir()) == sorted(kept)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["save", "delete", "delete all"]), min_size=1, max_size=12))
def test_a_model_name_is_never_used_twice(operations: List[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(folder)
        expected: List[str] = []
        used_names: List[str] = []
        for number, operation in enumerate(operations):
            if operation == "save":
                with session.draft() as draft:
                    draft.write_bytes(str(number).encode())
                    expected.append(save_model(session, draft, "chair.jpg"))
                used_names.append(expected[-1])
            elif operation == "delete" and expected:
                session.delete_model(expected.pop(0))
            elif operation == "delete all":
                session.delete_models()
                expected.clear()
            assert session.models() == expected
        assert len(set(used_names)) == len(used_names)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["keep", "save", "list", "delete"]), min_size=4, max_size=24))
def test_concurrent_operations_lose_no_model(operations: List[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(folder)

        def run(job: Tuple[int, str]) -> str:
            number, operation = job
            content = str(number).encode()
            if operation == "keep":
                return keep(session, "chair.jpg", (".jpg",), content)
            if operation == "save":
                with session.draft() as draft:
                    draft.write_bytes(content)
                    return save_model(session, draft, "chair.jpg")
            if operation == "delete":
                for name in session.models()[:1]:
                    try:
                        session.delete_model(name)
                    except ModelNotFound:
                        continue
                    return "-" + name
            return ""

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(run, enumerate(operations)))
        saved = {name: n for n, name in enumerate(results) if operations[n] == "save"}
        deleted = {name[1:] for name in results if name.startswith("-")}
        assert len(saved) == operations.count("save")
        assert set(session.models()) == set(saved) - deleted
        for name in session.models():
            assert session.model(name).read_bytes() == str(saved[name]).encode()


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.text(max_size=60), st.uuids(version=1).map(str), st.uuids(version=4).map(str)))
def test_an_unknown_id_opens_no_session(session_id: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore(Path(folder))
        store.create()
        try:
            store.open(session_id)
        except SessionNotFound:
            return
        raise AssertionError(session_id)
