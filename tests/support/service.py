"""Calls of the wrapper, without the API around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dreamlab.options import Options
from dreamlab.settings import Settings
from hunyuan_service import HunyuanService


def make_service(url: str, **settings: Any) -> HunyuanService:
    return HunyuanService(Settings(engine=url, **{"generation_timeout_s": 30, **settings}))


def generate(service: HunyuanService, photo: Path, **options: Any) -> bytes:
    """Generate a model of one photo and return its bytes."""
    target = photo.with_name("model.glb")
    service.generate({"front": photo}, Options(**options), target, print, lambda: False)
    return target.read_bytes()
