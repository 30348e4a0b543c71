"""Many that follow one generation, and a stream that a proxy cuts."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from typing import Any, List
from urllib.parse import urlsplit

import requests

from support.api import image_bytes
from support.http_api import read_events
from support.processes import Server, StartServer
from support.proxy import Proxy
from support.spaces import HeldSpace, timed_space

LISTENERS = 200
EVENTS = {"Accept": "text/event-stream"}


def accept(server: Server, session_id: str) -> str:
    answer = server.post_async(session_id, image_bytes())
    return server.url + str(answer.headers["Location"])


def test_two_hundred_listeners_hear_the_end_at_once(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id = server.session()
    url = accept(server, session_id)
    assert held_space.started.wait(10)
    threads, memory = server.threads(), server.resident_mb()
    for stream in open_streams(url):
        stream.close()
    # waitress notices a closed connection at the second comment and tells so at the third: within
    # 2.5 s. Then as many others find places.
    time.sleep(4)
    streams = open_streams(url)
    print(
        f"{LISTENERS} listeners: {server.threads() - threads} more threads, "
        f"{server.resident_mb() - memory:.1f} MB more"
    )
    assert server.threads() <= threads
    assert server.resident_mb() - memory < 60
    assert requests.get(f"{server.url}/api/session_models/{session_id}", timeout=2).json()
    held_space.release.set()
    ended = times_of(streams, b"event: complete\ndata: ")
    print(f"seconds from the first to the last: {max(ended) - min(ended):.3f}")
    assert max(ended) - min(ended) < 0.5


def open_streams(url: str) -> List[socket.socket]:
    """Follow a generation with as little code as possible: 200 HTTP clients take half a second."""
    parts = urlsplit(url)
    streams = []
    for _ in range(LISTENERS):
        streams.append(socket.create_connection((parts.hostname, parts.port), 10))
        head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {EVENTS['Accept']}"
        streams[-1].sendall(head.encode() + b"\r\n\r\n")
    times_of(streams, b"event: accepted\ndata: ")
    return streams


def times_of(streams: List[socket.socket], event: bytes) -> List[float]:
    """Read all streams until each has had the event. Return when that was."""
    times = []
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ, bytearray())
        while selector.get_map():
            ready = selector.select(20)
            assert ready, f"{len(times)} of {len(streams)}"
            for key, _ in ready:
                read = key.fileobj.recv(1 << 16)
                assert read, key.data
                key.data.extend(read)
                if event in key.data:
                    times.append(time.monotonic())
                    selector.unregister(key.fileobj)
    return times


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
