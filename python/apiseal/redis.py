"""Replay stores in Redis (7 or newer, or Valkey), for services of more than one process.

    store = RedisReplay("redis://localhost:6379/0")
    verifier = apiseal.Verifier(keyring, replay=store)

Of many parallel claims of one nonce exactly one is answered `first`: a claim is one script, which Redis runs by itself. The
store refuses whatever it cannot vouch for:

- Redis cannot be reached, is read-only, or answers oddly: `unknown`.
- Redis is out of memory, or a principal's quota is used up: `full`. Nothing is forgotten.
- Redis was started again, failed over or was flushed: signatures that were created before are answered `unknown`, since
  nobody knows which of their nonces were lost. This lasts as long as clocks may differ (30 seconds in `apiseal-v1`). State
  `durable=True` if a restart loses nothing (`appendfsync always`, no failover to a replica that lags).
- Redis evicts keys: the store is not made, or answers `unknown` once it notices (within a minute).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, Literal

try:
    import redis.asyncio
    import redis.asyncio.retry
    import redis.backoff
    import redis.exceptions
    import redis.retry
except ImportError as error:
    raise ImportError('apiseal.redis needs the package redis: pip install "apiseal[redis]"') from error

from apiseal import _faults
from apiseal.records import Claim, Outcome

__all__ = ["AsyncRedisReplay", "RedisReplay"]

_logger = logging.getLogger("apiseal")

_RECHECK = 60.0
"""Seconds after which the settings of the server are looked at again."""

_CLAIM = """
local known = redis.call('HMGET', KEYS[1], 'since', 'history')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not known[1] or known[2] ~= history then return 'unready' end
if tonumber(ARGV[2]) <= tonumber(known[1]) + tonumber(ARGV[3]) then return 'early' end
local owner = redis.call('GET', KEYS[2])
if owner then return owner == ARGV[5] and 'first' or 'seen' end
local quota = tonumber(ARGV[6])
if quota > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1])
  if redis.call('ZCARD', KEYS[3]) >= quota then return 'full' end
end
if not redis.call('SET', KEYS[2], ARGV[5], 'NX', 'PX', ARGV[4]) then return 'seen' end
if quota > 0 then
  redis.call('ZADD', KEYS[3], ARGV[7], KEYS[2])
  if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
end
return 'first'
"""
"""KEYS: marker, nonce, share of the principal. ARGV: now, created, skew, time to live in ms, id of this claim, quota, until."""

_SHA = hashlib.sha1(_CLAIM.encode(), usedforsecurity=False).hexdigest()
"""Redis calls a script by its SHA-1."""

_OPEN = """
local server, memory = redis.call('INFO', 'server'), redis.call('INFO', 'memory')
local version = string.match(server, 'redis_version:(%d+)')
local run = string.match(server, 'run_id:(%x+)')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local most, policy = string.match(memory, 'maxmemory:(%d+)'), string.match(memory, 'maxmemory_policy:([%w-]+)')
if not (version and run and history and most and policy) then return 'odd' end
if tonumber(version) < 7 then return 'old' end
if most ~= '0' and policy ~= 'noeviction' then return 'evicts' end
local known = redis.call('HMGET', KEYS[1], 'run', 'history')
if not known[1] or (ARGV[2] ~= 'durable' and (known[1] ~= run or known[2] ~= history)) then
  redis.call('HSET', KEYS[1], 'since', math.max(tonumber(ARGV[1]), tonumber(redis.call('TIME')[1])))
end
redis.call('HSET', KEYS[1], 'run', run, 'history', history)
return 'ready'
"""
"""KEYS: marker. ARGV: now, `durable` or nothing. Of two clocks the later one tells since when the store watches.

