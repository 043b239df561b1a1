"""The replay store against a real redis-server."""

from __future__ import annotations

import asyncio
import multiprocessing
import pathlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import apiseal
import pytest
import redis
import redis.asyncio
from apiseal.redis import AsyncRedisReplay, RedisReplay
from servers import RedisServer, demand_servers, free_port, open_folder  # noqa: F401

demand_servers()

NOW = 4_000_000_000
"""Later than the clock of any server, which is asked as well."""


def claim(
    nonce: str, now: int = NOW, *, principal: str = "acme", scope: bytes = bytes(32), max_age: int = 300
) -> apiseal.Claim:
    return apiseal.Claim(scope, nonce, principal, created=now, skew=30, until=now + max_age + 30, now=now)


def started_long_ago() -> float:
    return NOW - 1000


@pytest.fixture
def server(open_folder: pathlib.Path) -> Iterator[RedisServer]:  # noqa: F811
    server = RedisServer(open_folder, "--save", "")
    yield server
    server.process.stop()


def test_a_nonce_is_first_once(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago)
    assert store.claim(claim("a")) == "first"
    assert store.claim(claim("a")) == "seen"
    assert store.claim(claim("b")) == "first"


def test_lesson_s13_nonces_of_different_keys_are_apart(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago)
    assert store.claim(claim("a", scope=bytes(32))) == "first"
    assert store.claim(claim("a", scope=b"\1" * 32)) == "first"
    assert store.claim(claim("a", scope=b"\1" * 32)) == "seen"


def test_stores_of_one_prefix_share_their_nonces(server: RedisServer) -> None:
    one, same = (RedisReplay(server.url, clock=started_long_ago) for _ in range(2))
    other = RedisReplay(server.url, clock=started_long_ago, prefix="other:")
    assert [store.claim(claim("a")) for store in (one, same, other)] == ["first", "seen", "first"]


