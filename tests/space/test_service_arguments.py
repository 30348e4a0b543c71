"""The arguments that the wrapper passes to endpoints with different parameters."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Dict, Iterator

import gradio as gr
import pytest

from dreamlab.options import Options
from support.service import generate, make_service
from support.spaces import MESH, Recorder, answer, space


class SingleView(Recorder):
    """Records the calls of a server with the parameters of Hunyuan3D's single-view one."""

    url = ""
    tells_seed = True

    def record(self, arguments: Dict[str, Any]) -> Any:
        told = super().record(arguments)
        return told if self.tells_seed else answer(seed=None)


@pytest.fixture(scope="module")
def single_view_server() -> Iterator[SingleView]:
    recorder = SingleView()

    def shape(caption=None, image=None, mv_image_front=None, mv_image_left=None, steps=30,
              guidance_scale=5.0, seed=1234, octree_resolution=256, check_box_rembg=True,
              num_chunks=8000, randomize_seed=True):  # type: ignore[no-untyped-def]  # fmt: skip
        return recorder.record(dict(locals()))

    with space(shape) as recorder.url:
        yield recorder


@pytest.fixture
def single_view(single_view_server: SingleView) -> SingleView:
    single_view_server.calls.clear()
    single_view_server.tells_seed = True
    return single_view_server


def test_a_single_view_server_gets_the_photo_and_the_options(
    photo: Path, single_view: SingleView
) -> None:
    target = photo.with_name("model.glb")
    options = Options(caption="oak", seed=42, steps=3, remove_background=False)
    service = make_service(single_view.url)
    made = service.generate({"front": photo, "left": photo}, options, target, print, lambda: False)
    (call,) = single_view.calls
    assert made.seed == 42
    assert target.read_bytes() == MESH.read_bytes()
    assert call["image"] and call["mv_image_front"] and call["mv_image_left"]
    assert (call["caption"], call["seed"], call["steps"]) == ("oak", 42, 3)
    assert (call["randomize_seed"], call["check_box_rembg"]) == (False, False)
    assert (call["num_chunks"], call["octree_resolution"]) == (8000, 256)


def test_without_a_seed_the_backend_draws_one_and_tells_it(
    photo: Path, single_view: SingleView
) -> None:
    single_view.tells_seed = False
    service = make_service(single_view.url)
    made = [
        service.generate(
            {"front": photo}, Options(), photo.with_name("model.glb"), print, lambda: False
        )
        for _ in range(2)
    ]
    seeds = [call["seed"] for call in single_view.calls]
    assert [each.seed for each in made] == seeds and seeds[0] != seeds[1]
    assert not any(call["randomize_seed"] for call in single_view.calls)


def test_a_photo_in_two_parameters_is_uploaded_once(
    photo: Path, single_view: SingleView, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "httpx"):
        generate(make_service(single_view.url), photo)
    uploads = [message for message in caplog.messages if "/upload" in message]
    assert len(uploads) == 1
    (call,) = single_view.calls
    assert call["image"] and call["mv_image_front"]


def test_a_multi_view_server_without_a_caption_gets_all_views(photo: Path) -> None:
    recorder = Recorder()

    def shape(mv_image_front=None, mv_image_back=None, mv_image_left=None, mv_image_right=None):
        if mv_image_front is None:
            raise gr.Error("Please provide a front view")
        return recorder.record(dict(locals()))

    with space(shape) as url:
        target = photo.with_name("model.glb")
        views = dict.fromkeys(("front", "back", "left", "right"), photo)
        make_service(url).generate(views, Options(caption="oak"), target, print, lambda: False)
    assert all(recorder.calls[0].values())


def test_parameters_without_defaults_get_none_where_there_is_no_value(photo: Path) -> None:
    recorder = Recorder()

    def shape(image, mv_image_back, caption):
        return recorder.record(dict(locals()))

    with space(shape) as url:
        generate(make_service(url), photo)
    assert recorder.calls[0]["image"] and not recorder.calls[0]["mv_image_back"]
