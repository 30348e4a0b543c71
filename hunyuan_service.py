"""The only code that knows gradio_client: one photo or more in, one checked GLB out.

Speaks to any Gradio server with the API of Hunyuan3D: the hosted Space, a machine of one's own, or
the stand-in of `local_space/`. Whatever such a server does wrong leaves this module as one of the
errors below.
"""

from __future__ import annotations

import concurrent.futures
import logging
import os
import re
import ssl
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Union,
)
from urllib.parse import quote, urlsplit

import glb
from errors import (
    DreamLabError,
    GenerationError,
    GenerationFailed,
    GenerationTimeout,
    GeneratorBusy,
    GeneratorUnavailable,
    refusal,
)
from order import Options
from settings import MEGABYTE, Settings

if TYPE_CHECKING:
    from gradio_client.client import Client, Endpoint, Job

log = logging.getLogger(__name__)

# A Space that is asleep can take minutes to wake; a client is better told to come back.
_CONNECT_TIMEOUT_S = 30.0
_SAME_SERVER_TIMEOUT_S = 5.0
# Gradio's event stream says something every 15 s; a peer silent for much longer is gone.
_SILENCE_S = 120.0
_POLL_S = 0.1
_CANCEL_S = 1.0
_PROBE_EVERY_S = 8.0
# Each job in flight holds three threads of gradio_client's pool, and releases up to mid-2026
# deadlock for good when none is left.
_THREADS_PER_JOB = 4


class Queued(NamedTuple):
    """A job's place in the Space's queue (1: it is next) and the seconds that it may take."""

    position: int
    eta_s: Optional[float]


class Progress(NamedTuple):
    """How far a job is, from 0 to 1, and what it is at."""

    fraction: Optional[float]
    stage: Optional[str]


News = Union[Queued, Progress]
OnProgress = Callable[[News], None]
# Answers the generator's address (a URL or a Space's id), waiting for that many seconds at most;
# raises TimeoutError while the generator is still starting.
Locate = Callable[[float], str]


