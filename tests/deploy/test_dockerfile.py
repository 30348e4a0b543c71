"""deploy/Dockerfile. deploy/try-image builds the image and runs it."""

from __future__ import annotations

from dreamlab.settings import PROJECT
from dreamlab.web.assets import STATIC, VIEWER


def test_the_image_gets_what_npm_installs_for_the_page() -> None:
    words = (PROJECT / "deploy" / "Dockerfile").read_text("utf-8").split()
    copied = [word for word in words if word.startswith("/static/node_modules/")]
    assert copied == [f"/static/{VIEWER.relative_to(STATIC).as_posix()}"]
