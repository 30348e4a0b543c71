"""Many that follow one generation, and a stream that a proxy cuts."""

from __future__ import annotations

import selectors
import socket
import time
from typing import List, Optional
from urllib.parse import urlsplit

import pytest
import requests

from dreamlab.routes.current import LISTENERS
from support.api import image_bytes, wait_until
from support.http_api import read_events
from support.processes import StartServer
from support.proxy import Proxy
from support.spaces import HeldSpace

EVENTS = {"Accept": "text/event-stream"}


def test_all_listeners_hear_the_end_at_once_and_more_are_refused(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="1")
    session_id = server.session()
    url = server.url + str(server.post_async(session_id, image_bytes()).headers["Location"])
    assert held_space.started.wait(10)
    threads, memory = server.threads(), server.resident_mb()
    streams: List[socket.socket] = []

    def take_all_places() -> bool:
        stream = follow(url)
        while stream is not None:
            streams.append(stream)
            stream = follow(url)
        return len(streams) == LISTENERS + 1

    assert take_all_places()
    # Those of a few other things come and go.
    assert server.threads() < threads + 10
    assert server.resident_mb() - memory < 60
    listing = f"{server.url}/api/session_models/{session_id}"
    for other in (url, listing):
        assert requests.get(other, timeout=2).status_code == 200
    for stream in streams:
        stream.close()
    streams.clear()
    # waitress notices a closed connection when it sends a comment.
    assert wait_until(take_all_places)
    held_space.release.set()
    ended = times_of_ends(streams)
    print(f"seconds from the first to the last: {max(ended) - min(ended):.3f}")
    assert max(ended) - min(ended) < 1


def follow(url: str) -> Optional[socket.socket]:
    """Follow a generation, or return None where there is no place.

    It takes as little code as possible: hundreds of HTTP clients would be slow themselves.
    """
    parts = urlsplit(url)
    stream = socket.create_connection((parts.hostname, parts.port), 10)
    head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {EVENTS['Accept']}"
    stream.sendall(head.encode() + b"\r\n\r\n")
    answered = b""
    while b"event: accepted\ndata: " not in answered:
        answered += stream.recv(1 << 16)
        if answered.startswith(b"HTTP/1.1 503 "):
            stream.close()
            return None
    return stream


def times_of_ends(streams: List[socket.socket]) -> List[float]:
    """Read all streams until each has had its last event. Return when that was."""
    times = []
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ, bytearray())
        while selector.get_map():
            ready = selector.select(20)
            assert ready, f"{len(times)} of {len(streams)}"
            for key, _ in ready:
                read = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                assert read, key.data
                key.data.extend(read)
                if b"event: complete\ndata: " in key.data:
                    times.append(time.monotonic())
                    selector.unregister(key.fileobj)
    return times


def test_a_stream_that_a_proxy_cuts_is_picked_up_again(
    start_server: StartServer, held_space: HeldSpace
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url)
    session_id = server.session()
    generations = f"{server.url}/api/sessions/{session_id}/generations"
    form, generation = server.upload_url(session_id), ""
    # A client that has lost the id sends its form again, with the key.
    for how in ("POST", "GET", "POST", "GET"):
        proxy = Proxy(int(server.url.rpartition(":")[2]))
        url = form if how == "POST" else generation
        answer = requests.request(
            how,
            url.replace(server.url, proxy.url),
            files={"image": ("chair.png", image_bytes())} if how == "POST" else None,
            headers={**EVENTS, "Idempotency-Key": "a chair"},
            stream=True,
            timeout=30,
        )
        events = read_events(answer)
        name, data = next(events)
        assert name == "accepted"
        generation = f"{generations}/{data['generation_id']}"
        proxy.cut()
        with pytest.raises(requests.RequestException):
            list(events)
    held_space.release.set()
    *_, last = read_events(requests.get(generation, headers=EVENTS, stream=True, timeout=30))
    assert (last[0], last[1]["model"]) == ("complete", "chair.glb")
    assert server.models(session_id) == ["chair.glb"]
    assert len(requests.get(generations, timeout=10).json()["generations"]) == 1