def _try_in_threads(url: str, start: float, tries: int, outcomes: multiprocessing.Queue[list[str]]) -> None:
    store, found, lock = RedisReplay(url, clock=started_long_ago, timeout=20), [], threading.Lock()

    def work() -> None:
        for _ in range(tries // 20):
            outcome = store.claim(claim("the one"))
            with lock:
                found.append(outcome)

    threads = [threading.Thread(target=work) for _ in range(20)]
    time.sleep(max(0.0, start - time.time()))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes.put(found)


def test_case_46_of_1000_parallel_claims_over_two_processes_one_is_first(server: RedisServer) -> None:
    RedisReplay(server.url, clock=started_long_ago)
    context = multiprocessing.get_context("spawn")
    outcomes = context.Queue()
    start = time.time() + 3
    processes = [context.Process(target=_try_in_threads, args=(server.url, start, 500, outcomes)) for _ in range(2)]
    for process in processes:
        process.start()
    found: Counter[str] = Counter()
    for _ in processes:
        found.update(outcomes.get(timeout=120))
    for process in processes:
        process.join()
    assert found == {"first": 1, "seen": 999}


def test_of_1000_awaited_claims_one_is_first(server: RedisServer) -> None:
    async def run() -> Counter[str]:
        store = AsyncRedisReplay(server.url, clock=started_long_ago, timeout=30)
        await store.open()
        found = Counter(await asyncio.gather(*(store.claim(claim("the one")) for _ in range(1000))))
        await store.aclose()
        return found

    assert asyncio.run(run()) == {"first": 1, "seen": 999}


def test_a_nonce_is_kept_until_its_message_is_over_and_not_for_ever(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago, margin=0)
    assert store.claim(claim("long")) == "first"
    keys = redis.Redis.from_url(server.url)
    (name,) = keys.keys("apiseal:replay:nonce:*")
    # The last second of the message, for a verifier whose clock is 30 seconds late.
    assert 360_000 < keys.pttl(name) <= 361_000

    brief = apiseal.Claim(bytes(32), "brief", "acme", created=NOW, skew=0, until=NOW + 1, now=NOW)
    begun = time.monotonic()
    assert store.claim(brief) == "first"
    while (outcome := store.claim(brief)) == "seen":
        time.sleep(0.02)
    assert outcome == "first"
    assert 2.0 <= time.monotonic() - begun < 10


def test_lesson_s21_a_full_server_refuses_and_forgets_nothing(open_folder: pathlib.Path) -> None:  # noqa: F811
    server = RedisServer(open_folder, "--save", "", "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    try:
        store = RedisReplay(server.url, clock=started_long_ago)
        taken = 0
        while (outcome := store.claim(claim(f"n{taken}"))) == "first":
            taken += 1
            assert taken < 100_000
        assert outcome == "full"
        assert store.claim(claim("n0")) == "seen"
    finally:
        server.process.stop()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random", "volatile-lfu"])
def test_a_server_that_evicts_nonces_is_refused(server: RedisServer, policy: str) -> None:
    settings = redis.Redis.from_url(server.url)
    settings.config_set("maxmemory-policy", policy)
    RedisReplay(server.url)  # without a limit nothing is evicted
    settings.config_set("maxmemory", "100mb")
    with pytest.raises(apiseal.ArgumentError, match="evicts keys, and so forgets nonces"):
        RedisReplay(server.url)


def test_a_server_that_begins_to_evict_is_noticed(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RedisReplay(server.url, clock=started_long_ago)
    assert store.claim(claim("a")) == "first"
    settings = redis.Redis.from_url(server.url)
    settings.config_set("maxmemory-policy", "allkeys-lru")
    settings.config_set("maxmemory", "100mb")
    monkeypatch.setattr("apiseal.redis._RECHECK", 0.0)
    assert store.claim(claim("b")) == "unknown"


def test_rule_s26_one_principal_cannot_fill_the_store(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago, quota=2)
    assert [store.claim(claim(nonce)) for nonce in "abc"] == ["first", "first", "full"]
    assert store.claim(claim("a")) == "seen"
    assert store.claim(claim("d", principal="other")) == "first"
    # One second after the first two are over there is room.
    assert store.claim(claim("c", NOW + 330)) == "full"
    assert store.claim(claim("c", NOW + 331)) == "first"


def test_nothing_is_first_while_the_server_is_gone_or_after_it_forgot(server: RedisServer) -> None:
    at = NOW
    store = RedisReplay(server.url, clock=lambda: at - 1000)
    assert store.claim(claim("a")) == "first"
    server.process.kill()
    assert store.claim(claim("b")) == "unknown"
    server.start()
    store = RedisReplay(server.url, clock=lambda: at)
    # The server lost `a`; whatever was signed before it started, give or take the skew, is refused.
    assert store.claim(claim("a")) == "unknown"
    assert store.claim(claim("c", NOW + 30)) == "unknown"
    assert store.claim(claim("c", NOW + 31)) == "first"


def test_a_running_store_notices_that_the_server_was_started_again(server: RedisServer) -> None:
    now = [NOW - 1000]
    store = RedisReplay(server.url, clock=lambda: now[0])
    assert store.claim(claim("a")) == "first"
    now[0] = NOW
    server.process.kill()
    server.start()
    assert [store.claim(claim("a")) for _ in range(3)] == ["unknown"] * 3
    assert store.claim(claim("b", NOW + 31)) == "first"


def test_a_running_store_notices_that_the_server_was_flushed(server: RedisServer) -> None:
    now = [NOW - 1000]
    store = RedisReplay(server.url, clock=lambda: now[0])
    assert store.claim(claim("a")) == "first"
    now[0] = NOW
    redis.Redis.from_url(server.url).flushall()
    assert store.claim(claim("a")) == "unknown"


def test_of_two_clocks_the_later_one_counts(server: RedisServer) -> None:
    now = int(time.time())
    store = RedisReplay(server.url, clock=lambda: now - 1000)
    assert store.claim(claim("a", now)) == "unknown"
    assert store.claim(claim("a", now + 60)) == "first"


def test_an_emptied_script_cache_costs_nothing(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago)
    assert store.claim(claim("a")) == "first"
    redis.Redis.from_url(server.url).script_flush()
    assert store.claim(claim("a")) == "seen"
    assert store.claim(claim("b")) == "first"


def test_a_server_that_took_over_does_not_answer_for_the_time_before(
    server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
    open_folder: pathlib.Path,  # noqa: F811
) -> None:
    (open_folder / "replica").mkdir(mode=0o755)
    replica = RedisServer(open_folder / "replica", "--save", "", "--replicaof", "127.0.0.1", str(server.port))
    try:
        store = RedisReplay(server.url, clock=started_long_ago)
        assert store.claim(claim("a")) == "first"
        behind = redis.Redis.from_url(replica.url, socket_timeout=5)
        for _ in range(200):
            if behind.keys("apiseal:replay:nonce:*"):
                break
            time.sleep(0.05)
        with pytest.raises(redis.exceptions.ReadOnlyError):
            RedisReplay(replica.url)
        server.process.kill()
        behind.replicaof("NO", "ONE")
        now = [NOW]
        store = RedisReplay(replica.url, clock=lambda: now[0])
        assert store.claim(claim("lost on the way")) == "unknown"
        assert store.claim(claim("b", NOW + 31)) == "first"
        # It is demoted and takes over again, without being started: a history of its own.
        behind.replicaof("127.0.0.1", str(free_port()))
        assert store.claim(claim("c", NOW + 31)) == "unknown"
        behind.replicaof("NO", "ONE")
        now[0] = NOW + 100
        assert store.claim(claim("b", NOW + 31)) == "unknown"
        assert store.claim(claim("c", NOW + 131)) == "first"
    finally:
        replica.process.stop()


def test_a_durable_server_goes_on_where_it_was(open_folder: pathlib.Path) -> None:  # noqa: F811
    server = RedisServer(open_folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
    try:
        store = RedisReplay(server.url, clock=started_long_ago, durable=True)
        assert store.claim(claim("a")) == "first"
        server.process.kill()
        server.start()
        assert store.claim(claim("a")) == "seen"
        assert store.claim(claim("b")) == "first"
    finally:
        server.process.stop()


def test_time_outs_are_bounded(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago, timeout=0.2)
    server.process.send(signal.SIGSTOP)
    begun = time.monotonic()
    assert store.claim(claim("a")) == "unknown"
    assert time.monotonic() - begun < 5

    async def run() -> str:
        return await AsyncRedisReplay(server.url, clock=started_long_ago, timeout=0.2).claim(claim("a"))

    begun = time.monotonic()
    assert asyncio.run(run()) == "unknown"
    assert time.monotonic() - begun < 5
    server.process.send(signal.SIGCONT)
    # The nonce may have been claimed by a request whose answer was lost: it is not first twice.
    assert store.claim(claim("a")) in ("first", "seen")
    assert store.claim(claim("a")) == "seen"


def test_a_client_without_time_outs_is_refused(server: RedisServer) -> None:
    with pytest.raises(apiseal.ArgumentError, match="socket_timeout"):
        RedisReplay(redis.Redis(port=server.port, socket_timeout=None))
    own = redis.Redis(port=server.port, socket_timeout=1, decode_responses=True)
    assert RedisReplay(own, clock=started_long_ago).claim(claim("a")) == "first"


def test_odd_answers_are_no_answer(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(redis.Redis):
        answer: object = None

        def evalsha(self, *arguments: object, **options: object) -> object:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    client = Odd(port=server.port, socket_timeout=1)
    store = RedisReplay(client, clock=started_long_ago)
    answers = [None, b"", b"FIRST", "first\n", 1, True, [b"first"], b"\xff", redis.exceptions.DataError("secret")]
    for client.answer in answers:
        assert store.claim(claim("nonce-in-log")) == "unknown"
    assert "nonce-in-log" not in caplog.text
    assert "secret" not in caplog.text


def test_a_claim_that_is_sent_twice_knows_itself(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago)
    sent = store._arguments(claim("a"))
    assert [store._ask(sent), store._ask(sent)] == [b"first", b"first"]
    assert store.claim(claim("a")) == "seen"


def test_keys_are_bounded_and_tell_no_principal(server: RedisServer) -> None:
    store = RedisReplay(server.url, clock=started_long_ago, quota=5)
    assert store.claim(claim("n" * 5000, principal="a person's name" * 100)) == "first"
    for name in redis.Redis.from_url(server.url).keys("*"):
        assert len(name) < 120
        assert b"person" not in name


def verifying(store: object, now: int) -> apiseal.Verifier:
    return apiseal.Verifier(_ring(), replay=store, clock=lambda: now)


def _ring() -> apiseal.Keyring:
    key = apiseal.Key.raw("acme", "hmac-sha256", b"\7" * 32).replace(principal="ACME", direction="req")
    return apiseal.Keyring([key])


def signed_request(now: int) -> tuple[str, str, list[tuple[str, str]], bytes]:
    headers = [("Host", "api.example"), ("Content-Type", "application/json")]
    signed = apiseal.Signer(_ring(), clock=lambda: now).sign("POST", "https://api.example/orders", headers, b"{}")
    return "POST", "https://api.example/orders", [*headers, *signed.headers], b"{}"


def test_a_verifier_accepts_each_message_once(server: RedisServer) -> None:
    store, request = RedisReplay(server.url, clock=started_long_ago), signed_request(NOW)
    assert verifying(store, NOW).verify(*request).principal == "ACME"
    with pytest.raises(apiseal.ReplayedError):
        verifying(RedisReplay(server.url), NOW).verify(*request)
    server.process.kill()
    with pytest.raises(apiseal.ReplayStoreError) as failure:
        verifying(store, NOW).verify(*signed_request(NOW))
    assert failure.value.http_status == 503


def test_an_awaiting_verifier_accepts_each_message_once(server: RedisServer) -> None:
    async def run() -> None:
        store = AsyncRedisReplay(server.url, clock=started_long_ago)
        verifier = apiseal.AsyncVerifier(_ring(), replay=store, clock=lambda: NOW)
        request = signed_request(NOW)
        assert (await verifier.verify(*request)).principal == "ACME"
        with pytest.raises(apiseal.ReplayedError):
            await verifier.verify(*request)
        server.process.kill()
        with pytest.raises(apiseal.ReplayStoreError):
            await verifier.verify(*signed_request(NOW))
        await store.aclose()

    asyncio.run(run())
