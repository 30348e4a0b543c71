"""A repeat with the same Idempotency-Key joins the generation of the first request."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from dreamlab.errors import GenerationFailed
from support.api import assert_error, image_bytes, list_uploads, new_session
from support.generations import Api

KEY = "chair 1"


def test_a_repeat_gets_the_end_again_and_nothing_is_made_twice(api: Api) -> None:
    api.space.release.set()
    first = api.post(Idempotency_Key=KEY)
    again = api.post(Idempotency_Key=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert api.models() == ["chair.glb"]
    assert list_uploads(api.app.test_client(), api.session_id) == ["chair.png"]
    assert api.start(Idempotency_Key=KEY) == first.json["generation_id"]
    stream = api.post(Idempotency_Key=KEY, Accept="text/event-stream").text
    assert "event: complete" in stream
    assert api.post(Idempotency_Key="another").json["model"] == "chair-2.glb"


def test_a_repeat_joins_one_that_runs(api: Api) -> None:
    generation_id = api.start(Idempotency_Key=KEY)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post, Idempotency_Key=KEY)
        api.wait_for(generation_id, "running")
        api.space.release.set()
        assert waiting.result().json["generation_id"] == generation_id


def test_a_repeat_needs_no_free_place(api_with_one_place: Api) -> None:
    api = api_with_one_place
    generation_id = api.start(Idempotency_Key=KEY)
    assert_error(api.post(), 503, "generator_busy")
    assert api.start(Idempotency_Key=KEY) == generation_id


def test_many_at_the_same_moment_start_one_generation(api_with_one_place: Api) -> None:
    """There is one place, which none of them takes from the first."""
    api = api_with_one_place
    api.space.release.set()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: api.post(Idempotency_Key=KEY), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json == answers[0].json for answer in answers)
    assert (len(api.all()), api.models()) == (1, ["chair.glb"])
    assert list_uploads(api.app.test_client(), api.session_id) == ["chair.png"]
    assert api.generating() == 0


def test_another_form_with_the_same_key_is_a_conflict(api: Api) -> None:
    api.space.release.set()
    assert api.post(Idempotency_Key=KEY).status_code == 200
    other_photo = api.post(image_bytes((60, 60)), Idempotency_Key=KEY)
    assert_error(other_photo, 422, "idempotency_conflict")
    other_option = api.app.test_client().post(
        f"/api/process_furniture_image/{api.session_id}",
        data={"image": (io.BytesIO(image_bytes()), "chair.png"), "seed": "5"},
        headers={"Idempotency-Key": KEY},
    )
    assert_error(other_option, 422, "idempotency_conflict")
    assert len(api.models()) == 1


def test_a_key_belongs_to_its_session(api: Api) -> None:
    api.space.release.set()
    first = api.post(Idempotency_Key=KEY).json
    other = Api(api.app, new_session(api.app.test_client()))
    assert other.post(Idempotency_Key=KEY).json["generation_id"] != first["generation_id"]


def test_a_failure_is_an_end_too(api: Api) -> None:
    api.space.release.set()
    api.space.error = GenerationFailed("no legs")
    first = api.post(Idempotency_Key=KEY)
    assert_error(first, 502, "generation_failed", "no legs")
    api.space.error = None
    again = api.post(Idempotency_Key=KEY)
    assert (again.status_code, again.json) == (502, first.json)
    assert len(api.all()) == 1 and api.models() == []


def test_a_refused_request_does_not_use_up_its_key(api: Api) -> None:
    assert_error(api.post(b"no image", Idempotency_Key=KEY), 415, "unsupported_image")
    api.space.release.set()
    assert api.post(Idempotency_Key=KEY).status_code == 200


def test_with_the_record_the_key_is_deleted(api: Api) -> None:
    api.space.release.set()
    first = api.post(Idempotency_Key=KEY).json
    assert api.delete(first["generation_id"]).status_code == 204
    assert api.post(Idempotency_Key=KEY).json["model"] == "chair-2.glb"


@pytest.mark.parametrize("key", ("", "x" * 256, "chair\x7f", "stühl"))
def test_a_bad_key_is_refused(api: Api, key: str) -> None:
    assert_error(api.post(Idempotency_Key=key), 422, "invalid_option", "Idempotency-Key")
    assert api.all() == []
