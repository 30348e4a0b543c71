"""The limits of the generations in flight in one process."""

from __future__ import annotations

from support.api import MakeClient, assert_error, new_session, wait_until
from support.fake_service import FakeService
from support.generations import ASYNC, Api


def test_a_generation_over_the_limit_is_refused_with_retry_after(
    make_client: MakeClient, service: FakeService
) -> None:
    client = make_client(max_generations=2)
    api, other = (Api(client.application, new_session(client)) for _ in range(2))
    service.release.clear()
    started = [api.start(), api.start()]
    assert api.generating() == 2
    busy = other.post(**ASYNC)
    assert_error(busy, 503, "generator_busy", "at the moment")
    assert int(busy.headers["Retry-After"]) > 0
    service.release.set()
    for generation_id in started:
        api.wait_for(generation_id, "succeeded")
    assert wait_until(lambda: api.generating() == 0)


def test_a_session_over_its_limit_is_refused_and_other_sessions_are_not(
    make_client: MakeClient, service: FakeService
) -> None:
    client = make_client(max_generations=4, max_generations_per_session=2)
    api, other = (Api(client.application, new_session(client)) for _ in range(2))
    service.release.clear()
    started = [api.start(), api.start()]
    assert_error(api.post(**ASYNC), 503, "generator_busy", "in this session")
    of_the_other = other.start()
    assert api.generating() == 3
    service.release.set()
    for generation_id in started:
        api.wait_for(generation_id, "succeeded")
    other.wait_for(of_the_other, "succeeded")
    # Its slots are free again.
    assert wait_until(lambda: api.generating() == 0)
    assert api.post().status_code == 200
