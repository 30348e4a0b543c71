"""A server whose generations wait until a test releases them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple

from support.processes import Server
from support.spaces import answer, gr, solid, space

SLOTS = 3


class Held(NamedTuple):
    """A server with SLOTS generation slots whose generator waits for `release`.

    Before that it reports progress. Afterwards it fails with the first of `errors`, if there is
    one.
    """

    server: Server
    space: str
    release: threading.Event
    errors: List[str]

    @property
    def url(self) -> str:
        return self.server.url


@contextmanager
def held_server(folder: Path) -> Iterator[Held]:
    release, errors, mesh = threading.Event(), [], solid(is_textured=False)

    def shape(image: Any = None, progress: Any = gr.Progress()) -> Any:  # noqa: B008
        progress(0.4, desc="shape")
        release.wait(60)
        if errors:
            raise gr.Error(errors.pop(0))
        return answer(mesh)

    with space(shape) as url:
        server = Server(folder, HUNYUAN_SPACE_ID=url, MAX_GENERATIONS=str(SLOTS))
        yield Held(server, url, release, errors)
        release.set()
        server.kill()
