"""Conversions in processes of their own: their limits, and converters that fail."""

from __future__ import annotations

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import List, NamedTuple
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dreamlab.formats import converter
from support import solids
from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until
from support.fake_service import FakeService

SMALL = solids.ellipsoid(is_textured=False)
pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="children are found in /proc")


@pytest.fixture
def service() -> FakeService:
    return FakeService(SMALL)


class Model(NamedTuple):
    """A model of an app, and the folder that it is in."""

    app: Flask
    session_id: str
    folder: Path
    name: str = "chair"

    @property
    def url(self) -> str:
        return f"/sessions/{self.session_id}/models/{self.name}"

    def get(self, form: str, **query: str) -> TestResponse:
        return self.app.test_client().get(f"{self.url}.{form}", query_string=query)

    def hidden(self) -> List[str]:
        """Return the names of its forms, and of what is not finished."""
        return [p.name for p in self.folder.iterdir() if p.name.startswith((".form-", ".tmp-"))]

    def beside(self, name: str, content: bytes) -> Model:
        """Return a further model of the session."""
        (self.folder / f"{name}.glb").write_bytes(content)
        return self._replace(name=name)


def make_model(client: FlaskClient, **form: str) -> Model:
    session_id = new_session(client)
    made = post(client, session_id, image_bytes(), **form)
    assert made.status_code == 200 and "warnings" not in made.json, made.text
    folder = client.application.extensions["dreamlab"].settings.sessions_dir / session_id
    return Model(client.application, session_id, folder / "models")


def converters() -> List[int]:
    """Return the processes that convert."""
    found: List[int] = []
    for task in Path("/proc/self/task").iterdir():
        # A thread or a process may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            for pid in (task / "children").read_text().split():
                if b"dreamlab.formats.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def wait_for_converter() -> int:
    assert wait_until(lambda: converters() != [])
    (found,) = converters()
    return found


def test_two_requests_for_one_form_make_it_once(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_model(client)
    with caplog.at_level(logging.INFO, "dreamlab"), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: model.get("usdz", height_cm="77"), range(8)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.data for each in answers}) == 1
    assert len(model.hidden()) == 1
    assert caplog.text.count("conversion to usdz: ok") == 1


def test_a_format_that_an_older_converter_made_is_made_anew_and_goes_with_the_model(
    client: FlaskClient,
) -> None:
    model = make_model(client)
    first = model.get("stl").data
    (kept,) = model.hidden()
    # Releases before the version was part of the name had names like this.
    old = kept.replace(f"-{converter.VERSION}-", "-")
    assert old != kept
    (model.folder / kept).rename(model.folder / old).write_bytes(b"old")
    assert model.get("stl").data == first
    assert sorted(model.hidden()) == sorted([kept, old])
    assert client.delete(f"/api{model.url}.glb").status_code == 204
    assert model.hidden() == []


def test_a_generation_asks_for_fewer_faces(client: FlaskClient) -> None:
    model = make_model(client, max_faces="500", height_cm="90")
    content = model.get("glb").data
    assert len(solids.load(content, "glb").faces) <= 500
    low, high = solids.extents(content, "glb")
    assert (low[1], high[1]) == pytest.approx((0, 0.9), abs=1e-6)


def test_a_model_keeps_its_faces_where_the_converter_is_killed(
    client: FlaskClient, session_id: str, service: FakeService, large: bytes
) -> None:
    service.model = large
    with ThreadPoolExecutor() as pool:
        job = pool.submit(post, client, session_id, image_bytes(), max_faces="500")
        os.kill(wait_for_converter(), signal.SIGKILL)
    made = job.result()
    assert made.status_code == 200
    assert "converter broke off" in made.json["warnings"][0]
    assert client.get(urlsplit(made.json["model_url"]).path).data == large


def test_a_killed_converter_is_told_and_its_place_is_given_back(
    make_client: MakeClient, large: bytes
) -> None:
    small = make_model(make_client(max_conversions=1))
    model = small.beside("large", large)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "obj.zip")
        os.kill(wait_for_converter(), signal.SIGKILL)
    assert_error(job.result(), 503, "generator_unavailable")
    assert "Retry-After" in job.result().headers
    assert model.hidden() == []
    assert small.get("obj.zip").status_code == 200


def test_a_conversion_over_its_memory_is_told(make_client: MakeClient, large: bytes) -> None:
    small = make_model(make_client(conversion_memory_mb=500))
    model = small.beside("large", large)
    refused = model.get("obj.zip")
    assert_error(refused, 503, "generator_unavailable")
    assert "Retry-After" in refused.headers
    assert model.hidden() == []
    assert small.get("obj.zip").status_code == 200


def test_a_model_with_few_enough_faces_is_not_converted(make_client: MakeClient) -> None:
    faces = len(solids.load(SMALL, "glb").faces)
    # So little memory lets no conversion succeed.
    model = make_model(make_client(conversion_memory_mb=100), max_faces=str(faces))
    assert model.get("glb", max_faces=str(faces)).data == SMALL
    assert model.hidden() == []
    assert model.get("glb", max_faces=str(faces - 1)).status_code == 503


def test_a_converter_that_hangs_is_ended_and_its_place_is_given_back(
    make_client: MakeClient, large: bytes
) -> None:
    small = make_model(make_client(max_conversions=1, conversion_timeout_s=2))
    model = small.beside("large", large)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "png")
        hanging = wait_for_converter()
        os.kill(hanging, signal.SIGSTOP)
        waiting = pool.submit(small.get, "stl")
        assert_error(job.result(), 504, "generation_timeout")
        assert not Path(f"/proc/{hanging}").exists()
    # On a slow machine it takes too long itself.
    assert waiting.result().status_code in (200, 504)


def test_who_waits_too_long_for_a_place_is_refused(
    make_client: MakeClient, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "_WAIT_S", 0.1)
    small = make_model(make_client(max_conversions=1))
    model = small.beside("large", large)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "ply")
        hanging = wait_for_converter()
        os.kill(hanging, signal.SIGSTOP)
        refused = small.get("stl")
        assert converters() == [hanging]
        os.kill(hanging, signal.SIGKILL)
    assert job.result().status_code == 503
    assert_error(refused, 503, "generator_busy")
    assert int(refused.headers["Retry-After"]) > 0
