"""Seconds on a phone from the button to the model on the screen, with the default engine."""

from __future__ import annotations

import shutil
import statistics
import time
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any, Dict, List

from benchmarks import photos, servers
from benchmarks.report import Report, Skipped

ROUNDS = 3
# So long a person looks at the photo before the button is pressed.
LOOK_S = 3
AIM_S = 10
CPU_SLOWDOWN = 4
NETWORK = {
    "offline": False,
    "latency": 60,
    "downloadThroughput": 9e6 / 8,
    "uploadThroughput": 3e6 / 8,
}
PHASES = ("prepare the photo", "upload", "generate", "show", "all")
# As browsers do that cannot decode a photo.
SEND_WHOLE = "delete window.createImageBitmap"
RUN = """
() => new Promise((resolve) => {
  const start = performance.now();
  document.getElementById("make").click();
  const look = () => {
    if (!document.querySelector("model-viewer")?.modelIsVisible) return requestAnimationFrame(look);
    const shown = performance.now();
    const entries = performance.getEntriesByType("resource");
    const post = entries.find(({ name }) => name.includes("process_furniture_image"));
    const glb = entries.find(({ name }) => /sessions.*\\.glb/.test(name));
    resolve([
      post.startTime - start,
      post.responseEnd - post.startTime,
      glb.startTime - post.responseEnd,
      shown - glb.startTime,
      shown - start,
    ]);
  };
  look();
})
"""
TIMEOUT_S = 120


def measure() -> Report:
    """Make models from a photo of 12 megapixels, made smaller by the page or sent whole."""
    if shutil.which("chromium") is None or find_spec("playwright") is None:
        raise Skipped("chromium or playwright is missing: apt-get install chromium")
    from support.browser import launch

    photo = photos.phone(side=3464, quality=87)
    kinds = {"made smaller by the page": "", "sent whole": SEND_WHOLE}
    found: Dict[str, List[List[float]]] = {kind: [] for kind in kinds}
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch())
        server = stack.enter_context(servers.ours(folder, HUNYUAN_SPACE_ID="local"))
        browser = stack.enter_context(launch())
        _make_model(browser, server.url, photo, "")
        for _ in range(ROUNDS):
            for kind, script in kinds.items():
                found[kind].append(_make_model(browser, server.url, photo, script))
    return _report(len(photo), found)


def _report(size: int, found: Dict[str, List[List[float]]]) -> Report:
    medians = {
        kind: [statistics.median(run[phase] for run in runs) for phase in range(len(PHASES))]
        for kind, runs in found.items()
    }
    table: List[List[Any]] = [["photo", *(f"{phase}, s" for phase in PHASES), "aim"]]
    for kind, (*phases, total) in medians.items():
        aim = f"≤ {AIM_S}" if kind == next(iter(medians)) else ""
        table.append([kind, *(f"{seconds:.1f}" for seconds in phases), f"**{total:.1f}**", aim])
    return Report(
        [table],
        [
            f"Medians of {ROUNDS} runs with a photo of {size / 1e6:.1f} MB, in Chromium with a CPU "
            f"{CPU_SLOWDOWN} times slower, 9 Mbit/s down, 3 up and 60 ms. The button is pressed "
            f"{LOOK_S} s after the photo is chosen. The server has made a model before.",
            "*Show* includes what is left of loading model-viewer, the download of the model and "
            "its first picture, which Chromium draws here without a GPU.",
        ],
    )


def _make_model(browser: Any, url: str, photo: bytes, script: str) -> List[float]:
    """Return the seconds of each phase."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
    )
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_S * 1000)
    page.goto(url)
    page.wait_for_selector("#engine:not(:empty)", state="attached")
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", NETWORK)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    file = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photo}
    page.set_input_files("#front", [file])
    time.sleep(LOOK_S)
    seconds = [milliseconds / 1000 for milliseconds in page.evaluate(RUN)]
    context.close()
    return seconds
