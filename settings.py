"""Every setting: read once from the environment and `.env`, checked before the start."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Optional, Tuple, TypeVar, Union

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent
LOCAL = "local"
MEGABYTE = 1 << 20
_SPACE_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ORIGIN = re.compile(r"https?://[^\s/?#@,*]+")
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")

Number = TypeVar("Number", int, float)


class InvalidSetting(ValueError):
    """A value that makes no sense; the message is one line that names the setting."""


@dataclass(frozen=True)
class Settings:
    """The settings table of the README, in its units. `engine` is HUNYUAN_SPACE_ID."""

    engine: str = LOCAL
    hf_token: Optional[str] = None
    generation_timeout_s: float = 600
    max_generations: int = 32
    max_upload_mb: float = 20
    max_image_megapixels: float = 50
    max_model_mb: float = 512
    trusted_proxies: int = 0
    sessions_dir: Path = PROJECT / "sessions"
    session_ttl_hours: Optional[float] = None
    cors_origins: Tuple[str, ...] = ("*",)
    api_key: Optional[str] = None
    host: str = "127.0.0.1"
    port: int = 5000

    @property
    def is_local(self) -> bool:
        """Whether the engine is the stand-in."""
        return self.engine == LOCAL


def load(environ: Optional[Mapping[str, str]] = None) -> Settings:
    """The settings of `environ`: by default the process's environment over the project's `.env`.

    An empty value counts as unset. Raises InvalidSetting.
    """
    if environ is None:
        dotenv = {k: v for k, v in dotenv_values(PROJECT / ".env").items() if v is not None}
        environ = {**dotenv, **os.environ}
    default = Settings()

    def text(name: str) -> Optional[str]:
        return environ.get(name, "").strip() or None

    def number(
        name: str, kind: Callable[[str], Number], fallback: Number, low: Number, high: Number
    ) -> Number:
        value = text(name)
        if value is None:
            return fallback
        try:
            parsed = kind(value)
        except ValueError:
            parsed = kind("-1")
        if not low <= parsed <= high:
            what = "a whole number" if kind is int else "a number"
            raise InvalidSetting(f"{name} must be {what} from {low} to {high}, not {value!r}")
        return parsed

    return Settings(
        engine=_engine(text("HUNYUAN_SPACE_ID") or default.engine),
        hf_token=text("HF_TOKEN"),
        generation_timeout_s=number(
            "GENERATION_TIMEOUT_S", float, default.generation_timeout_s, 0.1, 86400.0
        ),
        max_generations=number("MAX_GENERATIONS", int, default.max_generations, 1, 1000),
        max_upload_mb=number("MAX_UPLOAD_MB", float, default.max_upload_mb, 0.001, 10000.0),
        max_image_megapixels=number(
            "MAX_IMAGE_MEGAPIXELS", float, default.max_image_megapixels, 0.001, 1000.0
        ),
        max_model_mb=number("MAX_MODEL_MB", float, default.max_model_mb, 0.001, 100000.0),
        trusted_proxies=number("TRUSTED_PROXIES", int, default.trusted_proxies, 0, 10),
        sessions_dir=_absolute(text("SESSIONS_DIR") or default.sessions_dir),
        session_ttl_hours=number("SESSION_TTL_HOURS", float, 0.0, 0.0001, 1e6)
        if text("SESSION_TTL_HOURS")
        else None,
        cors_origins=_origins(text("CORS_ORIGINS") or "*"),
        api_key=text("API_KEY"),
        host=text("HOST") or default.host,
        port=number("PORT", int, default.port, 1, 65535),
    )


def _engine(value: str) -> str:
    if value == LOCAL or _SPACE_ID.fullmatch(value):
        return value
    if _URL.fullmatch(value):
        return value.rstrip("/")
    raise InvalidSetting(
        "HUNYUAN_SPACE_ID must be local, a Space's id such as tencent/Hunyuan3D-2, "
        f"or the http(s) URL of a Gradio server, not {value!r}"
    )


def _origins(value: str) -> Tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    if origins == ("*",) or (origins and all(_ORIGIN.fullmatch(origin) for origin in origins)):
        return origins
    raise InvalidSetting(
        "CORS_ORIGINS must be * or origins such as https://shop.example, comma-separated, "
        f"not {value!r}"
    )


def _absolute(value: Union[str, Path]) -> Path:
    return PROJECT / Path(value).expanduser()
