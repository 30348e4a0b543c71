"""What the routes of the current app share: its settings, its session store and its generator."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from dreamlab.formats.converter import Converter
from dreamlab.generation.generations import Generations
from dreamlab.generation.generator import Generator
from dreamlab.settings import Settings
from dreamlab.storage.store import SessionStore

# So many requests may wait for generations that others have started.
LISTENERS = 256
_EXTENSION = "dreamlab"


class _Shared(NamedTuple):
    settings: Settings
    store: SessionStore
    generator: Generator
    generations: Generations
    listeners: threading.Semaphore
    converter: Converter


def share(
    app: Flask,
    settings: Settings,
    store: SessionStore,
    generator: Generator,
    generations: Generations,
) -> None:
    """Give the routes of `app` what they share."""
    listeners = threading.Semaphore(settings.max_generations + LISTENERS)
    app.extensions[_EXTENSION] = _Shared(
        settings, store, generator, generations, listeners, Converter(settings)
    )


def drain(app: Flask, limit_s: float) -> None:
    """Take no new generation in `app`, and wait for the others. See Generations.drain."""
    shared: _Shared = app.extensions[_EXTENSION]
    shared.generations.drain(limit_s)


def _proxy(name: str) -> Any:
    return LocalProxy(lambda: getattr(current_app.extensions[_EXTENSION], name))


settings: Settings = _proxy("settings")
store: SessionStore = _proxy("store")
generator: Generator = _proxy("generator")
generations: Generations = _proxy("generations")
listeners: threading.Semaphore = _proxy("listeners")
converter: Converter = _proxy("converter")
