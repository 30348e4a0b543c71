"""Many that follow one generation, and a stream that a proxy cuts."""

from __future__ import annotations

import threading
import time
from typing import Any, List

import pytest
import requests

from support.api import image_bytes, wait_until
from support.http_api import read_events
from support.processes import Server, StartServer
from support.proxy import Proxy
from support.spaces import HeldSpace, timed_space

pytestmark = pytest.mark.faults
LISTENERS = 200
EVENTS = {"Accept": "text/event-stream"}


def accept(server: Server, session_id: str) -> str:
    answer = requests.post(
        server.upload_url(session_id),
        files={"image": ("chair.png", image_bytes())},
        headers={"Prefer": "respond-async"},
        timeout=10,
    )
    return server.url + str(answer.headers["Location"])


def test_two_hundred_listeners_hear_the_end_at_once(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id = server.session()
    url = accept(server, session_id)
    assert held_space.started.wait(10)
    threads, memory = server.threads(), server.resident_mb()
    gone = [open_stream(url) for _ in range(LISTENERS)]
    assert wait_until(lambda: requests.get(f"{server.url}/api/health", timeout=2).ok)
    for answer in gone:
        answer.close()
    # They are forgotten with the next comment: as many others find places.
    time.sleep(3)
    streams = [open_stream(url) for _ in range(LISTENERS)]
    print(
        f"{LISTENERS} listeners: {server.threads() - threads} more threads, "
        f"{server.resident_mb() - memory:.1f} MB more"
    )
    assert server.threads() <= threads
    assert server.resident_mb() - memory < 60
    ended: List[float] = []

    def follow(answer: requests.Response) -> None:
        name, data = list(read_events(answer))[-1]
        assert (name, data["model"]) == ("complete", "chair.glb")
        ended.append(time.monotonic())

    followers = [threading.Thread(target=follow, args=(stream,)) for stream in streams]
    for follower in followers:
        follower.start()
    assert requests.get(f"{server.url}/api/session_models/{session_id}", timeout=2).json()
    held_space.release.set()
    for follower in followers:
        follower.join(20)
    print(f"seconds from the first to the last: {max(ended) - min(ended):.2f}")
    assert len(ended) == LISTENERS
    # Two processors also run the listeners here.
    assert max(ended) - min(ended) < 1.5


def open_stream(url: str) -> requests.Response:
    answer = requests.get(url, headers=EVENTS, stream=True, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def test_more_listeners_than_places_are_refused(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="1")
    url = accept(server, server.session())
    answers = [requests.get(url, headers=EVENTS, stream=True, timeout=30) for _ in range(270)]
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(503)) == (257, 13)
    assert requests.get(url, timeout=2).json()["status"] in ("queued", "running")
    for answer in answers:
        answer.close()


def test_a_stream_that_a_proxy_cuts_is_picked_up_again(start_server: StartServer) -> None:
    with timed_space(11) as space:
        server = start_server(HUNYUAN_SPACE_ID=space)
        session_id = server.session()
        cuts, last = 0, ("", {})
        url, how = server.upload_url(session_id), "POST"
        while last[0] not in ("complete", "error"):
            proxy = Proxy(int(server.url.rpartition(":")[2]))
            threading.Timer(3, proxy.cut).start()
            through = url.replace(server.url, proxy.url)
            files = {"image": ("chair.png", image_bytes())} if how == "POST" else None
            headers = {**EVENTS, "Idempotency-Key": "a chair"}
            answer: Any = requests.request(
                how, through, files=files, headers=headers, stream=True, timeout=30
            )
            try:
                for last in read_events(answer):
                    if last[0] == "accepted":
                        generation_id = last[1]["generation_id"]
                        url = f"{server.url}/api/sessions/{session_id}/generations/{generation_id}"
            except requests.RequestException:
                cuts += 1
            # A client that has lost the id sends its form again, with the key.
            how, url = ("POST", server.upload_url(session_id)) if cuts == 2 else ("GET", url)
        assert last[0] == "complete", last
        assert cuts >= 3
        assert server.models(session_id) == ["chair.glb"]
        shown = requests.get(f"{server.url}/api/sessions/{session_id}/generations").json()
        assert len(shown["generations"]) == 1
