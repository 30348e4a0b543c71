"""A generation is cancelled in each of its states. Its place is free at once."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, List

import gradio as gr
import pytest

from dreamlab.storage.generations import End, Generations
from support.api import MakeClient, assert_error, files_below, new_session, wait_until
from support.generations import Api
from support.spaces import answer, space, timed_space


def test_a_running_generation_is_cancelled_for_all_who_wait(api: Api) -> None:
    with ThreadPoolExecutor(2) as pool:
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
        answered = waiting.result(timeout=2)
    assert_error(answered, 409, "generation_cancelled")
    assert answered.json["filename"] == "chair.png"
    assert answered.json["generation_id"] == generation_id
    name, data = list(events)[-1]
    assert (name, data["status"], data["code"]) == ("error", 409, "generation_cancelled")
    state = api.get(generation_id)
    assert (state["status"], state["error"]["code"]) == ("cancelled", "generation_cancelled")
    assert state["result"] is None and state["ended"] is not None
    # The job ends later, and its model is not saved.
    api.space.release.set()
    assert api.post().json["model"] == "chair-2.glb"
    assert api.models() == ["chair-2.glb"]


def test_one_that_waits_is_cancelled_and_never_runs(api: Api) -> None:
    first = api.start()
    api.wait_for(first, "running")
    second, third = api.start(), api.start()
    assert wait_until(lambda: api.get(third)["position"] == 2)
    assert api.delete(second).status_code == 202
    assert wait_until(lambda: api.get(third)["position"] == 1)
    api.space.release.set()
    assert api.wait_for(third, "succeeded")["result"]["model"] == "chair-3.glb"
    assert api.get(second)["status"] == "cancelled"
    assert api.models() == ["chair.glb", "chair-3.glb"]


def test_of_one_that_has_ended_only_the_record_is_deleted(api: Api) -> None:
    api.space.release.set()
    generation_id = api.post().json["generation_id"]
    assert api.delete(generation_id).status_code == 204
    assert api.all() == []
    assert_error(api.delete(generation_id), 404, "generation_not_found")
    assert api.models() == ["chair.glb"]
    cancelled = api.start()
    for status in (202, 204, 404):
        assert api.delete(cancelled).status_code in (status, 204)


@pytest.mark.skipif(gr.__version__.startswith("4."), reason="Gradio 4 lets a running job end")
def test_the_space_is_told(make_client: MakeClient) -> None:
    """A generator function is stopped by Gradio at its next step."""
    steps: List[float] = []

    def shape(image=None, progress=gr.Progress()):  # type: ignore[no-untyped-def]  # noqa: B008
        for step in range(100):
            steps.append(time.monotonic())
            progress(step / 100, desc="shape")
            time.sleep(0.1)
            yield answer()

    with space(shape) as url:
        client = make_client(url)
        api = Api(client.application, new_session(client))
        generation_id = api.start()
        api.wait_for(generation_id, "running")
        assert api.delete(generation_id).status_code == 202
        time.sleep(1.5)
        count = len(steps)
        time.sleep(0.5)
        assert len(steps) == count < 40


def test_deleting_the_session_ends_its_generations(api: Api) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post)
        assert wait_until(lambda: bool(api.all()))
        assert api.app.test_client().delete(f"/api/sessions/{api.session_id}").status_code == 204
        assert_error(waiting.result(timeout=2), 404, "session_not_found")
    assert api.generating() == 0


@pytest.fixture
def quick_api(make_client: MakeClient) -> Iterator[Api]:
    with timed_space(0.05) as url:
        client = make_client(url, generator_concurrency=8, max_generations=8)
        yield Api(client.application, new_session(client))


def test_a_record_that_is_deleted_as_it_ends_takes_no_model_with_it(
    quick_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_end = Generations.keep_end

    def keep_and_delete(self: Generations, generation_id: str, end: End) -> End:
        counts = keep_end(self, generation_id, end)
        self.delete(generation_id)
        return counts

    monkeypatch.setattr(Generations, "keep_end", keep_and_delete)
    answered = quick_api.post()
    assert answered.status_code == 200
    assert quick_api.models() == [answered.json["model"]]
    assert_error(quick_api.delete(answered.json["generation_id"]), 404, "generation_not_found")
    folder = quick_api.app.extensions["dreamlab"].settings.sessions_dir / quick_api.session_id
    assert wait_until(lambda: not [path for path in folder.rglob(".*") if _is_orphan(path.name)])


def test_of_the_end_and_a_cancellation_exactly_one_counts(quick_api: Api) -> None:
    """One hundred races: all who wait hear the same, and nothing is left over."""
    api, dice = quick_api, random.Random(19)
    outcomes: List[str] = []
    # The pause before the cancellation comes to be that in which half of the generations end.
    pause = [0.3]

    def race(_: int) -> None:
        generation_id = api.start()
        follower = pool.submit(lambda: list(api.events(generation_id))[-1])
        time.sleep(pause[0] * dice.uniform(0.8, 1.2))
        deleted = api.delete(generation_id).status_code
        name, data = follower.result(timeout=20)
        pause[0] *= 1.1 if name == "error" else 0.9
        if deleted == 202:
            assert (name, data["code"]) == ("error", "generation_cancelled")
            assert api.get(generation_id)["status"] == "cancelled"
            assert generation_id not in models_generations(api)
        else:
            assert (deleted, name) == (204, "complete"), data
            assert data["model"] in api.models()
        outcomes.append(name)

    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(2) as racers:
        list(racers.map(race, range(100)))
    print("models:", outcomes.count("complete"), "cancelled:", outcomes.count("error"))
    assert outcomes.count("complete") >= 20 <= outcomes.count("error")
    assert wait_until(lambda: api.generating() == 0)
    assert len(api.models()) == outcomes.count("complete")
    folder = api.app.extensions["dreamlab"].settings.sessions_dir / api.session_id
    assert wait_until(lambda: not [path for path in folder.rglob(".*") if _is_orphan(path.name)])
    assert len(files_below(folder)) >= 100


def models_generations(api: Api) -> List[str]:
    answer = api.app.test_client().get(f"/api/sessions/{api.session_id}/models")
    return [model["generation_id"] for model in answer.json["models"]]


def _is_orphan(name: str) -> bool:
    return name.startswith((".tmp-", ".gen-", ".reserved-"))
