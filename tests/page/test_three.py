"""Models in a given size, as three.js measures them in a browser."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from dreamlab.web import assets
from support import gltf_files
from support.browser import Browser
from support.processes import Server

THREE = assets.STATIC / "node_modules/three"

PLANNER = """<!doctype html>
<title>a room planner</title>
<script type="importmap">
{"imports": {"three": "./build/three.module.js", "three/addons/": "./examples/jsm/"}}
</script>"""
MEASURE = """
async (url) => {
  const { Box3 } = await import("three");
  const { GLTFLoader } = await import("three/addons/loaders/GLTFLoader.js");
  const { scene } = await new GLTFLoader().loadAsync(url);
  const { min, max } = new Box3().setFromObject(scene, true);
  return [min.toArray(), max.toArray()];
}
"""


def serve_planner(route: Any) -> None:
    path = route.request.url.split("/planner/")[1]
    if path:
        route.fulfill(path=THREE / path, content_type="text/javascript")
    else:
        route.fulfill(body=PLANNER, content_type="text/html")


def test_a_model_of_any_layout_is_as_high_as_asked_for_and_stands_on_the_floor(
    browser: Browser, quick_server: Server
) -> None:
    server = quick_server
    session = server.session()
    folder = server.sessions / session / "models"
    layouts = dict(enumerate(gltf_files.LAYOUTS))
    for number, layout in layouts.items():
        (folder / f"{number}.glb").write_bytes(gltf_files.LAYOUTS[layout]())
    (folder / "draco.glb").write_bytes(gltf_files.draco())
    models = f"{server.url}/sessions/{session}/models"
    tab = browser.new_page()
    tab.route("**/planner/**", serve_planner)
    tab.goto(f"{server.url}/planner/")
    for number, layout in layouts.items():
        low, high = tab.evaluate(MEASURE, f"{models}/{number}.glb?height_cm=90")
        assert high[1] - low[1] == pytest.approx(0.9, abs=5e-4), layout
        assert low[1] == pytest.approx(0, abs=5e-4), layout
        assert [low[0] + high[0], low[2] + high[2]] == pytest.approx([0, 0], abs=1e-3), layout
    tab.close()
    packed = requests.get(f"{models}/draco.glb?height_cm=90")
    assert (packed.status_code, packed.json()["code"]) == (422, "model_unsupported")
    assert "Draco" in packed.json()["error"]
