"""The Gradio app: what it describes of its endpoints is what Tencent's Hunyuan3D-2 describes.

Names, labels, kinds, defaults and ranges of inputs and outputs are the same, but for these:

- The views are read by a single-view call, too, and are always shown: there is one engine.
- `steps`, `guidance_scale`, `num_chunks` and `caption` are accepted and change nothing.
- The conversion of a mesh (`/on_export_click`) and the page's own calls without a use for clients
  (`/lambda...`, `/on_gen_mode_change`, `/on_decode_mode_change`) are left out.
- Whole numbers come back as such. Photos are deleted after an hour.
- Without its segmentation network, it says so in a text with the id `warning`.
- The statistics also name the engine, the class, its probability, a size guess and the views read.
"""

from __future__ import annotations

import random
import time
from collections import deque
from tempfile import TemporaryDirectory
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

import gradio as gr
import numpy as np
from PIL import Image

from local_space import (
    camera,
    hull,
    mesh_file,
    segmentation,
    shape,
    sizes,
    texture,
    weights,
)
from local_space.camera import Camera
from local_space.recognition import Recognised
from local_space.surface import Mesh

MAX_SEED = 10_000_000
# Gradio deletes copies of photos and meshes after an hour. It checks every ten minutes.
DELETE_CACHE = (600, 3600)
NOTE = "A CPU stand-in with a small network of its own, not made by Hunyuan3D."

Photo = Optional[Image.Image]

# Gradio copies a result right after it is returned, so only the latest folders are needed.
_folders: Deque[TemporaryDirectory[str]] = deque()
_MAX_FOLDERS = 8


def build() -> gr.Blocks:
    """Return the app, ready to be launched."""
    with gr.Blocks(title="local_space", analytics_enabled=False, delete_cache=DELETE_CACHE) as app:
        gr.Markdown(NOTE)
        if segmentation.load() is None:
            gr.Markdown(weights.MISSING, elem_id="warning")
        inputs, seed = _inputs()
        white, textured = gr.File(label="File"), gr.File(label="File")
        viewer, stats = gr.HTML(label="Output"), gr.JSON(label="Mesh Stats")
        gr.Button("Shape").click(
            _endpoint(textured=False),
            inputs,
            [white, viewer, stats, seed],
            api_name="shape_generation",
            concurrency_limit=1,
        )
        gr.Button("Shape and texture").click(
            _endpoint(textured=True),
            inputs,
            [white, textured, viewer, stats, seed],
            api_name="generation_all",
            concurrency_limit=1,
        )
    return app.queue()


def _inputs() -> Tuple[List[Any], gr.Slider]:
    """The inputs of both generating endpoints, and of them the seed, which is an output, too."""
    views = ("Image", "Front", "Back", "Left", "Right")
    seed = gr.Slider(0, MAX_SEED, value=1234, step=1, label="Seed")
    return [
        gr.Textbox(label="Text Prompt"),
        # Pictures, decoded where they are used: of a file, Gradio 4 passes a copy of less quality.
        *(gr.Image(label=view, type="pil", image_mode=None) for view in views),
        gr.Slider(1, 100, value=30, step=1, label="Inference Steps"),
        gr.Number(value=5.0, label="Guidance Scale"),
        seed,
        gr.Slider(16, 512, value=256, step=1, label="Octree Resolution"),
        gr.Checkbox(value=True, label="Remove Background"),
        gr.Slider(1000, 5_000_000, value=8000, step=1, label="Number of Chunks"),
        gr.Checkbox(value=True, label="Randomize seed"),
    ], seed


