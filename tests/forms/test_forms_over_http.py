"""The forms of a model over HTTP: their headers, their life on disk, and converters that fail."""

from __future__ import annotations

import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest
import requests
from PIL import Image

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
TIMEOUT_S = 6
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

    def hidden(self) -> List[str]:
        """Return the names of its forms, and of what is not finished."""
        return [p.name for p in self.folder.iterdir() if p.name.startswith((".form-", ".tmp-"))]


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
    settings = {"MAX_CONVERSIONS": "1", "CONVERSION_TIMEOUT_S": str(TIMEOUT_S)}
    server = Server(tmp_path_factory.mktemp("server"), HUNYUAN_SPACE_ID=generator, **settings)
    yield server
    server.kill()


@pytest.fixture
def model(server: Server) -> Model:
    return make_model(server)


def make_model(server: Server, **form: str) -> Model:
    session_id = server.session()
    made = server.post(session_id, image_bytes(), **form)
    assert made.status_code == 200, made.text
    assert "warnings" not in made.json()
    return Model(server, session_id, made.json()["model"])


def converter_of(server: Server) -> int:
    """Return the process that converts, once there is one."""
    assert wait_until(lambda: server.children() != [], 10)
    return server.children()[0]


@pytest.mark.parametrize("form", CONTENT_TYPES)
def test_a_form_is_made_once_and_cached_like_a_model(model: Model, form: str) -> None:
    first = model.get(form, height_cm="90")
    assert (first.status_code, first.headers["Content-Type"]) == (200, CONTENT_TYPES[form])
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert f"chair.{form}" in first.headers["Content-Disposition"]
    kept = model.hidden()
    assert len(kept) == 1
    written = (model.folder / kept[0]).stat().st_mtime_ns
    other_spelling = first.url.replace("/sessions/", "/api/sessions/")
    assert requests.get(other_spelling).content == first.content
    assert requests.head(first.url).headers["Content-Length"] == str(len(first.content))
    fresh = requests.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert model.hidden() == kept and (model.folder / kept[0]).stat().st_mtime_ns == written
    # It is no model, and no name by which it could be asked for.
    assert model.server.models(model.session_id) == [model.name]
    url = f"{model.server.url}/sessions/{model.session_id}/models/{kept[0]}"
    assert requests.get(url).status_code == 404


def test_the_query_is_in_the_form(model: Model) -> None:
    low, high = solids.extents(model.get("stl", height_cm="90").content, "stl")
    assert high[1] - low[1] == pytest.approx(900, rel=1e-5) and low[1] == pytest.approx(0, abs=1e-3)
    fewer = solids.load(model.get("ply", max_faces="500").content, "ply")
    assert len(fewer.faces) <= 500
    assert Image.open(io.BytesIO(model.get("png", side="64").content)).size == (64, 64)
    plain = model.get("glb")
    assert plain.content == (model.folder / model.name).read_bytes()


def test_a_generation_asks_for_fewer_faces(server: Server) -> None:
    session_id = server.session()
    made = server.post(session_id, image_bytes(), max_faces="500", height_cm="90")
    assert "warnings" not in made.json()
    content = requests.get(made.json()["model_url"]).content
    assert len(solids.load(content, "glb").faces) <= 500
    low, high = solids.extents(content, "glb")
    assert (low[1], high[1]) == pytest.approx((0, 0.9), abs=1e-6)


def test_a_model_keeps_its_faces_where_the_converter_is_killed(server: Server) -> None:
    session_id = server.session()
    with ThreadPoolExecutor() as pool:
        job = pool.submit(server.post, session_id, image_bytes(), max_faces="500")
        os.kill(converter_of(server), signal.SIGKILL)
    assert job.result().status_code == 200
    assert "converter broke off" in job.result().json()["warnings"][0]
    own = requests.get(job.result().json()["model_url"]).content
    assert len(solids.load(own, "glb").faces) == len(
        solids.load(solids.ellipsoid(is_textured=False), "glb").faces
    )


def test_a_model_with_few_enough_faces_is_not_converted(
    start_server: StartServer, generator: str
) -> None:
    # So little memory lets no conversion succeed.
    server = start_server(HUNYUAN_SPACE_ID=generator, CONVERSION_MEMORY_MB="100")
    faces = len(solids.load(solids.ellipsoid(is_textured=False), "glb").faces)
    model = make_model(server, max_faces=str(faces))
    same = model.get("glb", max_faces=str(faces))
    assert same.content == (model.folder / model.name).read_bytes()
    assert model.hidden() == []
    assert model.get("glb", max_faces=str(faces - 1)).status_code == 503


