"""The limits of the generations in flight in one process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.api import MakeClient, assert_error, image_bytes, new_session, post, wait_until


def test_a_generation_over_the_limit_is_refused_with_retry_after(
    make_client: MakeClient, slow_space: str
) -> None:
    client = make_client(slow_space, max_generations=2)
    session_id = new_session(client)
    app = client.application
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(lambda _: post(app.test_client(), session_id, image_bytes()), range(3))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    (busy,) = (answer for answer in answers if answer.status_code == 503)
    assert_error(busy, 503, "generator_busy")
    assert int(busy.headers["Retry-After"]) > 0
    assert client.get("/api/health").json["generating"] == 0


def test_a_session_over_its_limit_is_refused_and_other_sessions_are_not(
    make_client: MakeClient, held_space: Any
) -> None:
    client = make_client(held_space.url, max_generations=4, max_generations_per_session=2)
    session, other_session = new_session(client), new_session(client)
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(post, client, session, image_bytes()) for _ in range(4)]
        assert wait_until(lambda: sum(future.done() for future in futures) == 2)
        futures.append(pool.submit(post, client, other_session, image_bytes()))
        assert wait_until(lambda: client.get("/api/health").json["generating"] == 3)
        held_space.release.set()
    answers = [future.result() for future in futures]
    assert sorted(answer.status_code for answer in answers[:4]) == [200, 200, 503, 503]
    assert {answer.json.get("code") for answer in answers} == {None, "generator_busy"}
    assert answers[4].status_code == 200
    # Its slots are free again.
    assert post(client, session, image_bytes()).status_code == 200