def _endpoint(textured: bool) -> Callable[..., Tuple[Any, ...]]:
    def generate(
        caption: Optional[str] = None,
        image: Photo = None,
        mv_image_front: Photo = None,
        mv_image_back: Photo = None,
        mv_image_left: Photo = None,
        mv_image_right: Photo = None,
        steps: float = 30,
        guidance_scale: float = 5.0,
        seed: float = 1234,
        octree_resolution: float = 256,
        check_box_rembg: bool = True,
        num_chunks: float = 8000,
        randomize_seed: bool = True,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Tuple[Any, ...]:
        photos = {
            "front": mv_image_front if mv_image_front is not None else image,
            "back": mv_image_back,
            "left": mv_image_left,
            "right": mv_image_right,
        }
        timer = StageTimer()
        progress(0.0, desc="remove background")
        views = _cut_out(photos, remove_background=check_box_rembg)
        timer.end_stage("remove background")
        progress(0.3, desc="shape")
        mesh, front_camera, recognised = _shape(views, int(octree_resolution))
        folder = _new_folder()
        files = [mesh_file.write(mesh, folder, "white_mesh.glb")]
        timer.end_stage("shape generation")
        if textured:
            progress(0.8, desc="texture")
            skin = _texture(mesh, views, front_camera)
            files.append(mesh_file.write(skin, folder, "textured_mesh.glb"))
            timer.end_stage("texture generation")
        used_seed = random.randint(0, MAX_SEED) if randomize_seed else int(seed)
        stats = {
            "engine": NOTE,
            "number_of_faces": len(mesh.faces),
            "number_of_vertices": len(mesh.vertices),
            "class": recognised.kind,
            "class_probability": round(recognised.probability, 3),
            "size_guess_cm": sizes.size_guess_cm(recognised.kind, np.ptp(mesh.vertices, axis=0)),
            "params": {
                "seed": used_seed,
                "octree_resolution": int(octree_resolution),
                "views": list(views),
            },
            "time": timer.seconds(),
        }
        return (*files, NOTE, stats, used_seed)

    return generate


def _cut_out(photos: Dict[str, Photo], remove_background: bool) -> Dict[str, segmentation.View]:
    if photos["front"] is None:
        raise gr.Error("There is no front view: send a photo as image or mv_image_front.")
    views = {}
    for name, picture in photos.items():
        if picture is None:
            continue
        try:
            with picture:
                views[name] = segmentation.cut_out(picture, remove_background)
        except segmentation.NothingStandsOut as error:
            raise gr.Error(f"Nothing stands out from the background of the {name} view.") from error
    return views


def _shape(
    views: Dict[str, segmentation.View], octree_resolution: int
) -> Tuple[Mesh, Camera, Recognised]:
    try:
        return shape.build(views, octree_resolution)
    except hull.NothingInCommon as error:
        raise gr.Error("The views do not show one object: no solid has these outlines.") from error
    except shape.SeveralPieces as error:
        raise gr.Error("The photo shows several things: take one piece of furniture.") from error
    except shape.NothingLikeFurniture as error:
        raise gr.Error("Nothing in the photo looks like a piece of furniture.") from error


def _texture(mesh: Mesh, views: Dict[str, segmentation.View], front_camera: Camera) -> texture.Skin:
    cameras = {
        name: camera.framed(camera.AROUND[name], 0.0, 0.0, mesh.vertices, view.silhouette)
        for name, view in views.items()
    }
    cameras["front"] = front_camera
    photos = [texture.Photo(*view, cameras[name]) for name, view in views.items()]
    return texture.paint(mesh, photos)


def _new_folder() -> str:
    _folders.append(TemporaryDirectory())
    if len(_folders) > _MAX_FOLDERS:
        _folders.popleft().cleanup()
    return _folders[-1].name


class StageTimer:
    """Measures the seconds of each stage of a generation."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._stages: Dict[str, float] = {}

    def end_stage(self, stage: str) -> None:
        """Record the time since the end of the last stage."""
        now = time.perf_counter()
        self._stages[stage] = round(now - self._last, 3)
        self._last = now

    def seconds(self) -> Dict[str, float]:
        """Return the seconds by stage, and their `total`."""
        return {**self._stages, "total": round(self._last - self._start, 3)}
