"""The settings: read once from the environment and `.env`, and checked before the start."""

from __future__ import annotations

import base64
import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

from dotenv import dotenv_values

from dreamlab import fields, options
from dreamlab.errors import InvalidOption
from dreamlab.secrets import hide_secrets

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = "local"
MEGABYTE = 1 << 20
# The queues of Celery's broker, by what a generation asks for.
PLAIN, TEXTURED = "plain", "textured"
QUEUES = (PLAIN, TEXTURED)
# The upper limit of GENERATION_TIMEOUT_S: a generation cannot run for longer than a day.
LONGEST_GENERATION_S = 86400.0

Value = TypeVar("Value")
Number = TypeVar("Number", int, float)
Parser = Callable[[str], Value]


class InvalidSetting(ValueError):
    """A value that makes no sense. The message is one line that names the setting."""


def setting(name: str, parse: Parser[Value], default: str = "") -> Value:
    """Describe one field of Settings: its environment variable, its parser and its default.

    The default is written as in the environment. An empty one stands for None.
    """
    value: Any = parse(default) if default else None
    described: Value = field(
        default=value, metadata={"name": name, "parse": parse, "default": default}
    )
    return described


def _text(value: str) -> str:
    return value


def _number(
    kind: Callable[[str], Number], article: str, low: Number, high: Number
) -> Parser[Number]:
    def parse(value: str) -> Number:
        try:
            number = kind(value)
        except ValueError:
            number = kind("-1")
        if not low <= number <= high:
            raise ValueError(f"must be {article} number from {low} to {high}, not {value!r}")
        return number

    return parse


def _integer(low: int, high: int) -> Parser[int]:
    return _number(int, "a whole", low, high)


def _decimal(low: float, high: float) -> Parser[float]:
    return _number(float, "a", low, high)


