"""A generation has a URL, where it is shown and followed by any number of clients."""

from __future__ import annotations

import io
import uuid

import pytest
from PIL import Image

from dreamlab.errors import GenerationFailed
from support.api import assert_error, files_below, image_bytes, new_session
from support.generations import ASYNC, EVENTS, Api


def test_a_generation_is_shown_from_its_acceptance_to_its_end(api: Api) -> None:
    accepted = api.post(**ASYNC)
    assert accepted.status_code == 202
    assert accepted.headers["Preference-Applied"] == "respond-async"
    generation_id = accepted.json["generation_id"]
    assert accepted.headers["Location"] == api.path(generation_id)
    assert accepted.json["status"] in ("queued", "running")
    running = api.wait_for(generation_id, "running")
    assert running["started"] >= running["created"]
    assert {**running, "fraction": 0.4, "stage": "shape"} == {
        "generation_id": generation_id,
        "status": "running",
        "filename": "chair.png",
        "created": running["created"],
        "started": running["started"],
        "ended": None,
        "position": None,
        "eta_s": None,
        "fraction": 0.4,
        "stage": "shape",
        "result": None,
        "error": None,
    }
    api.space.release.set()
    ended = api.wait_for(generation_id, "succeeded")
    assert ended["ended"] >= ended["started"] >= ended["created"]
    assert (ended["result"]["model"], ended["result"]["generation_id"]) == (
        "chair.glb",
        generation_id,
    )
    assert ended["error"] is None and ended["position"] is None
    # It is what the same request without the header answers.
    again = api.post()
    assert again.status_code == 200
    assert set(again.json) == set(ended["result"])


def test_the_preference_is_read_as_rfc_7240_says(api: Api) -> None:
    assert api.post(Prefer="wait=5, Respond-Async;x=1").status_code == 202
    api.space.release.set()
    for other in ("respond-sync", 'x="respond-async"', ""):
        assert api.post(Prefer=other).status_code == 200


def test_the_list_has_those_that_run_and_those_that_ended_newest_first(api: Api) -> None:
    first = api.start()
    api.wait_for(first, "running")
    second = api.start()
    assert [each["generation_id"] for each in api.all()] == [second, first]
    api.space.release.set()
    for generation_id in (first, second):
        api.wait_for(generation_id, "succeeded")
    assert [each["status"] for each in api.all()] == ["succeeded", "succeeded"]
    other = Api(api.app, new_session(api.app.test_client()))
    assert other.all() == []


def test_a_stream_joins_at_the_present_state(api: Api) -> None:
    generation_id = api.start()
    api.wait_for(generation_id, "running")
    followers = [api.events(generation_id) for _ in range(3)]
    for events in followers:
        assert next(events) == ("accepted", {"generation_id": generation_id})
        name, data = next(events)
        assert (name, set(data)) == ("progress", {"fraction", "stage"})
    # One goes away.
    followers.pop()
    api.space.release.set()
    ends = [list(events)[-1] for events in followers]
    assert {name for name, _ in ends} == {"complete"}
    assert ends[0] == ends[1]
    assert ends[0][1]["model"] == "chair.glb"
    # Who comes later hears the end at once.
    assert list(api.events(generation_id))[1:] == [ends[0]]


def test_a_failure_is_shown_with_its_error(api: Api) -> None:
    api.space.error = GenerationFailed("no legs")
    generation_id = api.start()
    events = api.events(generation_id)
    api.space.release.set()
    failed = api.wait_for(generation_id, "failed")
    assert (failed["error"]["status"], failed["error"]["code"]) == (502, "generation_failed")
    assert "no legs" in failed["error"]["error"] and failed["result"] is None
    name, data = list(events)[-1]
    assert (name, data["code"]) == ("error", "generation_failed")


@pytest.mark.parametrize("generation_id", (str(uuid.uuid4()), "..", ".tmp-1", "a" * 300))
@pytest.mark.parametrize("method", ("get", "delete"))
def test_an_unknown_generation_is_not_found(api: Api, generation_id: str, method: str) -> None:
    answer = getattr(api.app.test_client(), method)(api.path(generation_id))
    assert answer.status_code == 404
    assert answer.json["code"] in ("generation_not_found", "not_found")
    if method == "get" and generation_id != "..":
        client = api.app.test_client()
        assert client.get(api.path(generation_id), headers=EVENTS).status_code == 404


def test_a_generation_belongs_to_its_session(api: Api) -> None:
    generation_id = api.start()
    other = Api(api.app, new_session(api.app.test_client()))
    for method in ("get", "delete"):
        answer = getattr(api.app.test_client(), method)(other.path(generation_id))
        assert_error(answer, 404, "generation_not_found")
    assert api.get(generation_id)["status"] in ("queued", "running")


def test_a_refused_request_starts_no_generation(api: Api) -> None:
    assert_error(api.post(b"no image", **ASYNC), 415, "unsupported_image")
    assert api.all() == []
    assert files_below(api.folder) == []
    assert not list(api.folder.glob("uploads/.*"))


def test_the_picture_for_the_generator_is_kept_with_the_record(api: Api) -> None:
    generation_id = api.start()
    api.wait_for(generation_id, "running")
    api.space.release.set()
    assert list(api.events(generation_id))[-1][0] == "complete"
    (picture,) = api.folder.glob(f"generations/{generation_id}/front.*")
    assert Image.open(picture).size == Image.open(io.BytesIO(image_bytes())).size
    assert not list(api.folder.glob("uploads/.*"))
    assert (api.folder / "uploads" / "chair.png").read_bytes() == image_bytes()
