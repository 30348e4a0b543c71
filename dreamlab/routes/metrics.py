"""What Prometheus scrapes."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from dreamlab import metrics
from dreamlab.routes.bearer import require_bearer
from dreamlab.routes.current import settings

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Return the metrics of all processes of this host. Without a setting, they do not exist."""
    if not settings.has_metrics:
        abort(404)
    if settings.metrics_token is not None:
        require_bearer(
            settings.metrics_token,
            "The metrics need the header Authorization: Bearer <METRICS_TOKEN>.",
        )
    content, mimetype = metrics.exposition()
    return Response(content, content_type=mimetype)
