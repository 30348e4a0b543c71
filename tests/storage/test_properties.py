"""What holds of the store for any name and any order of doings."""

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
from dreamlab.storage.session import NewUpload, Session
from dreamlab.storage.store import SessionStore

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
    return session.keep([NewUpload(io.BytesIO(content), name, suffixes)])[0].name


@settings(deadline=None, max_examples=150)
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
def test_a_models_name_is_never_given_twice(doings: List[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(folder)
        expected: List[str] = []
        given_names: List[str] = []
        for number, doing in enumerate(doings):
            if doing == "save":
                with session.draft() as draft:
                    draft.write_bytes(str(number).encode())
                    expected.append(session.save(draft, "chair.jpg"))
                given_names.append(expected[-1])
            elif doing == "delete" and expected:
                session.delete_model(expected.pop(0))
            elif doing == "delete all":
                session.delete_models()
                expected.clear()
            assert session.models() == expected
        assert len(set(given_names)) == len(given_names)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(["keep", "save", "list", "delete"]), min_size=4, max_size=24))
def test_doings_at_once_lose_nothing(doings: List[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(folder)

        def do(job: Tuple[int, str]) -> str:
            number, doing = job
            content = str(number).encode()
            if doing == "keep":
                return keep(session, "chair.jpg", (".jpg",), content)
            if doing == "save":
                with session.draft() as draft:
                    draft.write_bytes(content)
                    return session.save(draft, "chair.jpg")
            if doing == "delete":
                for name in session.models()[:1]:
                    try:
                        session.delete_model(name)
                    except ModelNotFound:
                        continue
                    return "-" + name
            return ""

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(do, enumerate(doings)))
        saved = {name: n for n, name in enumerate(told) if doings[n] == "save"}
        deleted = {name[1:] for name in told if name.startswith("-")}
        assert len(saved) == doings.count("save")
        assert set(session.models()) == set(saved) - deleted
        for name in session.models():
            assert session.model(name).read_bytes() == str(saved[name]).encode()


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=60), st.uuids(version=1).map(str), st.uuids(version=4).map(str)))
def test_no_other_id_opens_anything(session_id: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore(Path(folder))
        store.create()
        try:
            store.open(session_id)
        except SessionNotFound:
            return
        raise AssertionError(session_id)
