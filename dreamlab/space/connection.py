"""One connection to a Gradio server: runs jobs and downloads their files."""

from __future__ import annotations

import os
import time
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, List, Mapping, Sequence
from urllib.parse import quote, urlsplit

from dreamlab.errors import GenerationCancelled, GenerationFailed, GenerationTimeout
from dreamlab.models import glb
from dreamlab.options import Options
from dreamlab.settings import MEGABYTE, Settings
from dreamlab.space import proxies, servers
from dreamlab.space.deadlines import DeadlineExceeded, call_within, in_thread, seconds_left
from dreamlab.space.description import Description
from dreamlab.space.progress import Check, OnProgress, is_waiting, wait_for

if TYPE_CHECKING:
    from gradio_client.client import Client, Endpoint, Job

# Gradio's event stream sends something every 15 s. A server silent for much longer is gone.
_SILENCE_S = 120.0
_ANSWER_S = 20.0
_CONNECT_S = 10.0
_CANCEL_S = 1.0
# Each job in flight holds three threads of gradio_client's pool, and releases up to mid-2026
# deadlock for good when none is left.
_THREADS_PER_JOB = 4


class Connection:
    """A gradio_client.Client that uploads each file once and has a bounded download."""

    def __init__(self, address: str, server: servers.Server, settings: Settings) -> None:
        import httpx
        from gradio_client import Client

        silence_s = min(_SILENCE_S, settings.generation_timeout_s + 5)
        timeout = httpx.Timeout(silence_s, connect=_CONNECT_S)
        # The second parameter is the token. Its name differs between releases.
        self._client: Client = Client(
            server.url,
            _token(address, settings),
            auth=server.login,
            max_workers=_THREADS_PER_JOB * settings.max_generations,
            verbose=False,
            download_files=False,
            ssl_verify=proxies.certificates(),
            httpx_kwargs={"timeout": timeout, "trust_env": proxies.uses_proxies(server.url)},
        )
        self.address = address
        self._max_mb = settings.max_model_mb
        endpoints: List[Endpoint] = list(self._client.endpoints.values())
        described = self._client.view_api(print_info=False, return_format="dict")
        self.description = Description(described, self._client.config)
        # Gradio 4 goes on with a job that was cancelled, even with one in its queue.
        self._cancels = not self._client.config.get("version", "").startswith(("3.", "4."))
        self._uploaded: Dict[str, Dict[str, Any]] = {}
        for endpoint in endpoints:
            self._upload_once(endpoint)
        self._http = proxies.open_client(
            server.url,
            base_url=endpoints[0].root_url,
            headers={**self._client.headers, "accept-encoding": "identity"},
            cookies=self._client.cookies,
            timeout=timeout,
        )

    def is_to_same_server(self) -> bool:
        """Return whether the server is still the process to which we connected."""
        answer = self._http.get("app_id")
        if answer.status_code == 404 and "app_id" not in self._client.config:
            return True
        return bool(answer.raise_for_status().json()["app_id"] == self._client.config["app_id"])

    def run(
        self,
        endpoint: str,
        views: Mapping[str, Path],
        options: Options,
        check: Check,
        on_progress: OnProgress,
    ) -> Sequence[Any]:
        """Run one job and return its outputs.

        Raises what `check` raises: a GenerationTimeout or GenerationCancelled gets the job if that
        goes on.
        """
        parameters = self.description.parameters(endpoint)
        if parameters is None:
            raise GenerationFailed(f"The generator has no endpoint {endpoint}.")
        job = self._client.submit(api_name=endpoint, **_arguments(parameters, views, options))
        try:
            return wait_for(job, check, on_progress)
        except GenerationTimeout as error:
            error.job = None if self._cancel_waiting(job) else job.future
            raise
        except GenerationCancelled as error:
            error.job = None if self._cancel(job) else job.future
            raise
        finally:
            for path in views.values():
                self._uploaded.pop(str(path.resolve()), None)

    def _cancel_waiting(self, job: Job) -> bool:
        """Cancel a job that waits in the server's queue. Return whether the server is rid of it.

        A plain function that runs is not stopped. The server would only begin another beside it.
        """
        return job.future.done() or (is_waiting(job) and self._cancel(job))

    def _cancel(self, job: Job) -> bool:
        """Cancel a job, also one that runs. Return whether it leaves the server's queue.

        Gradio stops a generator function at its next step. It lets a plain function work to its
        end, and drops what that returns.
        """
        if not self._cancels:
            return False
        # The server may not answer.
        wait([in_thread(job.cancel)], timeout=_CANCEL_S)
        return True

    def download(self, paths: Sequence[str], target: Path, deadline: float) -> Dict[str, Any]:
        """Write the first of the server's files that is a GLB to `target`. Return its JSON.

        Raises GenerationFailed and DeadlineExceeded.
        """
        for path in paths:
            try:
                with target.open("w+b") as file:
                    call_within(deadline, self._fetch, path, file, deadline)
                    tree = glb.check(file)
                    glb.add_root(file, tree)
                return tree
            except glb.InvalidGlb as error:
                invalid = error
        raise GenerationFailed(f"The generator sent no valid GLB: {invalid}.") from invalid

    def _fetch(self, path: str, file: BinaryIO, deadline: float) -> None:
        """Write the server's file `path` to `file`. Raises GenerationFailed if it is too large."""
        # The caller gives up at the deadline. This ends the thread a little later.
        timeout_s = seconds_left(deadline) + 1
        with self._http.stream("GET", "file=" + quote(path), timeout=timeout_s) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_raw():
                file.write(chunk)
                if file.tell() > self._max_mb * MEGABYTE:
                    raise GenerationFailed(
                        f"The generator sent a model of more than {self._max_mb:g} MB."
                    )
                if time.monotonic() > deadline:
                    # Else the part that is there would be taken for the whole file.
                    raise DeadlineExceeded
        file.flush()

    def _upload_once(self, endpoint: Endpoint) -> None:
        """Let `endpoint` upload a file that is passed under two names only once."""
        upload = endpoint._upload_file

        def once(file: Dict[str, Any], data_index: int) -> Dict[str, Any]:
            path = file["path"]
            if path not in self._uploaded:
                self._uploaded[path] = upload(file, data_index)
            return dict(self._uploaded[path])

        endpoint._upload_file = once


