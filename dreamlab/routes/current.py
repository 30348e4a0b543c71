"""What the routes of the current app share: its settings, its session store and its generator."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from dreamlab.forms.converter import Converter
from dreamlab.generation.generator import Generator
from dreamlab.settings import Settings
from dreamlab.storage.store import SessionStore

_EXTENSION = "dreamlab"


class _Shared(NamedTuple):
    settings: Settings
    store: SessionStore
    generator: Generator
    converter: Converter


def share(app: Flask, settings: Settings, store: SessionStore, generator: Generator) -> None:
    """Give the routes of `app` what they share."""
    app.extensions[_EXTENSION] = _Shared(settings, store, generator, Converter(settings))


def _proxy(name: str) -> Any:
    return LocalProxy(lambda: getattr(current_app.extensions[_EXTENSION], name))


settings: Settings = _proxy("settings")
store: SessionStore = _proxy("store")
generator: Generator = _proxy("generator")
converter: Converter = _proxy("converter")