@pytest.mark.parametrize(
    ("form", "field", "value"),
    (
        ("usdz", "height_cm", "0"),
        ("glb", "width_cm", "1e9"),
        ("png", "side", "32"),
        ("webp", "side", "big"),
        ("stl", "max_faces", "3"),
        ("ply", "origin", "roof"),
    ),
)
def test_a_bad_query_is_told(model: Model, form: str, field: str, value: str) -> None:
    refused = model.get(form, **{field: value})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_option")
    assert refused.json()["error"].startswith(field)
    assert model.hidden() == []


def test_what_is_no_form_or_no_model_is_not_found(model: Model) -> None:
    assert model.get("exe").json()["code"] == "model_not_found"
    other = Model(model.server, model.session_id, "table.glb")
    assert other.get("usdz").json()["code"] == "model_not_found"


def test_the_forms_go_with_the_model(model: Model) -> None:
    for form in ("usdz", "png"):
        assert model.get(form).status_code == 200
    url = f"{model.server.url}/api/sessions/{model.session_id}/models/{model.name}"
    assert requests.delete(url).status_code == 204
    assert model.hidden() == []
    assert model.get("usdz").status_code == 404


def test_two_requests_for_one_form_make_it_once(model: Model) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(model.get, "usdz", height_cm="77") for _ in range(8)]
        pids = {converter_of(model.server)}
        while not all(job.done() for job in jobs):
            pids.update(model.server.children())
            time.sleep(0.01)
    answers = [job.result() for job in jobs]
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    assert len(pids) == 1 and len(model.hidden()) == 1


def test_a_killed_converter_is_told_and_its_place_is_given_back(model: Model) -> None:
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "obj.zip")
        os.kill(converter_of(model.server), signal.SIGKILL)
    assert job.result().status_code == 503 and "Retry-After" in job.result().headers
    assert model.hidden() == []
    assert model.get("obj.zip").status_code == 200


def test_a_conversion_over_its_memory_is_told_and_its_place_is_given_back(
    start_server: StartServer, generator: str
) -> None:
    server = start_server(
        HUNYUAN_SPACE_ID=generator, CONVERSION_MEMORY_MB="500", MAX_CONVERSIONS="1"
    )
    small = make_model(server)
    large = small._replace(name="large.glb")
    (large.folder / large.name).write_bytes(solids.ellipsoid(600, is_textured=False))
    refused = large.get("obj.zip")
    assert (refused.status_code, refused.json()["code"]) == (503, "generator_unavailable")
    assert "Retry-After" in refused.headers
    assert large.hidden() == []
    assert small.get("obj.zip").status_code == 200


def test_a_converter_that_hangs_is_ended(model: Model) -> None:
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "png")
        pid = converter_of(model.server)
        os.kill(pid, signal.SIGSTOP)
        # The only place is taken: another request waits, and all else is answered.
        waiting = pool.submit(model.get, "stl")
        assert model.server.models(model.session_id, timeout=5) == [model.name]
    hung = job.result()
    assert (hung.status_code, hung.json()["code"]) == (504, "generation_timeout")
    assert not Path(f"/proc/{pid}").exists()
    assert waiting.result().status_code == 200
    assert model.get("png").status_code == 200


def test_too_many_conversions_are_refused(model: Model) -> None:
    with ThreadPoolExecutor(40) as pool:
        jobs = [pool.submit(model.get, "stl", height_cm=str(100 + n)) for n in range(40)]
        os.kill(converter_of(model.server), signal.SIGSTOP)
    codes = [job.result().json()["code"] for job in jobs if job.result().status_code == 503]
    assert codes and set(codes) == {"generator_busy"}
    assert all("Retry-After" in j.result().headers for j in jobs if j.result().status_code == 503)
    assert model.get("stl").status_code == 200


def test_a_form_half_made_when_the_server_is_killed_is_never_served(
    server: Server, model: Model
) -> None:
    with ThreadPoolExecutor() as pool:
        job = pool.submit(model.get, "usdz", height_cm="50")
        child = converter_of(server)
        server.kill()
        with pytest.raises(requests.ConnectionError):
            job.result()
    assert wait_until(lambda: not Path(f"/proc/{child}").exists(), 10)
    assert not [name for name in model.hidden() if name.startswith(".form-")]
