"""The stand-in: its API is that of Hunyuan3D, its meshes have the silhouettes of their views."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from local_space import hull, segmentation, surface
from local_space.launcher import READY
from support.api import DATA
from support.forward_proxy import ForwardProxy
from support.processes import PROJECT
from support.spaces import free_port, output_path

PARAMETERS = {
    "caption": None,
    "image": None,
    "mv_image_front": None,
    "mv_image_back": None,
    "mv_image_left": None,
    "mv_image_right": None,
    "steps": 30,
    "guidance_scale": 5.0,
    "seed": 1234,
    "octree_resolution": 256,
    "check_box_rembg": True,
    "num_chunks": 8000,
    "randomize_seed": True,
}


# As the description of Tencent's Hunyuan3D-2 has them.
INPUTS = [
    ("Text Prompt", "Textbox"),
    *((side, "Image") for side in ("Image", "Front", "Back", "Left", "Right")),
    ("Inference Steps", "Slider"),
    ("Guidance Scale", "Number"),
    ("Seed", "Slider"),
    ("Octree Resolution", "Slider"),
    ("Remove Background", "Checkbox"),
    ("Number of Chunks", "Slider"),
    ("Randomize seed", "Checkbox"),
]


def build(silhouettes: Dict[str, np.ndarray], resolution: int = 256) -> trimesh.Trimesh:
    mesh = surface.extract(hull.field(silhouettes, resolution), resolution)
    return trimesh.Trimesh(mesh.vertices, mesh.faces)


def box(height: int, width: int) -> np.ndarray:
    return np.pad(np.ones((height, width), bool), 20)


@pytest.mark.parametrize("endpoint", ("/shape_generation", "/generation_all"))
def test_an_endpoint_has_the_parameters_and_defaults_of_hunyuan3d(
    engine: Client, endpoint: str
) -> None:
    described = engine.view_api(print_info=False, return_format="dict")["named_endpoints"]
    given = {p["parameter_name"]: p["parameter_default"] for p in described[endpoint]["parameters"]}
    assert given == PARAMETERS
    inputs = [(p["label"], p["component"]) for p in described[endpoint]["parameters"]]
    assert inputs == INPUTS
    outputs = [(o["label"], o["component"]) for o in described[endpoint]["returns"]]
    files = [("File", "File")] * (2 if endpoint == "/generation_all" else 1)
    assert outputs == [*files, ("Output", "Html"), ("Mesh Stats", "Json"), ("Seed", "Slider")]


def test_a_fixed_seed_is_used_and_the_statistics_describe_the_mesh(of_rooms: Any) -> None:
    for made in of_rooms.values():
        assert made.seed == made.stats["params"]["seed"] == 99
        assert made.stats["number_of_faces"] == len(trimesh.load(made.mesh, force="mesh").faces)
        assert set(made.stats["time"]) >= {"remove background", "shape generation", "total"}
        assert "not made by Hunyuan3D" in made.stats["engine"]


def test_octree_resolution_sets_the_detail(engine: Client, of_rooms: Any) -> None:
    photo = handle_file(str(DATA / "chair.jpg"))

    def faces(resolution: int) -> int:
        _, _, stats, _ = engine.predict(
            image=photo, octree_resolution=resolution, api_name="/shape_generation"
        )
        number: int = stats["number_of_faces"]
        return number

    by_default = of_rooms["chair"].stats["number_of_faces"]
    assert faces(64) * 4 < by_default and by_default * 2 < faces(512)


def test_both_meshes_have_the_names_of_hunyuan3d(engine: Client) -> None:
    photo = handle_file(str(DATA / "chair-front.png"))
    white, textured, *_ = engine.predict(image=photo, api_name="/generation_all")
    assert Path(output_path(white)).name == "white_mesh.glb"
    assert Path(output_path(textured)).name == "textured_mesh.glb"


@pytest.mark.parametrize(
    ("wrong", "words"),
    (
        ({"image": None}, "no front view"),
        ({"steps": 101}, "101"),
        ({"octree_resolution": 8}, "8"),
    ),
)
def test_the_arguments_that_hunyuan3d_refuses_are_refused(
    engine: Client, wrong: Dict[str, Any], words: str
) -> None:
    given = {"image": handle_file(str(DATA / "chair-front.png")), **wrong}
    if "image" not in wrong and engine.app_version.major < 5:
        pytest.skip("Gradio checks a slider's range from 5 on")
    with pytest.raises(AppError, match=words):
        engine.predict(api_name="/shape_generation", **given)


def test_it_runs_as_a_process_of_its_own_that_uses_no_proxy_nor_a_package_for_one(
    tmp_path: Path,
) -> None:
    http, socks = ForwardProxy(), ForwardProxy(is_socks=True)
    for name in ("socksio", "socks"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not installed')")
    proxies = {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://{http.address}"),
        "ALL_PROXY": f"socks5://{socks.address}",
        "NO_PROXY": "",
    }
    both_spellings = {**proxies, **{name.lower(): value for name, value in proxies.items()}}
    environ = {**os.environ, **both_spellings, "PYTHONPATH": str(tmp_path)}
    # What the tests set so that they themselves send no usage data.
    for name in ("HF_HUB_DISABLE_TELEMETRY", "GRADIO_ANALYTICS_ENABLED"):
        environ.pop(name)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "local_space", "--port", str(port)],
        cwd=PROJECT,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{READY}http://127.0.0.1:{port}\n"
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        photo = handle_file(str(DATA / "chair-front.png"))
        client.predict(image=photo, octree_resolution=64, api_name="/shape_generation")
        assert http.requested == socks.requested == []
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        http.close()
        socks.close()


def test_two_views_give_their_visual_hull() -> None:
    disc = np.hypot(*np.mgrid[-100:101, -100:101]) <= 100
    mesh = build({"front": disc, "left": box(200, 100)})
    assert mesh.is_watertight
    assert mesh.extents == pytest.approx([1, 1, 0.5], abs=0.02)
    assert mesh.volume == pytest.approx(np.pi / 4 * 0.5, rel=0.03)


@pytest.mark.parametrize(("view", "front_is_right"), (("left", False), ("right", True)))
def test_a_side_view_has_the_front_where_the_contract_says(view: str, front_is_right: bool) -> None:
    # An L from the side: a tall back and a seat in front of it.
    side = np.zeros((200, 200), bool)
    side[:, :60] = True
    side[140:, :] = True
    mesh = build({"front": box(200, 200), view: side if front_is_right else side[:, ::-1]})
    assert mesh.vertices[mesh.vertices[:, 1] > 0.1][:, 2].max() < 0
    assert mesh.vertices[mesh.vertices[:, 1] < -0.3][:, 2].max() > 0.45


def test_a_back_view_is_seen_from_behind() -> None:
    front = box(200, 200)
    front[20:100, 20:60] = False
    mesh = build({"front": front, "back": front[:, ::-1], "left": box(200, 200)})
    high = mesh.vertices[mesh.vertices[:, 1] > 0.15]
    assert high[:, 0].min() > -0.35 and high[:, 0].max() > 0.45


@pytest.mark.parametrize("resolution", (16, 100, 512))
def test_thin_parts_stay_closed_at_every_resolution(resolution: int) -> None:
    frame = box(300, 200)
    frame[40:, 30:210] = False
    mesh = build({"front": frame, "left": box(300, 100)}, resolution)
    assert mesh.is_watertight and len(mesh.faces) > 100


def test_the_silhouette_of_a_transparent_image_is_its_alpha_channel() -> None:
    picture = Image.open(DATA / "chair-front.png")
    view = segmentation.cut_out(picture)
    assert (view.silhouette == (np.asarray(picture)[..., 3] >= 128)).mean() > 0.999


def test_without_background_removal_the_border_colour_is_the_background() -> None:
    picture = Image.new("RGB", (200, 100), (240, 235, 225))
    picture.paste((90, 50, 20), (50, 20, 120, 90))
    view = segmentation.cut_out(picture, remove_background=False)
    expected = np.zeros((100, 200), bool)
    expected[20:90, 50:120] = True
    assert (view.silhouette == expected).all()


@pytest.mark.parametrize("remove_background", (True, False))
def test_nothing_stands_out_on_an_empty_wall(remove_background: bool) -> None:
    noise = np.random.default_rng(0).normal(180, 1, (200, 300, 3)).clip(0, 255).astype(np.uint8)
    for wall in (Image.new("RGB", (300, 200), (200, 190, 180)), Image.fromarray(noise)):
        with pytest.raises(segmentation.NothingStandsOut):
            segmentation.cut_out(wall, remove_background)


def test_the_network_finds_the_chair_in_the_room() -> None:
    view = segmentation.cut_out(Image.open(DATA / "chair.jpg"))
    rows, columns = np.flatnonzero(view.silhouette.any(1)), np.flatnonzero(view.silhouette.any(0))
    # The bounding box of the chair, measured by eye in the photo.
    assert [columns[0], rows[0], columns[-1], rows[-1]] == pytest.approx(
        [215, 166, 558, 686], abs=12
    )


def test_legs_that_a_seat_outshines_are_found() -> None:
    """The chair: cafe_set_mota_chair of Blend Swap's models in sweethome3d-furniture, CC BY 3.0."""
    view = segmentation.cut_out(Image.open(DATA / "legs" / "chair.jpg"))
    rows = np.flatnonzero(view.silhouette.any(1))
    # The seat ends at 350, the legs at 540, measured by eye.
    assert [rows[0], rows[-1]] == pytest.approx([142, 540], abs=8)