def _pattern(pattern: str, meaning: str, is_secret: bool = False) -> Parser[str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {meaning}" + ("" if is_secret else f", not {value!r}"))
        return value

    return parse


def _list(item: str, meaning: str) -> Parser[Tuple[str, ...]]:
    check = _pattern(f"({item})(,({item}))*", f"{meaning}, comma-separated")

    def parse(value: str) -> Tuple[str, ...]:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(check(",".join(parts)).split(","))

    return parse


def _path(value: str) -> Path:
    return PROJECT / Path(value).expanduser()


_space_id_or_url = _pattern(
    r"local|[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*|https?://[^\s/?#@]+(/[^\s?#]*)?",
    "local, a Space's id such as tencent/Hunyuan3D-2, or the http(s) URL of a Gradio server",
)


# A Space's page on Hugging Face, as browsers show it.
_SPACE_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/spaces/([^/?#\s]+/[^/?#\s]+)([/?#]\S*)?"
)


def _engine(value: str) -> str:
    page = _SPACE_PAGE.fullmatch(value)
    return _space_id_or_url(page[1] if page else value).rstrip("/")


def _login(value: str) -> Tuple[str, str]:
    user, _, password = value.partition(":")
    if not (user and password):
        raise ValueError("must be user:password")
    return user, password


def _url_of_service(schemes: str, meaning: str) -> Parser[str]:
    # Such a URL often holds a password, and so does the reason why it cannot be read.
    check = _pattern(f"({schemes})://\\S+", meaning, is_secret=True)

    def parse(value: str) -> str:
        try:
            urlsplit(value).port  # noqa: B018
        except ValueError:
            raise ValueError(
                f"must be {meaning}; write / # ? @ in a password as %2F %23 %3F %40"
            ) from None
        return check(value)

    return parse


def _secret(value: str) -> str:
    try:
        key = base64.b64decode(value[len("whsec_") :] + "==", validate=False)
    except ValueError:
        key = b""
    if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 random bytes in base64")
    return value


def _switch(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"must be true or false, not {value!r}")
    return value.lower() == "true"


def _rate_limit(value: str) -> str:
    # It comes with Flask-Limiter, which few need.
    from limits import parse_many

    try:
        parse_many(value)
    except ValueError:
        raise ValueError(f"must be a limit such as 60 per hour, not {value!r}") from None
    return value


_broker = _url_of_service("amqps?|rediss?", "a URL such as amqp://... or redis://...")
_redis = _url_of_service("rediss?", "a URL such as redis://...")
_queues = _list("plain|textured", "plain, textured or both")
_location = _pattern(
    r"/([A-Za-z0-9_-]+/)+", "a location of the front's nginx such as /internal-models/"
)
# An app's page has a scheme of its own, and a file or a sandboxed page has no origin: null.
_origin_list = _list(
    r"null|file://|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@,*]+/*",
    "* or origins such as https://shop.example, capacitor://localhost or null",
)


def _origins(value: str) -> Tuple[str, ...]:
    if value == "*":
        return ("*",)
    return tuple(re.sub("(?<=[^:/])/+$", "", origin) for origin in _origin_list(value))


def _options(value: str) -> Dict[str, Any]:
    try:
        pairs = dict(parse_qsl(value, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise ValueError(
            f"must be options as in a query, such as texture=true&origin=center, not {value!r}"
        ) from None
    for name in pairs:
        if name not in options.PARSERS:
            raise ValueError(f"has no option {name!r}: there are {', '.join(options.PARSERS)}")
    try:
        return fields.read(pairs, options.PARSERS)
    except InvalidOption as error:
        raise ValueError(f"has a bad value: {error}") from error


@dataclass(frozen=True)
class Settings:
    """The settings table of dreamlab/README.md, in its order and its units."""

    engine: str = setting("HUNYUAN_SPACE_ID", _engine, LOCAL)
    hf_token: Optional[str] = setting("HF_TOKEN", _text)
    space_auth: Optional[Tuple[str, str]] = setting("HUNYUAN_SPACE_AUTH", _login)
    generation_timeout_s: float = setting(
        "GENERATION_TIMEOUT_S", _decimal(0.1, LONGEST_GENERATION_S), "600"
    )
    max_generations: int = setting("MAX_GENERATIONS", _integer(1, 1000), "32")
    max_generations_per_session: Optional[int] = setting(
        "MAX_GENERATIONS_PER_SESSION", _integer(1, 1000)
    )
    generator_concurrency: Optional[int] = setting("GENERATOR_CONCURRENCY", _integer(1, 1000))
    generation_defaults: Optional[Dict[str, Any]] = setting(  # noqa: RUF009
        "GENERATION_DEFAULTS", _options
    )
    max_upload_mb: float = setting("MAX_UPLOAD_MB", _decimal(0.001, 10000.0), "40")
    max_image_megapixels: float = setting("MAX_IMAGE_MEGAPIXELS", _decimal(0.001, 1000.0), "64")
    max_model_mb: float = setting("MAX_MODEL_MB", _decimal(0.001, 100000.0), "512")
    max_conversions: int = setting("MAX_CONVERSIONS", _integer(1, 100), "2")
    conversion_timeout_s: float = setting("CONVERSION_TIMEOUT_S", _decimal(0.1, 3600.0), "60")
    conversion_memory_mb: int = setting("CONVERSION_MEMORY_MB", _integer(100, 1_000_000), "4096")
    trusted_proxies: int = setting("TRUSTED_PROXIES", _integer(0, 10), "0")
    sendfile: Optional[str] = setting("SENDFILE", _location)
    sessions_dir: Path = setting("SESSIONS_DIR", _path, "sessions")  # noqa: RUF009
    session_ttl_hours: Optional[float] = setting("SESSION_TTL_HOURS", _decimal(0.0001, 1e6))
    cors_origins: Tuple[str, ...] = setting("CORS_ORIGINS", _origins, "*")
    api_key: Optional[str] = setting("API_KEY", _text)
    host: str = setting("HOST", _text, "127.0.0.1")
    port: int = setting("PORT", _integer(1, 65535), "5000")
    shutdown_grace_s: float = setting("SHUTDOWN_GRACE_S", _decimal(0.0, 3600.0), "30")
    rate_limit: Optional[str] = setting("RATE_LIMIT", _rate_limit)
    log_format: str = setting("LOG_FORMAT", _pattern("text|json", "text or json"), "text")
    metrics: bool = setting("METRICS", _switch, "false")
    metrics_token: Optional[str] = setting("METRICS_TOKEN", _text)
    webhook_secret: Optional[str] = setting("WEBHOOK_SECRET", _secret)
    webhook_allow_private: bool = setting("WEBHOOK_ALLOW_PRIVATE", _switch, "false")
    broker_url: Optional[str] = setting("CELERY_BROKER_URL", _broker)
    result_backend: Optional[str] = setting("CELERY_RESULT_BACKEND", _redis)
    generation_queue: Tuple[str, ...] = setting("GENERATION_QUEUE", _queues, "plain,textured")
    max_queue: int = setting("MAX_QUEUE", _integer(1, 1_000_000), "256")

    @property
    def generations_at_once(self) -> Optional[int]:
        """How many generations the generator gets at once, None for any number.

        A Space of Hugging Face has a queue and machines of its own. A server at a URL is one GPU,
        which its endpoints share.
        """
        if self.generator_concurrency is None and self.is_space:
            return None
        return self.generator_concurrency or 1

    @property
    def is_space(self) -> bool:
        """Whether the engine is a Space of Hugging Face."""
        return self.engine != LOCAL and "://" not in self.engine

    @property
    def has_metrics(self) -> bool:
        """Whether there is a route for Prometheus."""
        return self.metrics or self.metrics_token is not None

    @property
    def is_local(self) -> bool:
        """Whether the engine is the stand-in, run by this process."""
        return self.engine == LOCAL and self.broker_url is None


def load(environ: Optional[Mapping[str, str]] = None) -> Settings:
    """Read the settings from `environ`, by default the process's environment over `.env`.

    An empty value counts as unset. Raises InvalidSetting.
    """
    if environ is None:
        dotenv = {k: v for k, v in dotenv_values(PROJECT / ".env").items() if v is not None}
        environ = {**dotenv, **os.environ}
    given = {}
    for each in dataclasses.fields(Settings):
        name, text = each.metadata["name"], environ.get(each.metadata["name"], "").strip()
        try:
            if text:
                given[each.name] = each.metadata["parse"](text)
        except ValueError as error:
            raise InvalidSetting(hide_secrets(f"{name} {error}")) from error
    settings = Settings(**given)
    if (settings.broker_url is None) != (settings.result_backend is None):
        raise InvalidSetting("CELERY_BROKER_URL and CELERY_RESULT_BACKEND go together: set both")
    return settings
