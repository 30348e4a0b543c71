"""Every setting: read once from the environment and `.env`, checked before the start."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable, Mapping, Optional, Pattern, Tuple, TypeVar, Union

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent
LOCAL = "local"
MEGABYTE = 1 << 20
# The queues of Celery's broker, by what a generation asks for.
PLAIN, TEXTURED = "plain", "textured"
QUEUES = (PLAIN, TEXTURED)
_BROKER = re.compile(r"(amqp|amqps|redis|rediss)://\S+")
_REDIS = re.compile(r"rediss?://\S+")
_SPACE_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ORIGIN = re.compile(r"https?://[^\s/?#@,*]+")
_LOCATION = re.compile(r"/([A-Za-z0-9_-]+/)+")
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
    max_generations_per_session: Optional[int] = None
    broker_url: Optional[str] = None
    result_backend: Optional[str] = None
    generation_queue: Tuple[str, ...] = QUEUES
    max_queue: int = 256
    max_upload_mb: float = 20
    max_image_megapixels: float = 50
    max_model_mb: float = 512
    trusted_proxies: int = 0
    sendfile: Optional[str] = None
    sessions_dir: Path = PROJECT / "sessions"
    session_ttl_hours: Optional[float] = None
    cors_origins: Tuple[str, ...] = ("*",)
    api_key: Optional[str] = None
    host: str = "127.0.0.1"
    port: int = 5000

    @property
    def is_local(self) -> bool:
        """Whether the engine is the stand-in, run by this process."""
        return self.engine == LOCAL and self.broker_url is None


def load(environ: Optional[Mapping[str, str]] = None) -> Settings:
    """The settings of `environ`: by default the process's environment over the project's `.env`.

    An empty value counts as unset. Raises InvalidSetting.
    """
    if environ is None:
        dotenv = {k: v for k, v in dotenv_values(PROJECT / ".env").items() if v is not None}
        environ = {**dotenv, **os.environ}
    default = Settings()

    text = partial(_text, environ)

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

    broker_url = _server(environ, "CELERY_BROKER_URL", _BROKER, "amqp://... or redis://...")
    result_backend = _server(environ, "CELERY_RESULT_BACKEND", _REDIS, "redis://...")
    if (broker_url is None) != (result_backend is None):
        raise InvalidSetting("CELERY_BROKER_URL and CELERY_RESULT_BACKEND go together: set both")
    return Settings(
        engine=_engine(text("HUNYUAN_SPACE_ID") or default.engine),
        hf_token=text("HF_TOKEN"),
        generation_timeout_s=number(
            "GENERATION_TIMEOUT_S", float, default.generation_timeout_s, 0.1, 86400.0
        ),
        max_generations=number("MAX_GENERATIONS", int, default.max_generations, 1, 1000),
        max_generations_per_session=number("MAX_GENERATIONS_PER_SESSION", int, 0, 1, 1000)
        if text("MAX_GENERATIONS_PER_SESSION")
        else None,
        broker_url=broker_url,
        result_backend=result_backend,
        generation_queue=_queues(text("GENERATION_QUEUE") or ",".join(QUEUES)),
        max_queue=number("MAX_QUEUE", int, default.max_queue, 1, 1_000_000),
        max_upload_mb=number("MAX_UPLOAD_MB", float, default.max_upload_mb, 0.001, 10000.0),
        max_image_megapixels=number(
            "MAX_IMAGE_MEGAPIXELS", float, default.max_image_megapixels, 0.001, 1000.0
        ),
        max_model_mb=number("MAX_MODEL_MB", float, default.max_model_mb, 0.001, 100000.0),
        trusted_proxies=number("TRUSTED_PROXIES", int, default.trusted_proxies, 0, 10),
        sendfile=_location(text("SENDFILE")),
        sessions_dir=_absolute(text("SESSIONS_DIR") or default.sessions_dir),
        session_ttl_hours=number("SESSION_TTL_HOURS", float, 0.0, 0.0001, 1e6)
        if text("SESSION_TTL_HOURS")
        else None,
        cors_origins=_origins(text("CORS_ORIGINS") or "*"),
        api_key=text("API_KEY"),
        host=text("HOST") or default.host,
        port=number("PORT", int, default.port, 1, 65535),
    )


def _text(environ: Mapping[str, str], name: str) -> Optional[str]:
    return environ.get(name, "").strip() or None


def _server(
    environ: Mapping[str, str], name: str, form: Pattern[str], example: str
) -> Optional[str]:
    value = _text(environ, name)
    if value is not None and not form.fullmatch(value):
        # The value itself may hold a password.
        raise InvalidSetting(f"{name} must be a URL such as {example}")
    return value


def _queues(value: str) -> Tuple[str, ...]:
    queues = tuple(part.strip() for part in value.split(",") if part.strip())
    if not queues or not set(queues) <= set(QUEUES):
        raise InvalidSetting(
            f"GENERATION_QUEUE must be plain, textured or both, comma-separated, not {value!r}"
        )
    return queues


def _engine(value: str) -> str:
    if value == LOCAL or _SPACE_ID.fullmatch(value):
        return value
    if _URL.fullmatch(value):
        return value.rstrip("/")
    raise InvalidSetting(
        "HUNYUAN_SPACE_ID must be local, a Space's id such as tencent/Hunyuan3D-2, "
        f"or the http(s) URL of a Gradio server, not {value!r}"
    )


def _location(value: Optional[str]) -> Optional[str]:
    if value is None or _LOCATION.fullmatch(value):
        return value
    raise InvalidSetting(
        f"SENDFILE must be a location of the front's nginx such as /internal-models/, not {value!r}"
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
