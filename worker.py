"""The Celery worker of one GPU box: `celery -A worker worker --concurrency 1`.

HUNYUAN_SPACE_ID names the Gradio server on that box, GENERATION_QUEUE what it is good for.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from functools import lru_cache
from typing import Any, Dict, List

import redis
from celery import Task
from celery.signals import setup_logging, worker_init
from celery.worker.control import inspect_command

import errors
import generation
import settings
from hunyuan_service import HunyuanService, News
from order import Options
from server import log_to_stderr
from session_store import SessionStore
from settings import InvalidSetting
from task_queue import ENGINE_QUESTION, TASK, WORKING, Order, Outcome, Report, connect

log = logging.getLogger("dreamlab")


def load() -> settings.Settings:
    """The settings of a worker. Raises InvalidSetting."""
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
celery = connect(own, own.generation_queue)


@worker_init.connect
def prepare(**_: Any) -> None:
    """Check the sessions' folder before a task comes."""
    store.prepare()


@setup_logging.connect
def log_as_the_server_does(**_: Any) -> None:
    """Session ids are no more for a worker's log than for the server's."""
    log_to_stderr()


@lru_cache(maxsize=None)
def service() -> HunyuanService:
    """The connection to the Gradio server, of the process that works."""
    return HunyuanService(own)


@inspect_command(name=ENGINE_QUESTION)
def tell_engine(state: Any) -> Dict[str, str]:
    """Say which generator is behind this worker."""
    return {"engine": own.engine}


@celery.task(name=TASK, bind=True)
def generate(self: Task, order: Dict[str, Any]) -> List[Any]:
    """Make and save one model, unless an earlier attempt at the task has; answers an Outcome."""
    attempt = str(uuid.uuid4())

    def report(*news: Any) -> None:
        # Progress is no reason to fail, nor to wait for Redis for long.
        with suppress(redis.RedisError):
            self.backend.client.ping()
            self.update_state(state=WORKING, meta=[*Report(attempt, own.engine, *news)])

    def on_progress(news: News) -> None:
        report(type(news).__name__, [*news])

    session_id, views, model, options = Order(**order)
    try:
        session = store.open(session_id)
        if session.is_made(model):
            return [*Outcome(own.engine)]
        report()
        sources = generation.reopen(session, views, own.max_image_megapixels)
        made = generation.run(session, sources, Options(**options), service(), on_progress, model)
    except errors.DreamLabError as error:
        return [*Outcome(own.engine, error=errors.to_plain(error))]
    return [*Outcome(made.engine, made.seed)]
