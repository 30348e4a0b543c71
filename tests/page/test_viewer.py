"""model-viewer on the page: hosted by Google, or not to be had at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

from support.browser import Browser
from support.browser_tab import open_tab, serve_no_viewer
from support.processes import Server, StartServer, copy_without_node_modules


def test_the_hosted_viewer_is_used_where_none_is_installed(
    browser: Browser, tmp_path: Path, solid_space: str, start_server: StartServer
) -> None:
    project = copy_without_node_modules(tmp_path)
    server = start_server(project=project, HUNYUAN_SPACE_ID=solid_space)
    requested = []

    def serve(route: Any) -> None:
        requested.append(route.request.url)
        if len(requested) == 1:
            return route.abort()
        return serve_no_viewer(route)

    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        tab.context.route("https://ajax.googleapis.com/**", serve)
        tab.page.uncheck("[name=texture]")
        with tab.page.expect_event("requestfailed"):
            tab.choose_photos("stool.jpg")
        tab.generate()
        tab.wait_for_model("stool.glb")
    assert requested[-1].endswith("/model-viewer/4.4.0/model-viewer.min.js")


def test_without_a_viewer_the_model_can_be_downloaded(
    browser: Browser, quick_server: Server
) -> None:
    with open_tab(browser, quick_server.url, expect_failed_requests=True) as tab:
        tab.context.route("**/model-viewer.min.js", lambda route: route.abort())
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        tab.page.wait_for_selector("#show p")
        assert "could not show this model" in tab.text("#show")
        tab.screenshot("error-no-viewer")
        url = str(tab.page.get_attribute("#download", "href"))
        assert requests.get(url).content[:4] == b"glTF"