It is run whenever the server does not know the script of claims, or has another replication history than the marker says: a
server that was started again has an empty script cache, and one that took over begins a history. So a claim notices both.
"""

_REFUSALS = {
    "odd": "the Redis server does not tell its version, run id, memory limit and eviction policy in INFO",
    "old": "the Redis server is older than 7: its replicas keep scripts, so that a failover would not be noticed",
    "evicts": "the Redis server evicts keys, and so forgets nonces: set `maxmemory-policy noeviction`, or give the store "
    "a server of its own",
}


class _Store:
    """What both stores have in common: what is asked, and what answers mean."""

    def __init__(
        self, *, prefix: str, quota: int | None, margin: int, durable: bool, clock: Callable[[], float]
    ) -> None:
        if quota is not None and quota < 1:
            raise _faults.argument("quota is a number of nonces, from 1")
        if margin < 0:
            raise _faults.argument("margin is a number of seconds, from 0")
        self._prefix = prefix
        self._quota = quota or 0
        self._margin = margin
        self._durable = "durable" if durable else ""
        self._clock = clock
        self._checked = float("-inf")

    def __repr__(self) -> str:
        return f"<apiseal.redis.{type(self).__name__} {self._prefix!r}>"

    @property
    def _marker(self) -> str:
        return self._prefix + "server"

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked > _RECHECK

    def _arguments(self, claim: Claim) -> list[str | int]:
        # Hashed: a nonce of a foreign profile, or the name of a principal, may be of any length.
        nonce = hashlib.sha256(claim.scope + claim.nonce.encode()).hexdigest()
        share = hashlib.sha256(claim.principal.encode()).hexdigest()[:32]
        # `until` is the last second of the message, for a verifier whose clock is late by the skew as well. The margin is
        # for a clock of the server that is set forward.
        seconds = max(claim.until - claim.now, 0) + 1 + claim.skew + self._margin
        return [
            self._marker,
            f"{self._prefix}nonce:{claim.scope.hex()[:16]}:{nonce}",
            f"{self._prefix}share:{share}",
            claim.now,
            claim.created,
            claim.skew,
            seconds * 1000,
            # By this id a claim that the client sends twice, after a lost answer, knows itself.
            secrets.token_hex(16),
            self._quota,
            claim.until,
        ]

    def _opened(self, answer: object) -> None:
        """What the server is, from what `_OPEN` said; raises if it cannot serve."""
        name = _text(answer)
        if name != "ready":
            raise _faults.argument(_REFUSALS.get(name, _REFUSALS["odd"]))
        self._checked = time.monotonic()


def _text(answer: object) -> str:
    if isinstance(answer, bytes):
        return answer.decode("ascii", "replace")
    return answer if isinstance(answer, str) else ""


def _outcome(answer: object) -> Outcome:
    outcomes: dict[str, Outcome] = {"first": "first", "seen": "seen", "full": "full"}
    name = _text(answer)
    if name == "early":
        _logger.warning("a signature is older than the memory of the replay store in Redis; the message is refused")
    elif name not in outcomes:
        _logger.error("the replay store in Redis gave an odd answer; the message is refused")
    return outcomes.get(name, "unknown")


def _failed(error: Exception) -> Literal["full", "unknown"]:
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        _logger.error("Redis is out of memory; the message is refused")
        return "full"
    # The text of such an error may hold what was sent.
    _logger.error("the replay store in Redis cannot answer (%s); the message is refused", type(error).__name__)
    return "unknown"


def _pool_options(timeout: float, connections: int) -> dict[str, Any]:
    """A pool that waits for a connection: under load a claim comes later, rather than not at all."""
    if timeout <= 0 or connections < 1:
        raise _faults.argument("timeout is a number of seconds, over 0, and connections a number, from 1")
    limits: dict[str, Any] = {"timeout": timeout, "max_connections": connections}
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, **limits}


def _demand_timeout(client: Any) -> None:
    # The time-out to connect is this one too, unless it is stated.
    if not client.connection_pool.connection_kwargs.get("socket_timeout"):
        raise _faults.argument("the Redis client has no `socket_timeout`: a claim could wait for ever; give it seconds")


class RedisReplay(_Store):
    """A replay store for `Verifier`. Immutable; threads may share it.

    `server`: a URL, or a `redis.Redis` of yours, which must have time-outs: a claim takes at most their sum, times one more
    than its retries. Not a cluster.
    `timeout`: for a URL, seconds to wait for a free connection, to connect and to answer each; one retry.
    `connections`: how many are kept at most, for a URL.
    `prefix`: what every key begins with. Stores with one prefix share their nonces.
    `quota`: how many nonces one principal may have in the store; a busy or hostile partner then cannot fill it for others.
    `margin`: seconds that nonces are kept beyond what clocks of verifiers need, for steps of the server's clock.
    `durable`: a restart of the server loses nothing.
    `clock`: Unix time, for the moment from which the store watches.

    Raises `ArgumentError` for a server that cannot serve, and what the package redis raises if it is not reached.
    """

    def __init__(
        self,
        server: str | redis.Redis,
        *,
        timeout: float = 0.5,
        connections: int = 32,
        prefix: str = "apiseal:replay:",
        quota: int | None = None,
        margin: int = 60,
        durable: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(prefix=prefix, quota=quota, margin=margin, durable=durable, clock=clock)
        if isinstance(server, str):
            retry = redis.retry.Retry(redis.backoff.NoBackoff(), 1)
            sync_pool = redis.BlockingConnectionPool.from_url(
                server, retry=retry, **_pool_options(timeout, connections)
            )
            server = redis.Redis.from_pool(sync_pool)
        if not isinstance(server, redis.Redis):
            raise TypeError("the server is a URL or a redis.Redis")
        _demand_timeout(server)
        self._client: Any = server
        self._open()

    def claim(self, claim: Claim, /) -> Outcome:
        """Claims a nonce: one round trip."""
        try:
            if self._is_due():
                self._open()
            arguments = self._arguments(claim)
            answer = self._ask(arguments)
            if _text(answer) == "unready":
                self._open()
                answer = self._ask(arguments)
            return _outcome(answer)
        except Exception as error:  # noqa: BLE001 - whatever fails refuses the message
            return _failed(error)

    def _ask(self, arguments: list[str | int]) -> object:
        try:
            return self._client.evalsha(_SHA, 3, *arguments)
        except redis.exceptions.NoScriptError:
            return "unready"

    def _open(self) -> None:
        """Looks at the server, and gives it the script in the same transaction: no restart can come in between."""
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.eval(_OPEN, 1, self._marker, int(self._clock()), self._durable)
            pipeline.execute_command("SCRIPT LOAD", _CLAIM)
            self._opened(pipeline.execute()[0])


class AsyncRedisReplay(_Store):
    """As `RedisReplay`, for `AsyncVerifier`. `server`: a URL, or a `redis.asyncio.Redis` of yours.

    `timeout`: seconds that a claim may take altogether. Nothing is asked before the first claim; call `open` when the
    service starts, to learn then if the server cannot serve, and so that the store watches from then on.
    """

    def __init__(
        self,
        server: str | redis.asyncio.Redis,
        *,
        timeout: float = 1.0,
        connections: int = 32,
        prefix: str = "apiseal:replay:",
        quota: int | None = None,
        margin: int = 60,
        durable: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(prefix=prefix, quota=quota, margin=margin, durable=durable, clock=clock)
        if timeout <= 0:
            raise _faults.argument("timeout is a number of seconds, over 0")
        if isinstance(server, str):
            retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 1)
            options = _pool_options(timeout, connections)
            pool = redis.asyncio.BlockingConnectionPool.from_url(server, retry=retry, **options)
            server = redis.asyncio.Redis.from_pool(pool)
        if not isinstance(server, redis.asyncio.Redis):
            raise TypeError("the server is a URL or a redis.asyncio.Redis")
        self._client: Any = server
        self._timeout = timeout

    async def open(self) -> None:
        """Looks at the server. Raises `ArgumentError` if it cannot serve, and what the package redis raises."""
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.eval(_OPEN, 1, self._marker, int(self._clock()), self._durable)
            pipeline.execute_command("SCRIPT LOAD", _CLAIM)
            self._opened((await pipeline.execute())[0])

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def claim(self, claim: Claim, /) -> Outcome:
        """Claims a nonce: one round trip."""
        try:
            return _outcome(await asyncio.wait_for(self._answer(claim), self._timeout))
        except Exception as error:  # noqa: BLE001 - whatever fails refuses the message
            return _failed(error)

    async def _answer(self, claim: Claim) -> object:
        if self._is_due():
            await self.open()
        arguments = self._arguments(claim)
        answer = await self._ask(arguments)
        if _text(answer) == "unready":
            await self.open()
            answer = await self._ask(arguments)
        return answer

    async def _ask(self, arguments: list[str | int]) -> object:
        try:
            return await self._client.evalsha(_SHA, 3, *arguments)
        except redis.exceptions.NoScriptError:
            return "unready"
