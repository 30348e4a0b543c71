"""The call of Hunyuan3D: one photo or more in, one checked GLB out.

It speaks to any Gradio server with Hunyuan3D's API: the hosted Space, a server of your own, or the
stand-in of `local_space/`. Every failure of such a server becomes a GenerationError. Only this
module and `dreamlab/space/` know gradio_client.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from dreamlab.errors import (
    DreamLabError,
    GenerationFailed,
    GenerationTimeout,
    GeneratorUnavailable,
)
from dreamlab.models import glb
from dreamlab.settings import MEGABYTE, Settings
from dreamlab.space.connection import Connection, file_argument
from dreamlab.space.deadlines import DeadlineExceeded, call_within, seconds_left
from dreamlab.space.failures import translate
from dreamlab.space.progress import OnProgress, ProgressEvent, ignore_progress, read_progress
from dreamlab.space.reconnect import Connector, Health, Locate
from dreamlab.space.servers import SHAPE_ENDPOINT, TEXTURE_ENDPOINT

if TYPE_CHECKING:
    from gradio_client.client import Job

_POLL_S = 0.1


@dataclass(frozen=True)
class Options:
    """The options of one generation. None leaves the choice to the generator."""

    texture: bool = False
    remove_background: bool = True
    caption: Optional[str] = None
    seed: Optional[int] = None
    steps: Optional[int] = None
    guidance_scale: Optional[float] = None
    octree_resolution: Optional[int] = None


class HunyuanService:
    """One generator, shared by all threads. It connects when it is first used."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self.engine = settings.engine
        self._settings = settings
        self._connector = Connector(settings, locate)

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress = ignore_progress,
    ) -> Optional[int]:
        """Generate one model of the `views` (front, back, left, right) and write it to `target`.

        Calls `on_progress` with each new progress event. Returns the seed that the generator used,
        None where it does not say. Raises GenerationError, and OSError when `target` cannot be
        written.
        """
        deadline = time.monotonic() + self._settings.generation_timeout_s
        connection = self._connector.connected(deadline)
        endpoint = TEXTURE_ENDPOINT if options.texture else SHAPE_ENDPOINT
        try:
            arguments = _arguments(connection.parameters(endpoint), views, options)
            with connection.job(endpoint, arguments, views.values()) as job:
                outputs = self._wait_for(job, deadline, on_progress)
            self._download(connection, _model_path(outputs), target, deadline)
        except DreamLabError:
            raise
        except DeadlineExceeded as error:
            raise GenerationTimeout(self._settings.generation_timeout_s) from error
        except Exception as error:
            # Only our own files raise an errno: a full disk, a folder that is gone.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise translate(error) from error
        return _seed(outputs)

    def health(self) -> Health:
        """Return whether the generator is ready, without waiting for it."""
        return self._connector.health()

    def close(self) -> None:
        """End the generations in flight, each with GeneratorUnavailable."""
        self._connector.close()

    def _wait_for(self, job: Job, deadline: float, on_progress: OnProgress) -> Sequence[Any]:
        last: Optional[ProgressEvent] = None
        while not job.future.done():
            if self._connector.is_closing:
                raise GeneratorUnavailable("The server is stopping.")
            if seconds_left(deadline) == 0:
                raise DeadlineExceeded
            event = read_progress(job)
            if event is not None and event != last:
                on_progress(event)
                last = event
            wait([job.future], timeout=min(_POLL_S, seconds_left(deadline)))
        outputs = job.future.result()
        return outputs if isinstance(outputs, (list, tuple)) else [outputs]

    def _download(self, connection: Connection, path: str, target: Path, deadline: float) -> None:
        max_bytes = int(self._settings.max_model_mb * MEGABYTE)
        with target.open("w+b") as file:
            call_within(deadline, connection.fetch, path, file, max_bytes, deadline)
            try:
                glb.check(file)
            except glb.InvalidGlb as error:
                raise GenerationFailed(f"The generator sent no valid GLB: {error}.") from error


def _arguments(
    parameters: Sequence[Mapping[str, Any]], views: Mapping[str, Path], options: Options
) -> Dict[str, Any]:
    """Return the arguments for an endpoint with these parameters, and no others."""
    files = {side: file_argument(path) for side, path in views.items()}
    wanted: Dict[str, Any] = {f"mv_image_{side}": file for side, file in files.items()}
    wanted.update(
        # A multi-view deployment reads only the mv_ ones, a single-view one only this.
        image=files["front"],
        caption=options.caption,
        steps=options.steps,
        guidance_scale=options.guidance_scale,
        seed=options.seed,
        randomize_seed=options.seed is None,
        octree_resolution=options.octree_resolution,
        check_box_rembg=options.remove_background,
    )
    arguments = {}
    for parameter in parameters:
        name = parameter["parameter_name"]
        if wanted.get(name) is not None or not parameter.get("parameter_has_default"):
            arguments[name] = wanted.get(name)
    return arguments


def _model_path(outputs: Sequence[Any]) -> str:
    """Return the server's path of the GLB among `outputs`, the textured one if there are two."""
    paths: List[str] = []
    for output in outputs:
        # A file is a path, a description with a path, or an update with one of these as its value.
        while isinstance(output, dict):
            output = output["path"] if "path" in output else output.get("value")
        if isinstance(output, str) and output.lower().endswith(glb.SUFFIX):
            paths.append(output)
    if not paths:
        raise GenerationFailed("The generator sent no GLB.")
    textured = [path for path in paths if "textured" in re.split(r"[\\/]", path)[-1]]
    return (textured or paths)[-1]


def _seed(outputs: Sequence[Any]) -> Optional[int]:
    last = outputs[-1]
    if isinstance(last, dict):
        last = last.get("value")
    if isinstance(last, (int, float)) and not isinstance(last, bool):
        return int(last)
    return None
