"""Small Gradio servers that behave in ways in which the stand-in does not."""

from __future__ import annotations

import functools
import inspect
import os
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

# Gradio serves files below the system's temporary folder.
_folder = tempfile.TemporaryDirectory(prefix="test-spaces-")
os.environ["GRADIO_TEMP_DIR"] = f"{_folder.name}/gradio"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr  # noqa: E402

from support.models import glb_bytes  # noqa: E402

FILES = ("image", "mv_image_front", "mv_image_back", "mv_image_left", "mv_image_right")


MESH = Path(_folder.name) / "white_mesh.glb"
MESH.write_bytes(glb_bytes())


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
    hidden: Sequence[str] = (),
    auth: Optional[Tuple[str, str]] = None,
) -> Iterator[str]:
    """Yield the URL of a running server whose endpoints call `shape` and `everything`.

    A function's parameters are the endpoint's parameters. `shape` returns (mesh, HTML, statistics,
    seed). `everything` returns a second mesh before the HTML. Of the endpoints named in `hidden`
    the button is invisible, of the parameters the tab.
    """
    with gr.Blocks(analytics_enabled=False) as app:
        _endpoint("shape_generation", shape, 1, hidden)
        if everything is not None:
            _endpoint("generation_all", everything, 2, hidden)
    app.queue(max_size=max_queue).launch(
        server_name="127.0.0.1",
        server_port=port or free_port(),
        prevent_thread_lock=True,
        quiet=True,
        show_error=show_error,
        auth=auth,
        # Also where a test has set another temporary folder.
        allowed_paths=[_folder.name],
    )
    try:
        yield app.local_url.rstrip("/")
    finally:
        app.close(verbose=False)


def _endpoint(
    name: str, function: Callable[..., Any], meshes: int, hidden: Sequence[str] = ()
) -> None:
    inputs = []
    for given in inspect.signature(function).parameters.values():
        if given.name != "progress":
            with gr.Tab(visible=given.name not in hidden):
                inputs.append(_component(given))
    outputs: List[Any] = [gr.File() for _ in range(meshes)]
    outputs += [gr.HTML(), gr.JSON(), gr.Number(precision=0)]
    gr.Button(visible=name not in hidden).click(
        function, inputs, outputs, api_name=name, concurrency_limit=1
    )


def _component(parameter: inspect.Parameter) -> Any:
    value = None if parameter.default is parameter.empty else parameter.default
    if parameter.name in FILES:
        return gr.Image(type="filepath")
    if parameter.name in ("check_box_rembg", "randomize_seed"):
        return gr.Checkbox(value=bool(value))
    return gr.Textbox() if parameter.name == "caption" else gr.Number(value=value)


def answer(mesh: Any = MESH, seed: int = 7) -> Any:
    """Return the outputs of a shape endpoint."""
    return str(mesh) if isinstance(mesh, Path) else mesh, "", {}, seed


def output_path(output: Any) -> str:
    """Return the path of a file that gradio_client received as an output."""
    return str(output["value"] if isinstance(output, dict) else output)


@contextmanager
def timed_space(seconds: float) -> Iterator[str]:
    """Yield the URL of a server whose jobs take `seconds`."""

    def shape(image=None):  # type: ignore[no-untyped-def]
        time.sleep(seconds)
        return answer()

    with space(shape) as url:
        yield url


# What the server of solid_space guesses, as Hunyuan3D-2's own servers do not.
SIZE_GUESS_CM = {"width": 36.0, "height": 72.0, "depth": 50.4}


def solid(is_textured: bool) -> Path:
    """Write the file of a small real mesh where Gradio serves it."""
    from support import solids

    path = Path(tempfile.mkdtemp(dir=_folder.name)) / "mesh.glb"
    path.write_bytes(solids.ellipsoid(rings=16, is_textured=is_textured))
    return path


@contextmanager
def solid_space() -> Iterator[str]:
    """Yield the URL of a server that answers at once with a real mesh, textured if asked for it.

    For the caption `white` it makes no texture.
    """
    white, textured = solid(False), solid(True)

    def shape(  # type: ignore[no-untyped-def]
        caption=None,
        image=None,
        mv_image_front=None,
        mv_image_back=None,
        mv_image_left=None,
        mv_image_right=None,
        steps=5,
        seed=7,
    ):
        return str(white), "", {"size_guess_cm": SIZE_GUESS_CM}, seed

    @functools.wraps(shape)
    def everything(*inputs: Any) -> Any:
        mesh, *more = shape(*inputs)
        return (mesh, None if inputs[0] == "white" else str(textured), *more)

    with space(shape, everything) as url:
        yield url


class HeldSpace(NamedTuple):
    """A server whose jobs set `started`, report progress, and wait until `release` is set."""

    url: str
    started: threading.Event
    release: threading.Event


@contextmanager
def held_space(**options: Any) -> Iterator[HeldSpace]:
    started, release = threading.Event(), threading.Event()

    def shape(image=None, progress=gr.Progress()):  # type: ignore[no-untyped-def]  # noqa: B008
        progress(0.4, desc="shape")
        started.set()
        release.wait(30)
        return answer()

    with space(shape, **options) as url:
        yield HeldSpace(url, started, release)
        release.set()


class Recorder:
    """Records the arguments of each call of an endpoint."""

    def __init__(self) -> None:
        self.calls: List[Dict[str, Any]] = []

    def record(self, arguments: Dict[str, Any]) -> Any:
        self.calls.append(arguments)
        return answer(seed=int(arguments.get("seed") or 7))
