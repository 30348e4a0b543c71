"""The call of Hunyuan3D: one photo or more in, one checked GLB out.

It speaks to any Gradio server with Hunyuan3D's API: the hosted Space, a server of your own, or the
stand-in of `local_space/`. Every failure of such a server becomes a GenerationError. Only this
module and `dreamlab/space/` know gradio_client.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from dreamlab.errors import (
    DreamLabError,
    GenerationCancelled,
    GenerationFailed,
    GenerationTimeout,
    NotAvailable,
    Stopping,
)
from dreamlab.models import glb
from dreamlab.settings import MEGABYTE, Settings
from dreamlab.space.arguments import arguments_of
from dreamlab.space.connection import Connection
from dreamlab.space.deadlines import DeadlineExceeded, call_within, seconds_left
from dreamlab.space.description import SHAPE_ENDPOINT, TEXTURE_ENDPOINT
from dreamlab.space.failures import is_failure_of_job, translate
from dreamlab.space.options import Options
from dreamlab.space.outputs import model_paths, seed_of, size_guess_of, unread_views
from dreamlab.space.progress import (
    Check,
    IsCancelled,
    OnProgress,
    ignore_progress,
    never_cancelled,
    wait_for,
)
from dreamlab.space.reconnect import Connector, Health, Locate
from dreamlab.space.turns import Turns

_NO_TEXTURE = "The generator could not make a texture: the model is white."


class Made(NamedTuple):
    """What the generator says of a model. One that takes no seed or guesses no size leaves None."""

    seed: Optional[int]
    warnings: Tuple[str, ...]
    lacks_texture: bool
    size_guess_cm: Optional[Dict[str, float]]


class HunyuanService:
    """One generator, shared by all threads. It connects when it is first used."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self.engine = settings.engine
        self._settings = settings
        self._connector = Connector(settings, locate)
        self._turns = Turns(settings.generations_at_once)

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress = ignore_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Made:
        """Generate one model of the `views` (front, back, left, right) and write it to `target`.

        Calls `on_progress` with each new progress event, and `is_cancelled` several times a second.
        Raises GenerationError, and OSError when `target` cannot be written. A GenerationTimeout
        and a GenerationCancelled have the job that the generator still runs.
        """
        deadline = time.monotonic() + self._settings.generation_timeout_s

        def check() -> None:
            if self._connector.is_closing:
                raise Stopping
            if is_cancelled():
                raise GenerationCancelled
            if seconds_left(deadline) == 0:
                raise DeadlineExceeded

        try:
            _check_offered(self._connector.connected(deadline), options)
            end_turn = self._turns.take(check, on_progress)
        except DeadlineExceeded as error:
            raise GenerationTimeout(self._settings.generation_timeout_s) from error
        unfinished = None
        try:
            return self._generate(views, options, target, deadline, check, on_progress)
        except (GenerationTimeout, GenerationCancelled) as error:
            unfinished = error.unfinished
            raise
        finally:
            if unfinished is None:
                end_turn()
            else:
                unfinished.add_done_callback(lambda _: end_turn())

    def _generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        deadline: float,
        check: Check,
        on_progress: OnProgress,
    ) -> Made:
        connection = self._connector.connected(deadline)
        try:
            endpoint = TEXTURE_ENDPOINT if options.texture else SHAPE_ENDPOINT
            try:
                outputs = self._run(connection, endpoint, views, options, check, on_progress)
            except Exception as error:
                # The shape was made before its texture failed. The same seed makes it again.
                if not (options.texture and is_failure_of_job(error)):
                    raise
                endpoint = SHAPE_ENDPOINT
                outputs = self._run(connection, endpoint, views, options, check, on_progress)
            tree = self._download(connection, model_paths(outputs), target, deadline)
        except DreamLabError:
            raise
        except DeadlineExceeded as error:
            raise GenerationTimeout(self._settings.generation_timeout_s) from error
        except Exception as error:
            # Only our own files raise an errno: a full disk, a folder that is gone.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise translate(error) from error
        lacks_texture = options.texture and not glb.is_coloured(tree)
        warnings = [_NO_TEXTURE] if lacks_texture else []
        unread = unread_views(connection.description, endpoint, views, outputs)
        if unread:
            warnings.append(f"The generator did not read these views: {', '.join(unread)}.")
        takes_seed = connection.description.has_input(endpoint, "seed")
        seed = seed_of(outputs, options.seed if takes_seed else None)
        return Made(seed, tuple(warnings), lacks_texture, size_guess_of(outputs))

    def _run(
        self,
        connection: Connection,
        endpoint: str,
        views: Mapping[str, Path],
        options: Options,
        check: Check,
        on_progress: OnProgress,
    ) -> Sequence[Any]:
        """Run one job and return its outputs.

        Raises GenerationTimeout or GenerationCancelled, with the job if that goes on.
        """
        parameters = connection.description.parameters(endpoint)
        if parameters is None:
            raise GenerationFailed(f"The generator has no endpoint {endpoint}.")
        arguments = arguments_of(parameters, views, options)
        with connection.job(endpoint, arguments, views.values()) as job:
            try:
                return wait_for(job, check, on_progress)
            except DeadlineExceeded as error:
                unfinished = None if connection.cancel_waiting(job) else job.future
                raise GenerationTimeout(self._settings.generation_timeout_s, unfinished) from error
            except GenerationCancelled as error:
                unfinished = None if connection.cancel(job) else job.future
                raise GenerationCancelled(unfinished) from error

    def health(self) -> Health:
        """Return whether the generator is ready, without waiting for it."""
        return self._connector.health()

    def close(self) -> None:
        """End the generations in flight, each with GeneratorUnavailable."""
        self._connector.close()

    def _download(
        self, connection: Connection, paths: Sequence[str], target: Path, deadline: float
    ) -> Dict[str, Any]:
        """Write the first of the server's files that is a GLB to `target`. Return its JSON."""
        max_bytes = int(self._settings.max_model_mb * MEGABYTE)
        for path in paths:
            try:
                with target.open("w+b") as file:
                    call_within(deadline, connection.fetch, path, file, max_bytes, deadline)
                    tree = glb.check(file)
                    glb.add_root(file, tree)
                return tree
            except glb.InvalidGlb as error:
                invalid = error
        raise GenerationFailed(f"The generator sent no valid GLB: {invalid}.") from invalid


def _check_offered(connection: Connection, options: Options) -> None:
    """Raise NotAvailable where the generator says beforehand that it makes no textures."""
    if options.texture and not connection.description.is_offered(TEXTURE_ENDPOINT):
        raise NotAvailable("This generator makes no textures. Ask for a model without one.")
