"""The Flask app: `create_app` wires it, `python app.py` serves it."""

from __future__ import annotations

import logging
import os
import sys
import time
from functools import partial
from typing import Optional

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from dreamlab.generation.generations import Generations
from dreamlab.generation.generator import Generator, InProcessGenerator
from dreamlab.logs import log_to_stderr
from dreamlab.metrics import enable_metrics
from dreamlab.routes import (
    answers,
    current,
    generations,
    metrics,
    models,
    operations,
    rate_limit,
    sessions,
    uploads,
)
from dreamlab.routes.form_body import FormRequest
from dreamlab.serving import CannotListen, serve
from dreamlab.settings import InvalidSetting, Settings, load
from dreamlab.storage.store import SessionStore, StorageUnusable
from dreamlab.web import assets, docs, page
from hunyuan_service import HunyuanService
from local_space.launcher import StandIn


def create_app(settings: Optional[Settings] = None, generator: Optional[Generator] = None) -> Flask:
    """Return the app for `settings`, by default those of the environment.

    Raises InvalidSetting, and StorageUnusable when the sessions cannot be kept.
    """
    settings = settings or load()
    generator = generator or make_generator(settings, StandIn())
    if settings.has_metrics:
        enable_metrics(settings.max_generations)
    store = SessionStore(settings.sessions_dir)
    all_generations = Generations(generator, settings)
    if settings.broker_url is None:
        store.prepare(partial(all_generations.take_up, store, time.time()))
    else:
        store.prepare()
        all_generations.keep_taking_up(store)
    hours = settings.session_ttl_hours
    store.keep_sweeping(None if hours is None else hours * 3600)

    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    app.request_class = FormRequest
    current.share(app, settings, store, generator, all_generations)
    answers.register(app, settings)
    for module in (sessions, generations, uploads, models, operations, metrics, assets, page, docs):
        app.register_blueprint(module.blueprint)
    if settings.rate_limit is not None:
        rate_limit.register(app, settings)
    if settings.trusted_proxies:
        proxied = ProxyFix(
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1, x_host=1, x_prefix=1
        )
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def make_generator(settings: Settings, stand_in: StandIn) -> Generator:
    """Return the cluster's generator where there is a broker, else one inside this process."""
    if settings.broker_url is not None:
        # A plain installation does not have Celery.
        from dreamlab.cluster.front_end import CeleryGenerator

        return CeleryGenerator(settings)
    service = HunyuanService(settings, stand_in.url if settings.is_local else None)
    return InProcessGenerator(service, settings)


def main() -> int:
    """Check what the start needs, then serve. Returns the exit status: 2 for a wrong setting."""
    stand_in = StandIn()
    try:
        settings = load()
        log_to_stderr(settings.log_format)
        if settings.is_local and not StandIn.is_installed():
            raise InvalidSetting(
                "HUNYUAN_SPACE_ID=local needs local_space/requirements.txt: install that, or name "
                "a Hunyuan3D server"
            )
        generator = make_generator(settings, stand_in)
        app = create_app(settings, generator)
        if settings.is_local:
            stand_in.start()
        generator.health()
        serve(app, settings, partial(current.drain, app))
    except (InvalidSetting, StorageUnusable, CannotListen) as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        stand_in.stop()
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # gradio_client's threads may wait for a server for minutes. Nothing needs them any more.
    os._exit(status)