class HunyuanService:
    """One generator, shared by all threads; connected when first used and when it is new."""

    def __init__(self, settings: Settings, locate: Optional[Locate] = None) -> None:
        self.engine = settings.engine
        self._settings = settings
        self._locate = locate or (lambda timeout_s: settings.engine)
        self._lock = threading.Lock()
        self._connection: Optional[concurrent.futures.Future[_Connection]] = None
        self._closing = threading.Event()
        self._state = "starting"
        self._probe: Optional[threading.Thread] = None

    def generate(
        self,
        views: Mapping[str, Path],
        options: Options,
        target: Path,
        on_progress: OnProgress = lambda news: None,
    ) -> Optional[int]:
        """Make one model of the `views` (front, back, left, right) and write it to `target`.

        `on_progress` is called with Queued and Progress as they change. Answers the seed that the
        generator used, None where it does not say. Raises GenerationError, and OSError when
        `target` cannot be written.
        """
        deadline = time.monotonic() + self._settings.generation_timeout_s
        connection = self._connected(deadline)
        try:
            with connection.job(views, options) as job:
                outputs = self._wait_for(job, deadline, on_progress)
            self._download(connection, _model_path(outputs), target, deadline)
        except DreamLabError:
            raise
        except Exception as error:
            # An errno is of our own files: a full disk, a folder that is gone.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _named(error) from error
        return _seed(outputs)

    def state(self) -> str:
        """`starting`, `ready` or `unreachable`: what a probe in the background last saw."""
        with self._lock:
            if self._probe is None:
                self._probe = threading.Thread(target=self._keep_probing, daemon=True)
                self._probe.start()
        return self._state

    def close(self) -> None:
        """End the generations in flight, each with GeneratorUnavailable."""
        self._closing.set()

    def _keep_probing(self) -> None:
        while not self._closing.is_set():
            try:
                self._connected(time.monotonic() + _SAME_SERVER_TIMEOUT_S)
                self._state = "ready"
            except _StillStarting:
                self._state = "starting"
            except GenerationError as error:
                if self._state != "unreachable":
                    log.warning("the generator cannot be reached: %s", error)
                self._state = "unreachable"
            self._closing.wait(_PROBE_EVERY_S if self._state != "starting" else 0.5)

    def _connected(self, deadline: float) -> _Connection:
        """A connection to the server that is there now, which may not be the one of before."""
        import httpx

        try:
            address = self._locate(_left(deadline))
        except TimeoutError as error:
            raise _StillStarting("The generator is still starting. Try again soon.") from error
        except Exception as error:
            log.exception("the generator cannot be started")
            raise GeneratorUnavailable("The generator cannot be started.") from error
        future = self._current(address, deadline)
        try:
            return future.result(timeout=min(_CONNECT_TIMEOUT_S, _left(deadline)))
        except Exception as error:
            if not future.done() and _left(deadline) == 0:
                raise self._timeout() from error
            if isinstance(error, httpx.ReadTimeout):
                # Another request began it, and waited in vain; this one has time left.
                return self._connected(deadline)
            log.warning("no connection to %s: %r", self.engine, error)
            raise GeneratorUnavailable(
                "The generator cannot be reached. Try again soon."
            ) from error

    def _current(self, address: str, deadline: float) -> concurrent.futures.Future[_Connection]:
        """The connection of before if it is still good, else a new one in the making.

        Apart from its caller, whose frame ends up in a failed connection's traceback: with the one
        before in it, each failure would hold all the earlier ones.
        """
        known = self._connection
        if known is None or not self._is_good(known, address, deadline):
            with self._lock:
                if self._connection is known:
                    self._connection = _in_thread(_Connection, address, self._settings)
        assert self._connection is not None
        return self._connection

    def _is_good(
        self, known: concurrent.futures.Future[_Connection], address: str, deadline: float
    ) -> bool:
        if not known.done():
            return True
        if known.exception() is not None or known.result().address != address:
            return False
        limit = min(deadline, time.monotonic() + _SAME_SERVER_TIMEOUT_S)
        try:
            return bool(self._within(limit, known.result().is_to_same_server))
        except Exception as error:
            log.info("connecting to %s again: %r", self.engine, error)
            return False

    def _wait_for(self, job: Job, deadline: float, on_progress: OnProgress) -> Sequence[Any]:
        last: Optional[News] = None
        while not job.future.done():
            if self._closing.is_set():
                raise GeneratorUnavailable("The server is stopping.")
            if _left(deadline) == 0:
                raise self._timeout()
            news = _news(job)
            if news is not None and news != last:
                on_progress(news)
                last = news
            concurrent.futures.wait([job.future], timeout=min(_POLL_S, _left(deadline)))
        outputs = job.future.result()
        return outputs if isinstance(outputs, (list, tuple)) else [outputs]

    def _download(self, connection: _Connection, path: str, target: Path, deadline: float) -> None:
        with target.open("w+b") as file:
            limit = int(self._settings.max_model_mb * MEGABYTE)
            self._within(deadline, connection.fetch, path, file, limit, _left(deadline))
            try:
                glb.check(file)
            except glb.InvalidGlb as error:
                raise GenerationFailed(f"The generator sent no valid GLB: {error}.") from error

    def _within(self, deadline: float, function: Callable[..., Any], *args: Any) -> Any:
        """`function(*args)` in a thread of its own, so that no server can hold ours for longer."""
        future = _in_thread(function, *args)
        concurrent.futures.wait([future], timeout=_left(deadline))
        if not future.done():
            raise self._timeout()
        return future.result()

    def _timeout(self) -> GenerationTimeout:
        limit = self._settings.generation_timeout_s
        return GenerationTimeout(f"The generator made no model within {limit:g} seconds.")


class _StillStarting(GeneratorUnavailable):
    pass


class _Connection:
    """A gradio_client.Client, with what the public one lacks: one upload per file, our download."""

    def __init__(self, address: str, settings: Settings) -> None:
        # Both are read when a client connects, and both default to telling others about it.
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import httpx
        from gradio_client import Client

        silence_s = min(_SILENCE_S, settings.generation_timeout_s + 5)
        timeout = httpx.Timeout(silence_s, connect=10)
        # The second parameter is the token; its name differs between releases.
        self._client: Client = Client(
            address,
            _token(address, settings),
            max_workers=_THREADS_PER_JOB * settings.max_generations,
            verbose=False,
            download_files=False,
            ssl_verify=_certificates(),
            httpx_kwargs={"timeout": timeout},
        )
        self.address = address
        self._endpoints: Dict[str, Endpoint] = {
            str(endpoint.api_name): endpoint for endpoint in self._client.endpoints.values()
        }
        self._parameters = self._client.view_api(print_info=False, return_format="dict")
        self._uploaded: Dict[str, Dict[str, Any]] = {}
        for endpoint in self._endpoints.values():
            self._upload_once(endpoint)
        self._http = httpx.Client(
            base_url=next(iter(self._endpoints.values())).root_url,
            headers={**self._client.headers, "accept-encoding": "identity"},
            cookies=self._client.cookies,
            timeout=timeout,
            verify=_certificates(),
        )

    def is_to_same_server(self) -> bool:
        """Whether the server is still the process that described itself when we connected."""
        answer = self._http.get("app_id")
        if answer.status_code == 404:
            return True
        return bool(answer.raise_for_status().json()["app_id"] == self._client.config["app_id"])

    @contextmanager
    def job(self, views: Mapping[str, Path], options: Options) -> Iterator[Job]:
        """A submitted job, cancelled if it is left before its end."""
        name = "/generation_all" if options.texture else "/shape_generation"
        described = self._parameters["named_endpoints"].get(name)
        if described is None:
            raise GenerationFailed(f"The generator has no endpoint {name}.")
        job = self._client.submit(
            api_name=name, **_arguments(described["parameters"], views, options)
        )
        try:
            yield job
        finally:
            if not job.future.done():
                # It tells the server, which may not answer: nobody waits for that for long.
                concurrent.futures.wait([_in_thread(job.cancel)], timeout=_CANCEL_S)
            for view in views.values():
                self._uploaded.pop(str(view.resolve()), None)

    def fetch(self, path: str, file: BinaryIO, max_bytes: int, seconds: float) -> None:
        """Write the server's file `path` to `file`, at most `max_bytes` of it."""
        limit = time.monotonic() + seconds
        with self._http.stream("GET", "file=" + quote(path), timeout=max(seconds, 0.1)) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_raw():
                file.write(chunk)
                if file.tell() > max_bytes:
                    raise GenerationFailed(
                        f"The generator sent a model of more than {max_bytes // MEGABYTE} MB."
                    )
                if time.monotonic() > limit:
                    return
        file.flush()

    def _upload_once(self, endpoint: Endpoint) -> None:
        """Let `endpoint` send a file that is passed under two names only once."""
        upload = endpoint._upload_file

        def once(file: Dict[str, Any], data_index: int) -> Dict[str, Any]:
            path = file["path"]
            if path not in self._uploaded:
                self._uploaded[path] = upload(file, data_index)
            return dict(self._uploaded[path])

        endpoint._upload_file = once