def connect(address: str, settings: Settings) -> Connection:
    """Return a connection to the generator at `address`, a URL or a Space's id.

    Raises GeneratorUnavailable, and what gradio_client and httpx raise.
    """
    # Both are read when these libraries are imported. Their defaults send usage data to others.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # gradio_client gets the URL of a Space: by its id it would ask Hugging Face without a timeout,
    # and wait for as long as the Space is being built.
    timeout_s = min(_ANSWER_S, settings.generation_timeout_s + 5)
    server = servers.find(address, _token(address, settings), settings.space_auth, timeout_s)
    return Connection(address, server, settings)


def _arguments(
    parameters: Sequence[Mapping[str, Any]], views: Mapping[str, Path], options: Options
) -> Dict[str, Any]:
    """Return the arguments for an endpoint with these parameters, and no others."""
    files = {side: _file_argument(path) for side, path in views.items()}
    wanted: Dict[str, Any] = {f"mv_image_{side}": file for side, file in files.items()}
    # A multi-view deployment reads only the mv_ ones, a single-view one only this.
    wanted.update(options.sent(), image=files["front"], randomize_seed=False)
    arguments = {}
    for parameter in parameters:
        name = parameter["parameter_name"]
        if wanted.get(name) is not None or not parameter.get("parameter_has_default"):
            arguments[name] = wanted.get(name)
    return arguments


def _file_argument(path: Path) -> Dict[str, Any]:
    """Return a file as an argument of a job. It is read when the job is submitted."""
    path = path.resolve()
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def _token(address: str, settings: Settings) -> Any:
    """Return the Hugging Face token for Hugging Face, and False for any other server."""
    host = urlsplit(address).hostname
    return settings.hf_token if host is None or host.endswith(".hf.space") else False
