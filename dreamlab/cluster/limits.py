"""The limits of the generations in flight over all front ends: leases in Redis.

The leases of a front end that dies end by themselves. Redis's own clock counts, so the clocks of
the hosts may differ.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

from redis import Redis

from dreamlab.errors import GeneratorBusy
from dreamlab.generation.generator import LIMIT_REACHED, SESSION_LIMIT_REACHED

LEASE_S = 60
# A sorted set: generation ids by the end of their lease.
LEASES = "dreamlab:generations"
_NOW = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
"""
_EXTEND = """
for index = 1, 2 do
    redis.call('ZADD', KEYS[index], now + ARGV[2], ARGV[1])
    redis.call('EXPIRE', KEYS[index], 2 * ARGV[2])
end
"""
_ACQUIRE = f"""{_NOW}
for index = 1, 2 do
    redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now)
    if redis.call('ZCARD', KEYS[index]) >= tonumber(ARGV[2 + index]) then return index end
end
{_EXTEND}
return 0
"""
_RENEW = f"""{_NOW}
{_EXTEND}
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


class SharedLimits:
    """At most `limit` generations over all front ends, and `per_session` of one session.

    Methods raise redis.RedisError when Redis cannot be reached.
    """

    def __init__(self, redis: Redis, limit: int, per_session: Optional[int]) -> None:
        self._redis = redis
        self._limits = limit, per_session or limit
        self._acquire_script: Any = redis.register_script(_ACQUIRE)
        self._renew_script: Any = redis.register_script(_RENEW)

    def acquire(self, generation_id: str, session_id: str) -> None:
        """Acquire a lease. Raises GeneratorBusy at once when a limit is reached."""
        reached = self._acquire_script(
            keys=[LEASES, _of_session(session_id)], args=[generation_id, LEASE_S, *self._limits]
        )
        if reached == 1:
            raise GeneratorBusy(LIMIT_REACHED)
        if reached == 2:
            raise GeneratorBusy(SESSION_LIMIT_REACHED)

    def is_leased(self, generation_id: str) -> bool:
        """Return whether somebody has a lease that has not expired."""
        expires = self._redis.zscore(LEASES, generation_id)
        seconds, _ = self._redis.time()
        return expires is not None and expires > seconds

    def renew(self, generation_id: str, session_id: str, queue: str, is_waiting: bool) -> int:
        """Renew a lease. Return the position in `queue` (1: next), 0 if it does not wait."""
        return int(
            self._renew_script(
                keys=[LEASES, _of_session(session_id), _waiting_in(queue)],
                args=[generation_id, LEASE_S, int(is_waiting)],
            )
        )

    def release(self, generation_id: str, session_id: str, queues: Sequence[str]) -> None:
        """End a lease."""
        for key in (LEASES, _of_session(session_id), *map(_waiting_in, queues)):
            self._redis.zrem(key, generation_id)


def _of_session(session_id: str) -> str:
    return f"{LEASES}:of:{session_id}"


def _waiting_in(queue: str) -> str:
    return f"{LEASES}:waiting:{queue}"
