"""The forms of a model over HTTP: their headers, their queries and their life on disk."""

from __future__ import annotations

import io
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, NamedTuple, Set

import pytest
import requests
from PIL import Image

from dreamlab.formats.converter import WAITING
from support import solids
from support.api import image_bytes, wait_until
from support.processes import Server, StartServer
from support.spaces import answer, space

CONTENT_TYPES = {
    "glb": "model/gltf-binary",
    "usdz": "model/vnd.usdz+zip",
    "obj.zip": "application/zip",
    "stl": "model/stl",
    "ply": "application/octet-stream",
    "png": "image/png",
    "webp": "image/webp",
}
pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="children are found in /proc")


class Model(NamedTuple):
    """A model of a running server, and the folder that it is in."""

    server: Server
    session_id: str
    name: str

    @property
    def folder(self) -> Path:
        return self.server.sessions / self.session_id / "models"

    def get(self, form: str, **query: str) -> requests.Response:
        stem = self.name.partition(".")[0]
        url = f"{self.server.url}/sessions/{self.session_id}/models/{stem}.{form}"
        return requests.get(url, params=query, timeout=60)

    def hidden(self) -> Set[str]:
        """Return the names of its forms, and of what is not finished."""
        return {p.name for p in self.folder.iterdir() if p.name.startswith((".form-", ".tmp-"))}


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mesh = tmp_path_factory.mktemp("space") / "white_mesh.glb"
    mesh.write_bytes(solids.ellipsoid(is_textured=False))

    def shape(image=None):  # type: ignore[no-untyped-def]
        return answer(mesh)

    with space(shape) as url:
        yield url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, generator: str) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(folder, HUNYUAN_SPACE_ID=generator, MAX_CONVERSIONS="1")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def model(server: Server) -> Model:
    return make_model(server)


def make_model(server: Server, content: bytes = b"") -> Model:
    """Make a model. Give it other content, if there is any."""
    session_id = server.session()
    made = server.post(session_id, image_bytes())
    assert made.status_code == 200, made.text
    model = Model(server, session_id, made.json()["model"])
    if content:
        (model.folder / model.name).write_bytes(content)
    return model


def converter_of(server: Server) -> int:
    """Return the process that converts, once there is one."""
    assert wait_until(lambda: server.children() != [])
    return server.children()[0]


@pytest.mark.parametrize("form", CONTENT_TYPES)
def test_a_form_is_made_once_and_cached_like_a_model(model: Model, form: str) -> None:
    before = model.hidden()
    first = model.get(form, height_cm="90")
    assert (first.status_code, first.headers["Content-Type"]) == (200, CONTENT_TYPES[form])
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert f"chair.{form}" in first.headers["Content-Disposition"]
    (kept,) = model.hidden() - before
    written = (model.folder / kept).stat().st_mtime_ns
    other_spelling = first.url.replace("/sessions/", "/api/sessions/")
    assert requests.get(other_spelling).content == first.content
    assert requests.head(first.url).headers["Content-Length"] == str(len(first.content))
    fresh = requests.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert model.hidden() == {*before, kept}
    assert (model.folder / kept).stat().st_mtime_ns == written
    # It is no model, and no name by which it could be asked for.
    assert model.server.models(model.session_id) == [model.name]
    url = f"{model.server.url}/sessions/{model.session_id}/models/{kept}"
    assert requests.get(url).status_code == 404


def test_the_query_is_in_the_form(model: Model) -> None:
    low, high = solids.extents(model.get("stl", height_cm="80").content, "stl")
    assert high[1] - low[1] == pytest.approx(800, rel=1e-5) and low[1] == pytest.approx(0, abs=1e-3)
    fewer = solids.load(model.get("ply", max_faces="500").content, "ply")
    assert len(fewer.faces) <= 500
    assert Image.open(io.BytesIO(model.get("png", side="64").content)).size == (64, 64)
    plain = model.get("glb")
    assert plain.content == (model.folder / model.name).read_bytes()


@pytest.mark.parametrize(
    ("form", "field", "value"),
    (
        ("usdz", "height_cm", "0"),
        ("glb", "width_cm", "1e9"),
        ("png", "side", "32"),
        ("stl", "max_faces", "3"),
        ("ply", "origin", "roof"),
    ),
)
def test_a_bad_query_is_told(model: Model, form: str, field: str, value: str) -> None:
    before = model.hidden()
    refused = model.get(form, **{field: value})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_option")
    assert refused.json()["error"].startswith(field)
    assert model.hidden() == before


def test_what_is_no_form_or_no_model_is_not_found(model: Model) -> None:
    assert model.get("exe").json()["code"] == "model_not_found"
    other = Model(model.server, model.session_id, "table.glb")
    assert other.get("usdz").json()["code"] == "model_not_found"


def test_the_forms_go_with_the_model(server: Server) -> None:
    model = make_model(server)
    for form in ("usdz", "stl"):
        assert model.get(form).status_code == 200
    url = f"{server.url}/api/sessions/{model.session_id}/models/{model.name}"
    assert requests.delete(url).status_code == 204
    assert model.hidden() == set()
    assert model.get("usdz").status_code == 404


def test_too_many_requests_for_forms_are_refused_and_others_are_answered(
    server: Server, large: bytes
) -> None:
    model = make_model(server, large)
    places = 1 + WAITING
    with ThreadPoolExecutor(2 * places) as pool:
        jobs = [pool.submit(model.get, "stl")]
        converter = converter_of(server)
        os.kill(converter, signal.SIGSTOP)
        jobs += [pool.submit(model.get, "stl") for _ in range(2 * places - 1)]
        assert wait_until(lambda: sum(job.done() for job in jobs) == places)
        assert server.models(model.session_id, timeout=20) == [model.name]
        os.kill(converter, signal.SIGKILL)
    answers = [job.result() for job in jobs]
    assert all(each.status_code == 503 and "Retry-After" in each.headers for each in answers)
    codes = [each.json()["code"] for each in answers]
    assert codes.count("generator_busy") == places
    # The others waited for the process that was killed.
    assert codes.count("generator_unavailable") == places


def test_a_form_half_made_when_the_server_is_killed_is_never_served(
    start_server: StartServer, generator: str, large: bytes
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=generator)
    model = make_model(server, large)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "obj.zip")
        converter = converter_of(server)
        server.kill()
        with pytest.raises(requests.ConnectionError):
            job.result()
    assert wait_until(lambda: not Path(f"/proc/{converter}").exists())
    assert not [name for name in model.hidden() if name.startswith(".form-")]