def _token(address: str, settings: Settings) -> Any:
    """The Hugging Face token where it belongs; False keeps every token from any other server."""
    host = urlsplit(address).hostname
    return settings.hf_token if host is None or host.endswith(".hf.space") else False


def _arguments(
    parameters: Sequence[Mapping[str, Any]], views: Mapping[str, Path], options: Options
) -> Dict[str, Any]:
    """What to pass to an endpoint that has these parameters, and nothing that it has not."""
    from gradio_client import handle_file

    # Strict: a file that is gone is our own fault, to be told as such.
    files = {view: handle_file(path.resolve(strict=True)) for view, path in views.items()}
    wanted: Dict[str, Any] = {f"mv_image_{view}": file for view, file in files.items()}
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
    """Where on the server the GLB among `outputs` is, the textured one if there are two."""
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


def _news(job: Job) -> Optional[News]:
    """The job's latest status as Queued or Progress, None where it says nothing of either."""
    status = job.status()
    if status.rank is not None and status.code.name == "IN_QUEUE":
        return Queued(status.rank + 1, status.eta)
    if status.progress_data:
        unit = status.progress_data[-1]
        fraction = unit.progress
        if fraction is None and unit.index is not None and unit.length:
            fraction = unit.index / unit.length
        return Progress(fraction, unit.desc)
    if status.code.name == "PROCESSING":
        return Progress(None, None)
    return None


# How gradio_client 1 and Gradio 4 wrap a server's own words.
_WRAPPED = re.compile(r"^The upstream Gradio app has raised an exception: (['\"]?)(.*)\1$", re.S)


def _named(error: Exception) -> GenerationError:
    """Which of our errors one of gradio_client, httpx or concurrent.futures stands for."""
    import httpx
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError, TooManyRequestsError

    if isinstance(error, AppError):
        return refusal(_WRAPPED.sub(r"\2", str(error)))
    log.warning("a generation failed: %r", error)
    if isinstance(error, (QueueError, TooManyRequestsError)):
        return GeneratorBusy("The generator's queue is full. Try again soon.")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return GeneratorUnavailable("The generator cannot be reached. Try again soon.")
    if isinstance(error, (concurrent.futures.CancelledError, httpx.TransportError)):
        return GenerationFailed("The generator died while it made the model.")
    if isinstance(error, httpx.HTTPStatusError):
        return GenerationFailed(f"The generator answered with {error.response.status_code}.")
    return GenerationFailed(f"The generator's answer makes no sense: {type(error).__name__}.")


def _in_thread(function: Callable[..., Any], *args: Any) -> concurrent.futures.Future[Any]:
    """`function(*args)` in a daemon thread, which keeps no process from ending."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    threading.Thread(target=_settle, args=(future, function, *args), daemon=True).start()
    return future


def _settle(
    future: concurrent.futures.Future[Any], function: Callable[..., Any], *args: Any
) -> None:
    try:
        future.set_result(function(*args))
    except Exception as error:
        future.set_exception(error)
    finally:
        # Else the error's traceback, through this frame, holds the future that holds the error.
        del future, function, args


@lru_cache(maxsize=None)
def _certificates() -> ssl.SSLContext:
    """Read once: for every connection they would cost 40 ms and a megabyte."""
    import httpx

    return httpx.create_ssl_context()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
