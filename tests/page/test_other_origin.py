"""A page of another origin calls the whole API from a real browser."""

from __future__ import annotations

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, List

import pytest

from support.api import DATA
from support.browser import Browser
from support.processes import StartServer

CALLS = """
async ({ api, views }) => {
  const seen = { events: [] };
  const { session_id } = await (await fetch(api + "/api/generate_session_id")).json();
  const form = new FormData();
  for (const [field, data] of Object.entries(views)) {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    form.append(field, new Blob([bytes], { type: "image/png" }), field + ".png");
  }
  form.append("caption", "a chair with arm rests");
  const answer = await fetch(`${api}/api/process_furniture_image/${session_id}`, {
    method: "POST", body: form, headers: { Accept: "text/event-stream" },
  });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  for (const block of text.split("\\n\\n")) {
    const lines = block.split("\\n");
    if (lines[0].startsWith("event: ")) {
      seen.events.push([lines[0].slice(7), JSON.parse(lines[1].slice(6))]);
    }
  }
  const list = async () =>
    (await (await fetch(`${api}/api/session_models/${session_id}`)).json()).models;
  seen.listed = await list();
  const model = await fetch(`${api}/sessions/${session_id}/models/${seen.listed[0]}`);
  seen.magic = new TextDecoder().decode((await model.arrayBuffer()).slice(0, 4));
  seen.etag = model.headers.get("ETag");
  const missing = await fetch(`${api}/api/session_models/nobody`);
  seen.missing = [missing.status, (await missing.json()).code];
  const one = `${api}/api/sessions/${session_id}/models/${seen.listed[0]}`;
  seen.deleted = (await fetch(one, { method: "DELETE" })).status;
  seen.remaining = await list();
  seen.ended = (await fetch(`${api}/api/sessions/${session_id}`, { method: "DELETE" })).status;
  return seen;
}
"""


@pytest.fixture(scope="module")
def other_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty page on another port."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><title>a shop</title>")

    class QuietHandler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_address[1]}/"
        site.shutdown()


def test_a_page_of_another_origin_can_use_the_whole_api(
    browser: Browser, site: str, other_origin: str
) -> None:
    views = {
        f"{side}_image": base64.b64encode((DATA / f"chair-{side}.png").read_bytes()).decode()
        for side in ("front", "back", "left", "right")
    }
    errors: List[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(other_origin)
    seen = page.evaluate(CALLS, {"api": site, "views": views})
    names = [name for name, _ in seen["events"]]
    assert (names[0], names[-1]) == ("accepted", "complete")
    assert seen["events"][-1][1]["model"] == "front_image.glb"
    assert seen["listed"] == ["front_image.glb"]
    assert (seen["magic"], seen["missing"]) == ("glTF", [404, "session_not_found"])
    assert seen["etag"]
    assert (seen["deleted"], seen["remaining"], seen["ended"]) == (204, [], 204)
    assert errors == []


REFUSED = """
async ({ api, megabytes }) => {
  const form = new FormData();
  form.append("image", new Blob([new Uint8Array(megabytes << 20)]), "room.png");
  const { session_id } = await (await fetch(api + "/api/generate_session_id")).json();
  const url = `${api}/api/process_furniture_image/${session_id}`;
  const answer = await fetch(url, { method: "POST", body: form });
  return [answer.status, await answer.json()];
}
"""


def test_a_page_of_another_origin_reads_that_its_photo_is_too_large(
    browser: Browser, start_server: StartServer, other_origin: str
) -> None:
    server = start_server(
        HUNYUAN_SPACE_ID="http://127.0.0.1:9",
        MAX_UPLOAD_MB="1",
        CORS_ORIGINS=f"https://shop.example,{other_origin}",
    )
    page = browser.new_page()
    page.goto(other_origin)
    status, body = page.evaluate(REFUSED, {"api": server.url, "megabytes": 3})
    assert (status, body["code"]) == (413, "upload_too_large")
    assert "1 MB is the limit" in body["error"]
