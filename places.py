"""Who may wait for a model, over all front ends: places kept in Redis, held on a lease.

A front end that dies gives its places back when their lease ends. Redis's own clock counts, so the
hosts' clocks may differ.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

from redis import Redis

from errors import ALL_PLACES_TAKEN, SESSION_S_PLACES_TAKEN, GeneratorBusy

LEASE_S = 60
ALL = "dreamlab:generations"
_NOW = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
"""
_HOLD = """
for index = 1, 2 do
    redis.call('ZADD', KEYS[index], now + ARGV[2], ARGV[1])
    redis.call('EXPIRE', KEYS[index], 2 * ARGV[2])
end
"""
_TAKE = f"""{_NOW}
for index = 1, 2 do
    redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now)
    if redis.call('ZCARD', KEYS[index]) >= tonumber(ARGV[2 + index]) then return index end
end
{_HOLD}
return 0
"""
_RENEW = f"""{_NOW}
{_HOLD}
if ARGV[3] == '0' then
    redis.call('ZREM', KEYS[3], ARGV[1])
    return 0
end
redis.call('ZADD', KEYS[3], 'NX', now, ARGV[1])
local first = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
while first and not redis.call('ZSCORE', KEYS[1], first) do
    redis.call('ZREM', KEYS[3], first)
    first = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
end
return redis.call('ZRANK', KEYS[3], ARGV[1]) + 1
"""


class Places:
    """At most `limit` generations in all, and `per_session` of one session.

    Methods raise redis.RedisError when Redis is away.
    """

    def __init__(self, redis: Redis, limit: int, per_session: Optional[int]) -> None:
        self._redis = redis
        self._limits = limit, per_session or limit
        self._take_script: Any = redis.register_script(_TAKE)
        self._renew_script: Any = redis.register_script(_RENEW)

    def take(self, generation_id: str, session_id: str) -> None:
        """Take a place. Raises GeneratorBusy, at once, when there is none."""
        refused_by = self._take_script(
            keys=[ALL, _of_session(session_id)], args=[generation_id, LEASE_S, *self._limits]
        )
        if refused_by == 1:
            raise GeneratorBusy(ALL_PLACES_TAKEN)
        if refused_by == 2:
            raise GeneratorBusy(SESSION_S_PLACES_TAKEN)

    def renew(self, generation_id: str, session_id: str, queue: str, waits: bool) -> int:
        """Hold a place for longer. Answers its position in `queue` (1: next), 0 once it is made."""
        return int(
            self._renew_script(
                keys=[ALL, _of_session(session_id), _waiting_in(queue)],
                args=[generation_id, LEASE_S, int(waits)],
            )
        )

    def give_back(self, generation_id: str, session_id: str, queues: Sequence[str]) -> None:
        """Leave it to others."""
        for key in (ALL, _of_session(session_id), *map(_waiting_in, queues)):
            self._redis.zrem(key, generation_id)


def _of_session(session_id: str) -> str:
    return f"{ALL}:of:{session_id}"


def _waiting_in(queue: str) -> str:
    return f"{ALL}:waiting:{queue}"
