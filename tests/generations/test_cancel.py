"""A generation is cancelled in each of its states. Its place is free at once."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import gradio as gr
import pytest

from dreamlab.generation.generations import Generations
from dreamlab.storage.generations import GenerationRecords
from dreamlab.storage.records import End
from support.api import MakeClient, assert_error, new_session, wait_until
from support.generations import Api
from support.spaces import HeldSpace, answer, space

RACES = 50


def test_a_running_generation_is_cancelled_for_all_who_wait(api: Api) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post)
        assert wait_until(lambda: bool(api.all()))
        (shown,) = api.all()
        generation_id = shown["generation_id"]
        api.wait_for(generation_id, "running")
        events = api.events(generation_id)
        next(events)
        cancelled = api.delete(generation_id)
        assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
        assert api.generating() == 0
        answered = waiting.result(timeout=20)
    assert_error(answered, 409, "generation_cancelled")
    assert answered.json["filename"] == "chair.png"
    assert answered.json["generation_id"] == generation_id
    name, data = list(events)[-1]
    assert (name, data["status"], data["code"]) == ("error", 409, "generation_cancelled")
    state = api.get(generation_id)
    assert (state["status"], state["error"]["code"]) == ("cancelled", "generation_cancelled")
    assert state["result"] is None and state["ended"] is not None
    api.space.release.set()
    assert api.post().json["model"] == "chair-2.glb"
    assert api.models() == ["chair-2.glb"]


def test_one_that_waits_is_cancelled_and_never_runs(
    make_client: MakeClient, held_space: HeldSpace
) -> None:
    """Only a Gradio server has a queue with places in it."""
    client = make_client(held_space.url)
    api = Api(client.application, new_session(client), held_space)
    first = api.start()
    api.wait_for(first, "running")
    second = api.start()
    # Each one asks the server first whether it is there: only then it has its position.
    assert wait_until(lambda: api.get(second)["position"] == 1)
    third = api.start()
    assert wait_until(lambda: api.get(third)["position"] == 2)
    assert api.delete(second).status_code == 202
    assert wait_until(lambda: api.get(third)["position"] == 1)
    held_space.release.set()
    ends = [list(api.events(each))[-1] for each in (first, third)]
    assert [data["model"] for _, data in ends] == ["chair.glb", "chair-3.glb"]
    assert api.get(second)["status"] == "cancelled"
    assert api.models() == ["chair.glb", "chair-3.glb"]


def test_of_one_that_has_ended_only_the_record_is_deleted(api: Api) -> None:
    api.space.release.set()
    generation_id = api.post().json["generation_id"]
    assert api.delete(generation_id).status_code == 204
    assert api.all() == []
    assert_error(api.delete(generation_id), 404, "generation_not_found")
    assert api.models() == ["chair.glb"]
    api.space.release.clear()
    cancelled = api.start()
    assert [api.delete(cancelled).status_code for _ in range(3)] == [202, 204, 404]


@pytest.mark.skipif(gr.__version__.startswith("4."), reason="Gradio 4 lets a running job end")
def test_the_space_is_told(make_client: MakeClient) -> None:
    """A generator function is stopped by Gradio at its next step."""
    steps: List[float] = []

    def shape(image=None, progress=gr.Progress()):  # type: ignore[no-untyped-def]  # noqa: B008
        for step in range(400):
            steps.append(time.monotonic())
            progress(step / 400, desc="shape")
            time.sleep(0.05)
            yield answer()

    with space(shape) as url:
        client = make_client(url)
        api = Api(client.application, new_session(client))
        generation_id = api.start()
        api.wait_for(generation_id, "running")
        assert api.delete(generation_id).status_code == 202
        assert wait_until(lambda: time.monotonic() - steps[-1] > 0.5, 10)
        assert len(steps) < 400


def test_deleting_the_session_ends_its_generations(api: Api) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post)
        assert wait_until(lambda: bool(api.all()))
        (shown,) = api.all()
        client = api.app.test_client()
        assert client.delete(f"/api/sessions/{api.session_id}").status_code == 204
        assert_error(waiting.result(timeout=20), 404, "session_not_found")
    assert api.generating() == 0
    assert_error(client.get(api.path(shown["generation_id"])), 404, "session_not_found")


def test_a_record_that_is_deleted_as_it_ends_takes_no_model_with_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_end = GenerationRecords.keep_end

    def keep_and_delete(self: GenerationRecords, generation_id: str, end: End) -> End:
        counts = keep_end(self, generation_id, end)
        # Without a record the request would not find it.
        assert waits.wait(20)
        self.delete(generation_id)
        return counts

    find, waits = Generations.find, threading.Event()

    def find_and_tell(self: Generations, *names: Any) -> Any:
        running = find(self, *names)
        waits.set()
        return running

    monkeypatch.setattr(Generations, "find", find_and_tell)
    monkeypatch.setattr(GenerationRecords, "keep_end", keep_and_delete)
    api.space.release.set()
    answered = api.post()
    assert answered.status_code == 200
    assert api.models() == [answered.json["model"]]
    assert_error(api.delete(answered.json["generation_id"]), 404, "generation_not_found")
    assert wait_until(lambda: orphans(api.folder) == [])


def test_of_the_end_and_a_cancellation_exactly_one_counts(api: Api) -> None:
    """All who wait hear the same, and nothing is left over."""
    dice = random.Random(19)
    outcomes: List[str] = []
    # So many seconds the cancellation comes after the release, or before it where it is negative.
    # It comes to be that in which half of the generations end.
    lead = 0.0
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            api.space.release.clear()
            api.space.started.clear()
            generation_id = api.start()
            events = api.events(generation_id)
            next(events)
            assert api.space.started.wait(20)
            follower = pool.submit(list, events)
            release = pool.submit(release_later, api, -lead)
            time.sleep(max(0.0, lead))
            deleted = api.delete(generation_id).status_code
            name, data = follower.result(timeout=20)[-1]
            release.result()
            lead += dice.uniform(0.001, 0.003) * (1 if name == "error" else -1)
            if deleted == 202:
                assert (name, data["code"]) == ("error", "generation_cancelled")
                assert api.get(generation_id)["status"] == "cancelled"
                assert generation_id not in generations_of_models(api)
            else:
                assert (deleted, name) == (204, "complete"), data
                assert data["model"] in api.models()
            outcomes.append(name)
    assert outcomes.count("complete") >= RACES / 5 <= outcomes.count("error")
    assert wait_until(lambda: api.generating() == 0)
    assert len(api.models()) == outcomes.count("complete")
    assert wait_until(lambda: orphans(api.folder) == [])
    assert len(list(api.folder.glob("uploads/*"))) == RACES


def release_later(api: Api, seconds: float) -> None:
    time.sleep(max(0.0, seconds))
    api.space.release.set()


def generations_of_models(api: Api) -> List[str]:
    answer = api.app.test_client().get(f"/api/sessions/{api.session_id}/models")
    return [model["generation_id"] for model in answer.json["models"]]


def orphans(folder: Path) -> List[Path]:
    """Return the files and folders that only generations which have not ended need."""
    prefixes = (".tmp-", ".reserved-")
    return [path for path in folder.rglob(".*") if path.name.startswith(prefixes)]
