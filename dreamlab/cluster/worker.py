"""The Celery worker of one GPU machine: `celery -A dreamlab.cluster.worker worker --concurrency 1`.

HUNYUAN_SPACE_ID names the Gradio server of that machine. GENERATION_QUEUE says which tasks it
takes.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import lru_cache
from typing import Any, Dict, Optional

import redis
from celery import Task
from celery.signals import setup_logging, worker_init
from celery.worker.control import inspect_command

from dreamlab import settings
from dreamlab.background import REQUEST_ID
from dreamlab.cluster import messages
from dreamlab.cluster.messages import AttemptReport
from dreamlab.errors import DreamLabError
from dreamlab.generation.run import complete_generation, generate_model, keep_end
from dreamlab.generation.running import RunningGeneration
from dreamlab.generation.views import reopen
from dreamlab.logs import log_to_stderr
from dreamlab.settings import InvalidSetting
from dreamlab.space.progress import ProgressEvent
from dreamlab.storage.records import End
from dreamlab.storage.store import SessionStore
from hunyuan_service import HunyuanService


def load() -> settings.Settings:
    """Read the settings of a worker. Raises InvalidSetting."""
    found = settings.load()
    if found.broker_url is None:
        raise InvalidSetting("CELERY_BROKER_URL must be set for a worker")
    if found.engine == settings.LOCAL:
        raise InvalidSetting(
            "HUNYUAN_SPACE_ID must name the Gradio server of this worker's machine, such as "
            "http://127.0.0.1:7860"
        )
    return found


try:
    own = load()
except InvalidSetting as error:
    raise SystemExit(str(error)) from error
store = SessionStore(own.sessions_dir)
celery = messages.make_celery(own, own.generation_queue)


@worker_init.connect
def prepare(**_: Any) -> None:
    """Check the sessions' folder before the first task."""
    store.prepare()


@setup_logging.connect
def set_up_log(**_: Any) -> None:
    """Log as the server does, with shortened session ids."""
    log_to_stderr(own.log_format)


@lru_cache(maxsize=None)
def service() -> HunyuanService:
    """Return the connection to the Gradio server, one per process."""
    return HunyuanService(own)


@inspect_command(name=messages.ENGINE_COMMAND)
def engine(state: Any) -> Dict[str, str]:
    """Return the generator behind this worker."""
    return {"engine": own.engine}


@celery.task(name=messages.TASK, bind=True)
def generate(self: Task, session_id: str) -> Optional[End]:
    """Make an attempt of the generation with the task's id. Return how the generation ended.

    Returns None, as complete_generation does, where it goes on.
    """
    running = RunningGeneration(self.request.id)
    attempt_id = str(uuid.uuid4())

    def report(*event: Any) -> None:
        # A task does not fail or wait because Redis is away.
        with suppress(redis.RedisError):
            self.backend.client.ping()
            meta = [*AttemptReport(attempt_id, *event)]
            self.update_state(state=messages.WORKING, meta=meta)

    def on_progress(event: ProgressEvent) -> None:
        running.report(event)
        report(type(event).__name__, [*event])

    def attempt() -> End:
        report()
        generation = reopen(session, running.id, own.max_image_megapixels)
        is_cancelled = messages.Cancellation(self.backend.client, running.id)
        result = generate_model(generation, service(), own, on_progress, is_cancelled)
        return running.succeeded(result)

    try:
        session = store.open(session_id)
    except DreamLabError as error:
        return running.failed(error)
    # It stays until the next task: Celery itself logs the end of this one.
    REQUEST_ID.set(session.generations.request_id(running.id))
    end = session.generations.end(running.id)
    if end is not None:
        # It was cancelled, or an earlier attempt was killed just before it was acknowledged.
        return keep_end(session, running, end)
    return complete_generation(session, running, attempt)
