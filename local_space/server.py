"""The Gradio app: the endpoints, input names, defaults, ranges and outputs of Hunyuan3D's own."""

from __future__ import annotations

import random
import time
from collections import deque
from tempfile import TemporaryDirectory
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

import gradio as gr
from PIL import Image

from local_space import geometry, mesh_file, segmentation, shape, surface, texture
from local_space.recognition import Recognised

MAX_SEED = 10_000_000
# Gradio drops its copies of photos and meshes after an hour, looking every ten minutes.
DELETE_CACHE = (600, 3600)
NOTE = "A CPU stand-in: plain geometry from the silhouette, not made by Hunyuan3D."

Photo = Optional[str]

# Gradio copies a result right after it is returned; a few folders at once are enough.
_folders: Deque[TemporaryDirectory[str]] = deque()
_KEEP_FOLDERS = 8


def build() -> gr.Blocks:
    """The app, ready to be launched."""
    with gr.Blocks(title="local_space", analytics_enabled=False, delete_cache=DELETE_CACHE) as app:
        gr.Markdown(NOTE)
        inputs = _inputs()
        white, textured = gr.File(label="white mesh"), gr.File(label="textured mesh")
        viewer, stats, seed = gr.HTML(), gr.JSON(), gr.Number(label="seed", precision=0)
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


def _inputs() -> List[Any]:
    views = ("image", "front view", "back view", "left view", "right view")
    return [
        gr.Textbox(label="caption"),
        # Paths: a photo that comes under two names is opened once.
        *(gr.Image(label=view, type="filepath", image_mode=None) for view in views),
        gr.Slider(1, 100, value=30, step=1, label="steps"),
        gr.Number(value=5.0, label="guidance scale"),
        gr.Slider(0, MAX_SEED, value=1234, step=1, label="seed"),
        gr.Slider(16, 512, value=256, step=1, label="octree resolution"),
        gr.Checkbox(value=True, label="remove background"),
        gr.Slider(1000, 5_000_000, value=8000, step=1, label="chunks"),
        gr.Checkbox(value=True, label="randomize seed"),
    ]


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
        watch = _Stopwatch()
        progress(0.0, desc="remove background")
        views = _cut_out(photos, remove_background=check_box_rembg)
        watch.lap("remove background")
        progress(0.3, desc="shape")
        mesh, recognised = _shape(views, int(octree_resolution))
        folder = _new_folder()
        files = [mesh_file.write(mesh, folder, "white_mesh.glb")]
        watch.lap("shape generation")
        if textured:
            progress(0.8, desc="texture")
            files.append(mesh_file.write(texture.paint(mesh, views), folder, "textured_mesh.glb"))
            watch.lap("texture generation")
        used = random.randint(0, MAX_SEED) if randomize_seed else int(seed)
        stats = {
            "engine": NOTE,
            "class": recognised.kind,
            "class_probability": round(recognised.probability, 3),
            "number_of_faces": len(mesh.faces),
            "number_of_vertices": len(mesh.vertices),
            "params": {
                "seed": used,
                "octree_resolution": int(octree_resolution),
                "views": list(views),
            },
            "time": watch.seconds(),
        }
        return (*files, NOTE, stats, used)

    return generate


def _cut_out(photos: Dict[str, Photo], remove_background: bool) -> Dict[str, segmentation.View]:
    if photos["front"] is None:
        raise gr.Error("There is no front view: send a photo as image or mv_image_front.")
    views = {}
    for name, path in photos.items():
        if path is None:
            continue
        try:
            with Image.open(path) as picture:
                views[name] = segmentation.cut_out(picture, remove_background)
        except segmentation.NothingStandsOut as error:
            raise gr.Error(f"Nothing stands out from the background of the {name} view.") from error
    return views


def _shape(
    views: Dict[str, segmentation.View], octree_resolution: int
) -> Tuple[surface.Mesh, Recognised]:
    try:
        mesh, _, recognised = shape.build(views, octree_resolution)
    except geometry.NothingInCommon as error:
        raise gr.Error("The views do not show one object: no solid has these outlines.") from error
    except shape.NothingLikeFurniture as error:
        raise gr.Error("Nothing in the front view looks like a piece of furniture.") from error
    return mesh, recognised


def _new_folder() -> str:
    _folders.append(TemporaryDirectory())
    if len(_folders) > _KEEP_FOLDERS:
        _folders.popleft().cleanup()
    return _folders[-1].name


class _Stopwatch:
    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: Dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = round(now - self._last, 3)
        self._last = now

    def seconds(self) -> Dict[str, float]:
        return {**self._laps, "total": round(self._last - self._start, 3)}
