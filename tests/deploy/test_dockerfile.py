"""deploy/Dockerfile. deploy/try-image builds the image and runs it."""

from __future__ import annotations

from dreamlab.settings import PROJECT
from dreamlab.web.assets import INSTALLED, NODE_MODULES


def test_the_image_gets_what_npm_installs_for_the_pages() -> None:
    words = (PROJECT / "deploy" / "Dockerfile").read_text("utf-8").split()
    copied = {word for word in words if word.startswith("/static/node_modules/")}
    installed = {path.relative_to(NODE_MODULES).as_posix() for path in INSTALLED.values()}
    assert copied == {f"/static/node_modules/{path}" for path in installed}
