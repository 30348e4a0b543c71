"""Small Gradio servers that do what the stand-in will not."""

from __future__ import annotations

import inspect
import json
import os
import socket
import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

_files = tempfile.TemporaryDirectory(prefix="test-spaces-")
os.environ["GRADIO_TEMP_DIR"] = _files.name
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr  # noqa: E402

FILES = ("image", "mv_image_front", "mv_image_back", "mv_image_left", "mv_image_right")


def glb_bytes(name: str = "tiny") -> bytes:
    """A GLB without a mesh: header, and one chunk of JSON."""
    chunk = json.dumps({"asset": {"version": "2.0"}, "scenes": [{"name": name}]}).encode()
    chunk += b" " * (-len(chunk) % 4)
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(chunk), len(chunk), 0x4E4F534A) + chunk


def tiny_glb(path: Path, name: str = "tiny") -> Path:
    """Such a GLB written to `path`."""
    path.write_bytes(glb_bytes(name))
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def space(
    shape: Callable[..., Any],
    everything: Optional[Callable[..., Any]] = None,
    port: int = 0,
    max_queue: Optional[int] = None,
    show_error: bool = True,
) -> Iterator[str]:
    """The URL of a running server whose endpoints call `shape` and `everything`.

    A function's parameters are the endpoint's; it answers (mesh, HTML, stats, seed), `everything`
    with a second mesh before the HTML.
    """
    with gr.Blocks(analytics_enabled=False) as app:
        _endpoint("shape_generation", shape, meshes=1)
        if everything is not None:
            _endpoint("generation_all", everything, meshes=2)
    app.queue(max_size=max_queue).launch(
        server_name="127.0.0.1",
        server_port=port or free_port(),
        prevent_thread_lock=True,
        quiet=True,
        show_error=show_error,
    )
    try:
        yield app.local_url.rstrip("/")
    finally:
        app.close(verbose=False)


def _endpoint(name: str, function: Callable[..., Any], meshes: int) -> None:
    parameters = inspect.signature(function).parameters.values()
    inputs = [_component(given) for given in parameters if given.name != "progress"]
    outputs: List[Any] = [gr.File() for _ in range(meshes)]
    outputs += [gr.HTML(), gr.JSON(), gr.Number(precision=0)]
    gr.Button().click(function, inputs, outputs, api_name=name, concurrency_limit=1)


def _component(parameter: inspect.Parameter) -> Any:
    value = None if parameter.default is parameter.empty else parameter.default
    if parameter.name in FILES:
        return gr.Image(type="filepath")
    if parameter.name in ("check_box_rembg", "randomize_seed"):
        return gr.Checkbox(value=bool(value))
    return gr.Textbox() if parameter.name == "caption" else gr.Number(value=value)


def answer(mesh: Any, seed: int = 7) -> Any:
    """What a shape endpoint answers with `mesh`."""
    return mesh, "", {}, seed


class Recorder:
    """An endpoint that keeps what it was called with, one dict a call."""

    def __init__(self, mesh: Path) -> None:
        self.mesh = mesh
        self.calls: List[Dict[str, Any]] = []

    def keep(self, given: Dict[str, Any]) -> Any:
        self.calls.append(given)
        return answer(str(self.mesh), int(given.get("seed") or 7))
