"""The Celery worker of one GPU machine: `celery -A dreamlab.cluster.worker worker --concurrency 1`.

HUNYUAN_SPACE_ID names the Gradio server of that machine. GENERATION_QUEUE says which tasks it
takes.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import lru_cache
from typing import Any, Dict, List

import redis
from celery import Task
from celery.signals import setup_logging, worker_init
from celery.worker.control import inspect_command

from dreamlab import settings
from dreamlab.cluster import messages
from dreamlab.cluster.messages import AttemptReport, GenerationTask, TaskResult
from dreamlab.errors import DreamLabError
from dreamlab.generation.run import Generation, reopen_views, run
from dreamlab.logs import log_to_stderr
from dreamlab.settings import InvalidSetting
from dreamlab.space.options import Options
from dreamlab.space.progress import ProgressEvent
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
    log_to_stderr()


@lru_cache(maxsize=None)
def service() -> HunyuanService:
    """Return the connection to the Gradio server, one per process."""
    return HunyuanService(own)


@inspect_command(name=messages.ENGINE_COMMAND)
def engine(state: Any) -> Dict[str, str]:
    """Return the generator behind this worker."""
    return {"engine": own.engine}


@celery.task(name=messages.TASK, bind=True)
def generate(self: Task, task: Dict[str, Any]) -> List[Any]:
    """Generate and save one model, unless an earlier attempt has. Returns a TaskResult."""
    attempt_id = str(uuid.uuid4())

    def report(*event: Any) -> None:
        # A task does not fail or wait because Redis is away.
        with suppress(redis.RedisError):
            self.backend.client.ping()
            meta = [*AttemptReport(attempt_id, own.engine, *event)]
            self.update_state(state=messages.WORKING, meta=meta)

    def on_progress(event: ProgressEvent) -> None:
        report(type(event).__name__, [*event])

    session_id, names, model, options = GenerationTask(**task)
    try:
        session = store.open(session_id)
        if session.was_saved(model):
            return [*TaskResult(own.engine)]
        report()
        with session.uploads.hold() as hold:
            views = reopen_views(hold, names, own.max_image_megapixels)
            generation = Generation(self.request.id, session, views, Options(**options))
            generated = run(generation, service(), own, on_progress, model)
    except DreamLabError as error:
        return [*TaskResult(own.engine, error=messages.error_to_dict(error))]
    _, seed, engine, warnings, lacks_texture = generated
    return [*TaskResult(engine, seed, None, warnings, lacks_texture)]
