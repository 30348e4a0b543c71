"""The call of Hunyuan3D: one photo or more in, one checked GLB out.

It speaks to any Gradio server with Hunyuan3D's API: the hosted Space, a server of your own, or the
stand-in of `local_space/`. Every failure of such a server becomes a GenerationError. Only this
module and `dreamlab/space/` know gradio_client.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence, Tuple

from dreamlab.errors import GenerationCancelled, GenerationTimeout, Stopping
from dreamlab.options import Options
from dreamlab.settings import Settings
from dreamlab.space.connection import Connection
from dreamlab.space.deadlines import seconds_left
from dreamlab.space.description import SHAPE_ENDPOINT, TEXTURE_ENDPOINT
from dreamlab.space.failures import as_generation_errors, is_failure_of_job
from dreamlab.space.outputs import GeneratedModel, describe_model, model_paths
from dreamlab.space.progress import Check, IsCancelled, OnProgress
from dreamlab.space.reconnect import Connector, Health, Locate
from dreamlab.space.turns import Turns


class HunyuanService:
    """One generator, shared by all threads. It connects when it is first used."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self.engine = settings.engine
        self._limit_s = settings.generation_timeout_s
        self._connector = Connector(settings, locate)
        self._turns = Turns(settings.generations_at_once)

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress,
        is_cancelled: IsCancelled,
    ) -> GeneratedModel:
        """Generate one model of the `views` (front, back, left, right) and write it to `target`.

        Calls `on_progress` with each new progress event, and `is_cancelled` several times a second.
        Raises GenerationError, and OSError when `target` cannot be written. A GenerationTimeout
        and a GenerationCancelled have the job that the generator still runs.
        """
        deadline = time.monotonic() + self._limit_s

        def check() -> None:
            if self._connector.is_closing:
                raise Stopping
            if is_cancelled():
                raise GenerationCancelled
            if seconds_left(deadline) == 0:
                raise GenerationTimeout(self._limit_s)

        with as_generation_errors(self._limit_s):
            connection = self._connector.connected(deadline)
            connection.description.check_offered(options.texture)
            with self._turns.turn(check, on_progress) as has_waited:
                if has_waited:
                    connection = self._connector.connected(deadline)
                endpoint, outputs = _run(connection, views, options, check, on_progress)
                tree = connection.download(model_paths(outputs), target, deadline)
            return describe_model(outputs, tree, connection.description, endpoint, views, options)

    def health(self) -> Health:
        """Return whether the generator is ready, without waiting for it."""
        return self._connector.health()

    def close(self) -> None:
        """End the generations in flight, each with Stopping."""
        self._connector.close()


def _run(
    connection: Connection,
    views: Mapping[str, Path],
    options: Options,
    check: Check,
    on_progress: OnProgress,
) -> Tuple[str, Sequence[Any]]:
    """Run one job, and another one for the shape alone where only the texture failed.

    Returns the endpoint that succeeded, and its outputs.
    """
    if options.texture:
        try:
            outputs = connection.run(TEXTURE_ENDPOINT, views, options, check, on_progress)
            return TEXTURE_ENDPOINT, outputs
        except Exception as error:
            if not is_failure_of_job(error):
                raise
    # The shape was made before its texture failed. The same seed makes it again.
    return SHAPE_ENDPOINT, connection.run(SHAPE_ENDPOINT, views, options, check, on_progress)
