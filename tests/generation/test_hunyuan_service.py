"""The wrapper against Gradio servers that differ, refuse, hang, lie and die."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import gradio as gr
import pytest
from flask.testing import FlaskClient

from dreamlab import errors
from dreamlab.settings import Settings
from dreamlab.space import connection
from dreamlab.space.progress import Progress, Queued
from hunyuan_service import HunyuanService, Options
from support.api import assert_error, files_below, models, new_session, picture, post
from support.processes import run_space
from support.spaces import Recorder, answer, free_port, space, tiny_glb


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(picture())
    return path


@pytest.fixture
def glb_file() -> Iterator[Path]:
    # Gradio serves what is below the system's temporary folder.
    with tempfile.TemporaryDirectory() as folder:
        yield tiny_glb(Path(folder) / "white_mesh.glb")


def service(url: str, **given: Any) -> HunyuanService:
    given.setdefault("generation_timeout_s", 30)
    return HunyuanService(Settings(engine=url, **given))


def generate(service: HunyuanService, photo: Path, **options: Any) -> bytes:
    """The bytes of a model made of one photo."""
    target = photo.with_name("model.glb")
    service.generate({"front": photo}, Options(**options), target)
    return target.read_bytes()


# Servers that differ


def test_a_single_view_server_gets_the_photo_and_the_options(photo: Path, glb_file: Path) -> None:
    seen = Recorder(glb_file)

    def shape(caption=None, image=None, mv_image_front=None, mv_image_left=None, steps=30,
              guidance_scale=5.0, seed=1234, octree_resolution=256, check_box_rembg=True,
              num_chunks=8000, randomize_seed=True):  # fmt: skip
        return seen.keep(dict(locals()))

    with space(shape) as url:
        target = photo.with_name("model.glb")
        options = Options(caption="oak", seed=42, steps=3, remove_background=False)
        used = service(url).generate({"front": photo, "left": photo}, options, target)
    (call,) = seen.calls
    assert used == 42
    assert target.read_bytes() == glb_file.read_bytes()
    assert call["image"] and call["mv_image_front"] and call["mv_image_left"]
    assert (call["caption"], call["seed"], call["steps"]) == ("oak", 42, 3)
    assert (call["randomize_seed"], call["check_box_rembg"]) == (False, False)
    assert (call["num_chunks"], call["octree_resolution"]) == (8000, 256)


def test_without_a_seed_the_generator_draws_one(photo: Path, glb_file: Path) -> None:
    seen = Recorder(glb_file)

    def shape(image=None, seed=1234, randomize_seed=False):
        return seen.keep(dict(locals()))

    with space(shape) as url:
        generate(service(url), photo)
    assert seen.calls[0]["randomize_seed"] is True


def test_a_multi_view_server_without_caption_works_too(photo: Path, glb_file: Path) -> None:
    seen = Recorder(glb_file)

    def shape(mv_image_front=None, mv_image_back=None, mv_image_left=None, mv_image_right=None):
        if mv_image_front is None:
            raise gr.Error("Please provide a front view")
        return seen.keep(dict(locals()))

    with space(shape) as url:
        target = photo.with_name("model.glb")
        views = dict.fromkeys(("front", "back", "left", "right"), photo)
        service(url).generate(views, Options(caption="oak"), target)
    assert all(seen.calls[0].values())


def test_a_server_with_inputs_of_its_own_and_no_defaults_works(photo: Path, glb_file: Path) -> None:
    seen = Recorder(glb_file)

    def shape(image, mv_image_back, caption):
        return seen.keep(dict(locals()))

    with space(shape) as url:
        generate(service(url), photo)
    assert seen.calls[0]["image"] and not seen.calls[0]["mv_image_back"]


def test_a_photo_that_is_passed_under_two_names_is_uploaded_once(
    photo: Path, glb_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Recorder(glb_file)

    def shape(image=None, mv_image_front=None):
        return seen.keep(dict(locals()))

    with space(shape) as url, caplog.at_level(logging.INFO, "httpx"):
        generate(service(url), photo)
    uploads = [record for record in caplog.messages if "/upload" in record]
    assert len(uploads) == 1
    assert seen.calls[0]["image"] and seen.calls[0]["mv_image_front"]


@pytest.mark.parametrize("wrap", (str, lambda path: gr.update(value=str(path))))
def test_a_mesh_is_found_in_either_spelling(
    photo: Path, glb_file: Path, wrap: Callable[[Path], Any]
) -> None:
    def shape(image=None):
        return answer(wrap(glb_file))

    with space(shape) as url:
        assert generate(service(url), photo) == glb_file.read_bytes()


def test_the_textured_mesh_is_preferred(photo: Path, glb_file: Path) -> None:
    textured = tiny_glb(glb_file.with_name("textured_mesh.glb"), "textured")
    obj = glb_file.with_name("white_mesh.obj")
    obj.write_text("v 0 0 0")
    for white in (glb_file, obj):

        def everything(image=None):
            return str(white), str(textured), "", {}, 7  # noqa: B023

        with space(lambda: answer(None), everything) as url:
            assert generate(service(url), photo, texture=True) == textured.read_bytes()


# Servers that refuse


@pytest.mark.parametrize(
    ("words", "status", "code", "retry_after"),
    (
        ("The chair has no legs", 502, "generation_failed", None),
        (
            "You have exceeded your GPU quota (60s requested vs. 12s left). Try again in 2:05:11",
            429,
            "quota_exceeded",
            7511,
        ),
        (
            "You have exceeded your ZeroGPU runs limit. Authenticate with a Hugging Face token "
            "for more quota.",
            429,
            "quota_exceeded",
            None,
        ),
        ("No GPU is currently available for you after 60s", 503, "generator_busy", 15),
        ("OSError: [Errno 122] Disk quota exceeded", 502, "generation_failed", None),
    ),
)
def test_a_refusal_is_told_in_the_generators_words(
    make_client: Callable[..., FlaskClient],
    words: str,
    status: int,
    code: str,
    retry_after: Any,
) -> None:
    def shape(image=None):
        raise gr.Error(words)

    with space(shape) as url:
        client = make_client(url)
        refused = post(client, new_session(client), picture(), "chair.png")
    assert_error(refused, status, code)
    assert refused.json["error"].endswith(words)
    assert refused.json["filename"] == "chair.png"
    assert refused.headers.get("Retry-After", type=int) == retry_after


def test_a_server_that_hides_its_reason_fails_plainly(photo: Path) -> None:
    def shape(image=None):
        raise ValueError("secret")

    with space(shape, show_error=False) as url, pytest.raises(errors.GenerationFailed):
        generate(service(url), photo)


def test_a_full_queue_is_busy(photo: Path, glb_file: Path) -> None:
    free = threading.Event()

    def shape(image=None):
        free.wait(20)
        return answer(str(glb_file))

    with space(shape, max_queue=1) as url, ThreadPoolExecutor(3) as pool:
        shared = service(url)
        jobs = [
            pool.submit(shared.generate, {"front": photo}, Options(), photo.with_name(f"{n}.glb"))
            for n in range(3)
        ]
        deadline = time.monotonic() + 15
        while not any(job.done() for job in jobs) and time.monotonic() < deadline:
            time.sleep(0.05)
        free.set()
        failures = [job.exception() for job in jobs if job.exception()]
    assert failures and all(isinstance(each, errors.GeneratorBusy) for each in failures)


def test_texture_on_a_server_without_it_fails(photo: Path, glb_file: Path) -> None:
    def shape(image=None):
        return answer(str(glb_file))

    with space(shape) as url, pytest.raises(errors.GenerationFailed, match="generation_all"):
        generate(service(url), photo, texture=True)


@pytest.mark.parametrize(
    "spoil",
    (
        lambda good: b"<html>Internal error</html>",
        lambda good: b"",
        lambda good: good[:-4],
        lambda good: good + b"\0\0\0\0",
        lambda good: good[:4] + b"\1" + good[5:],
        lambda good: good[:16] + b"BIN\0" + good[20:],
        lambda good: good[:12] + b"\xff\xff\xff\x7f" + good[16:],
    ),
    ids=("HTML", "empty", "cut", "longer", "version 1", "no JSON chunk", "chunk beyond the end"),
)
def test_what_is_no_glb_fails_and_is_not_kept(
    make_client: Callable[..., FlaskClient],
    tmp_path: Path,
    glb_file: Path,
    spoil: Callable[[bytes], bytes],
) -> None:
    glb_file.write_bytes(spoil(glb_file.read_bytes()))

    def shape(image=None):
        return answer(str(glb_file))

    with space(shape) as url:
        client = make_client(url)
        session_id = new_session(client)
        assert_error(post(client, session_id, picture(), "a.png"), 502, "generation_failed", "GLB")
    assert models(client, session_id) == []
    assert files_below(tmp_path / "sessions" / session_id) == ["uploads/a.png"]


def test_no_mesh_at_all_fails(photo: Path) -> None:
    def shape(image=None):
        return answer(None)

    with space(shape) as url, pytest.raises(errors.GenerationFailed, match="no GLB"):
        generate(service(url), photo)


def test_a_model_over_the_limit_fails(photo: Path, glb_file: Path) -> None:
    def shape(image=None):
        return answer(str(glb_file))

    with glb_file.open("ab") as file:
        file.truncate(3 << 20)
    with space(shape) as url, pytest.raises(errors.GenerationFailed, match="2 MB"):
        generate(service(url, max_model_mb=2), photo)


# Servers that hang, die and come back


def test_a_job_over_the_time_limit_is_cancelled(photo: Path, glb_file: Path) -> None:
    started: List[float] = []
    free = threading.Event()

    def shape(image=None):
        started.append(time.monotonic())
        free.wait(20)
        return answer(str(glb_file))

    with space(shape) as url, ThreadPoolExecutor(1) as pool:
        patient, hurried = service(url), service(url, generation_timeout_s=2)
        first = pool.submit(generate, patient, photo)
        while not started:
            time.sleep(0.05)
        before = time.monotonic()
        with pytest.raises(errors.GenerationTimeout, match="within 2 seconds"):
            generate(hurried, photo)
        assert time.monotonic() - before < 4
        free.set()
        assert first.result()
        generate(patient, photo)
    # What was cancelled while it waited never starts; Gradio 4 does not take it out of its queue.
    assert len(started) == (2 if int(gr.__version__.split(".")[0]) > 4 else 3)


def test_progress_and_place_in_the_queue_are_handed_on(photo: Path, glb_file: Path) -> None:
    def shape(image=None, progress=gr.Progress()):  # noqa: B008
        for step in range(3):
            progress(step / 4, desc="shape")
            time.sleep(0.4)
        return answer(str(glb_file))

    news: Dict[str, List[object]] = {"a": [], "b": []}
    with space(shape) as url, ThreadPoolExecutor(2) as pool:
        shared = service(url)
        jobs = [
            pool.submit(
                shared.generate, {"front": photo}, Options(), photo.with_name(name), seen.append
            )
            for name, seen in news.items()
        ]
        for job in jobs:
            job.result()
    every = news["a"] + news["b"]
    assert Progress(0.25, "shape") in every and Progress(0.5, "shape") in every
    assert any(isinstance(item, Queued) and item.position >= 1 for item in every)


def test_a_server_that_is_not_there_is_unavailable(make_client: Callable[..., FlaskClient]) -> None:
    client = make_client(f"http://127.0.0.1:{free_port()}")
    gone = post(client, new_session(client), picture())
    assert_error(gone, 503, "generator_unavailable")
    assert int(gone.headers["Retry-After"]) > 0


def test_failed_connections_do_not_pile_up(photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    # What pytest keeps of the log would hold the errors.
    caplog.set_level(logging.CRITICAL, "dreamlab")

    def failed() -> int:
        gc.collect()
        return sum(type(o) is Future and o.done() for o in gc.get_objects())

    away = service(f"http://127.0.0.1:{free_port()}")
    before = failed()
    for _ in range(12):
        with pytest.raises(errors.GeneratorUnavailable):
            generate(away, photo)
    assert failed() - before < 4


def test_what_is_no_gradio_server_is_unavailable(photo: Path) -> None:
    port = free_port()
    web = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        cwd=photo.parent,
        stderr=subprocess.DEVNULL,
    )
    try:
        with pytest.raises(errors.GeneratorUnavailable):
            generate(service(f"http://127.0.0.1:{port}"), photo)
    finally:
        web.kill()
        web.wait()


def test_a_server_killed_in_mid_job_fails_and_works_again_once_it_is_back(
    make_client: Callable[..., FlaskClient], glb_file: Path
) -> None:
    port = free_port()
    process = run_space(port, 60)
    assert process.stdout is not None
    try:
        client = make_client(f"http://127.0.0.1:{port}")
        session_id = new_session(client)
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(post, client.application.test_client(), session_id, picture())
            assert process.stdout.readline() == "working\n"
            os.kill(process.pid, signal.SIGKILL)
            assert_error(job.result(timeout=10), 502, "generation_failed", "died")
    finally:
        process.kill()
        process.wait()
    assert_error(post(client, session_id, picture()), 503, "generator_unavailable")

    def shape(mv_image_front=None):
        return answer(str(glb_file))

    with space(shape, port=port):
        assert post(client, session_id, picture()).status_code == 200


def test_nothing_is_left_in_the_temporary_folder(
    photo: Path, stand_in_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "tmp"
    empty.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(empty))
    shared = service(stand_in_url)
    generate(shared, photo)
    photo.write_bytes(picture(mode="L", size=(1, 1)))
    with pytest.raises(errors.GenerationFailed):
        generate(shared, photo)
    assert list(empty.iterdir()) == []


def test_a_token_goes_to_hugging_face_only() -> None:
    settings = Settings(hf_token="hf_secret")
    assert connection._token("tencent/Hunyuan3D-2", settings) == "hf_secret"
    assert connection._token("https://me-mine.hf.space", settings) == "hf_secret"
    assert connection._token("http://gpu-box:8080", settings) is False
    assert connection._token("https://hf.space.example.com", settings) is False
