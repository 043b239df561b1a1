"""FastAPI under uvicorn on the loopback: what was sent is what is verified, and every answer is the one to its request."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import apiseal
import pytest
from apiseal.asgi import SealedRoute, VerifyMiddleware
from services import application
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from support import (
    CIPHER,
    CLIENT_VERIFIER,
    CONTEXT,
    RING,
    SIGNER,
    Answered,
    ask,
    ask_over,
    context_of,
    serving,
    signed,
    signing_ring,
    store,
    verifier,
)

TEXT = ("Content-Type", "text/plain")
JSON = ("Content-Type", "application/json")
LARGE = 6 << 20
SEALED = [SealedRoute("/orders", CIPHER, CIPHER, context=context_of)]


def service(app: Any = None, checks: Any = None, **options: Any) -> VerifyMiddleware:
    settings = {"signer": SIGNER, "scheme": "http", "exempt": ["/health"], "sealed": SEALED} | options
    return VerifyMiddleware(app or application(), checks or verifier(), **settings)


@pytest.fixture(scope="module", params=["h11", "httptools"])
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    loop = "uvloop" if request.param == "httptools" else "asyncio"
    with serving(service(), http=request.param, loop=loop) as url:
        yield url


def verdict(got: Answered, request: apiseal.Signed | apiseal.Protected) -> apiseal.Verified:
    return CLIENT_VERIFIER.verify_response(got.status, got.lines, got.body, request=request)


def test_a_signed_request_and_its_signed_answer(base: str) -> None:
    lines, made = signed(base, "GET", "/echo/a?x=1")
    got = ask(base, "GET", "/echo/a?x=1", lines)
    assert got.status == 200 and json.loads(got.body)["nonce"] == made.nonce
    assert verdict(got, made).component("@status") == "200"


@pytest.mark.parametrize(
    "target",
    [
        "/echo/a%2Fb",
        "/echo/a%2fb",
        "/echo/%7E~",
        "/echo/caf%C3%A9",
        "/echo/caf%c3%a9",
        "/echo//a//b",
        "/echo/./a/../b",
        "/echo/%2E%2E/b",
        "/echo/a;v=1",
        "/echo/a?",
        "/echo/a?x=1&x=2&y=&x=",
        "/echo/a?q=+%20+%2B&z=%ff%FF",
        "/echo/a?b=2&a=1",
        "/echo/a?a=1?b=2",
        "/echo/a?=&&",
        "/echo/a?%00=%0a",
        '/echo/a?a[]={}|^`"<>\\',
        "/echo/" + "a" * 3000,
    ],
)
def test_odd_spellings_of_path_and_query_are_verified_as_they_stand(base: str, target: str) -> None:
    lines, made = signed(base, "GET", target)
    got = ask(base, "GET", target, lines)
    assert got.status == 200, target
    told = json.loads(got.body)
    assert (told["path"], told["query"]) == (target.partition("?")[0], "?" + target.partition("?")[2])
    assert verdict(got, made)


@pytest.mark.parametrize(
    ("sent", "signed_as"),
    [
        ("/echo/a/b", "/echo/a%2Fb"),
        ("/echo/a%2fb", "/echo/a%2Fb"),
        ("/echo/a?x=+", "/echo/a?x=%20"),
        ("/echo/a?x=1&y=2", "/echo/a?y=2&x=1"),
        ("/echo/b", "/echo/a/../b"),
        ("/echo/a?x", "/echo/a?x="),
    ],
)
def test_another_spelling_does_not_verify(base: str, sent: str, signed_as: str) -> None:
    lines, _ = signed(base, "GET", signed_as)
    assert ask(base, "GET", sent, lines).status == 401


@pytest.mark.parametrize("chunks", [0, 1000, 65536, 1 << 20])
@pytest.mark.parametrize("size", [1, 65536, 65537, LARGE])
def test_content_of_every_size_in_one_piece_and_in_chunks(base: str, size: int, chunks: int) -> None:
    body = random.Random(size).randbytes(size)
    lines, made = signed(base, "POST", "/echo/x", body, TEXT)
    got = ask(base, "POST", "/echo/x", lines, body, chunks=chunks)
    told = json.loads(got.body)
    assert told["digest"] == hashlib.sha256(body).hexdigest() and told["size"] == size
    assert told["length"] == str(size) and not told["chunked"]
    assert verdict(got, made)


@pytest.mark.parametrize("chunks", [0, 1000])
def test_case_42_content_that_was_changed(base: str, chunks: int) -> None:
    body = b"x" * 100_000
    lines, _ = signed(base, "POST", "/echo/x", body, TEXT)
    assert ask(base, "POST", "/echo/x", lines, body[:-1] + b"y", chunks=chunks).status == 401
    lines, _ = signed(base, "GET", "/echo/x")
    assert ask(base, "GET", "/echo/x", lines, b"smuggled", chunks=chunks).status == 401


def test_sealed_content_both_ways(base: str) -> None:
    own = [("Host", base.removeprefix("http://")), JSON]
    body = b'{"id": 7, "card": "4111111111111111"}'
    made = apiseal.Protector(CIPHER, SIGNER).protect("POST", "/orders", own, body, context=CONTEXT, scheme="http")
    got = ask(base, "POST", "/orders", own + made.headers, made.body, chunks=10)
    assert got.status == 200 and b"4111" not in got.body
    acceptor = apiseal.Acceptor(CIPHER, CLIENT_VERIFIER)
    opened = acceptor.accept_response(200, got.lines, got.body, request=made, context=lambda _: CONTEXT)
    assert json.loads(opened.document) == {"id": 7, "card": "4111111111111111", "who": "ACME"}
    # In clear, though signed.
    lines, _ = signed(base, "POST", "/orders", body, JSON)
    assert ask(base, "POST", "/orders", lines, body).status == 401
    lines, _ = signed(base, "POST", "/orders", gzip.compress(body), JSON, ("Content-Encoding", "gzip"))
    assert ask(base, "POST", "/orders", lines, gzip.compress(body)).status == 415


def test_what_a_framework_repeats_in_an_error_is_withheld(base: str) -> None:
    own = [("Host", base.removeprefix("http://")), JSON]
    body = b'{"id": "seven", "card": "4111111111111111"}'
    made = apiseal.Protector(CIPHER, SIGNER).protect("POST", "/orders", own, body, context=CONTEXT, scheme="http")
    got = ask(base, "POST", "/orders", own + made.headers, made.body)
    assert got.status == 422 and got.body == b"" and verdict(got, made)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", ["/echo/x", "/empty/204", "/empty/304", "/text", "/nowhere"])
def test_rule_s22_answers_with_and_without_content(base: str, method: str, target: str) -> None:
    lines, made = signed(base, method, target)
    got = ask(base, method, target, lines)
    assert verdict(got, made).component("@status") == str(got.status)
    assert (got.body == b"") == (method == "HEAD" or "empty" in target)


def test_lines_that_stand_twice_survive_in_their_order(base: str) -> None:
    lines, made = signed(base, "GET", "/lines")
    got = ask(base, "GET", "/lines", lines)
    assert [value for name, value in got.lines if name == "set-cookie"] == ["a=1", "b=2"] and verdict(got, made)
    lines, _ = signed(base, "GET", "/echo/x")
    got = ask(base, "GET", "/echo/x", [*lines, ("X-Twice", "1"), ("X-Twice", "2")])
    assert [pair for pair in json.loads(got.body)["headers"] if pair[0] == "x-twice"] == [
        ["x-twice", "1"],
        ["x-twice", "2"],
    ]
    # A covered one, or one that steers the server, does not.
    lines, _ = signed(base, "GET", "/echo/x", b"", ("Cookie", "a=1"))
    assert ask(base, "GET", "/echo/x", [*lines, ("Cookie", "b=2")]).status == 401


def test_two_hosts_are_refused(base: str) -> None:
    lines, _ = signed(base, "GET", "/echo/x")
    assert ask(base, "GET", "/echo/x", [*lines, ("Host", "other.example")]).status in (400, 401)


def test_a_stream_is_signed_whole(base: str) -> None:
    lines, made = signed(base, "GET", "/stream?pieces=50")
    got = ask(base, "GET", "/stream?pieces=50", lines)
    assert len(got.body) == 50 * 1024 and "transfer-encoding" not in got.headers and verdict(got, made)


def test_exceptions_of_the_application_are_plain(base: str) -> None:
    for target in ("/broken", "/broken-stream"):
        lines, _ = signed(base, "GET", target)
        got = ask(base, "GET", target, lines)
        assert got.status == 500 and b"4111" not in got.body and b"first" not in got.body, target
        assert ("signature" in got.headers) == (target == "/broken")
    assert ask(base, "GET", "/health", [("Host", "x")]).status == 200


def test_health_checks_and_nothing_beside_them(base: str) -> None:
    host = [("Host", base.removeprefix("http://"))]
    assert json.loads(ask(base, "GET", "/health", host).body) == {"verified": False}
    got = ask(base, "GET", "/echo/x", host)
    assert got.status == 401 and got.body == b"unauthorized"
    assert got.headers["accept-signature"].startswith("sig=(") and got.headers["www-authenticate"] == "Signature"


def test_a_connection_is_kept_and_each_request_on_it_has_its_own_verdict(base: str) -> None:
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=20)
    for turn in range(20):
        body = b"%d" % turn * turn
        lines, made = signed(base, "POST", f"/echo/{turn}", body, TEXT)
        bad = turn % 5 == 4
        got = ask_over(connection, "POST", f"/echo/{turn}", lines, body[:-1] + b"!" if bad else body)
        if bad:
            assert got.status == 401 and not got.will_close
            continue
        assert json.loads(got.body)["path"] == f"/echo/{turn}" and verdict(got, made)
    connection.close()


def test_what_follows_refused_content_is_not_taken_for_a_request(base: str) -> None:
    """Smuggling: the content of a request that is refused unread looks like another request."""
    lines, _ = signed(base, "GET", "/echo/smuggled")
    inner = "GET /echo/smuggled HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"
    head = f"POST /echo/x HTTP/1.1\r\nHost: {base.removeprefix('http://')}\r\nContent-Length: {len(inner)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), 20) as wire:
        wire.sendall((head + inner).encode())
        got = b""
        while part := wire.recv(65536):
            got += part
    assert got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 401") and b"connection: close" in got.lower()


@pytest.mark.parametrize(
    "lengths", ["Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n"]
)
def test_case_72_content_that_parsers_read_differently(base: str, lengths: str) -> None:
    lines, _ = signed(base, "POST", "/echo/x", b"abc", TEXT)
    head = "POST /echo/x HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + lengths + "\r\n"
    body = "3\r\nabc\r\n0\r\n\r\n" if "chunked" in lengths else "abc"
    with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), 20) as wire:
        wire.sendall((head + body).encode())
        assert wire.recv(65536).split()[1] in (b"400", b"401")


def test_a_client_that_goes_away_in_the_middle_leaves_the_service_well(base: str) -> None:
    lines, _ = signed(base, "POST", "/echo/x", b"x" * 1000, TEXT)
    head = "POST /echo/x HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "Content-Length: 1000\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), 20) as wire:
            wire.sendall(head.encode() + b"x" * 500)
    # The nonce was not claimed: nothing was verified.
    assert ask(base, "POST", "/echo/x", lines, b"x" * 1000).status == 200


def test_slow_content_arrives_and_too_slow_content_does_not() -> None:
    with serving(service(body_timeout=0.5)) as base:
        port = int(base.rpartition(":")[2])
        for whole, status in ((True, b"200"), (False, b"408")):
            lines, _ = signed(base, "POST", "/echo/x", b"abcd", TEXT)
            head = (
                "POST /echo/x HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "Content-Length: 4\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", port), 20) as wire:
                wire.sendall(head.encode())
                for byte in b"abcd" if whole else b"abc":
                    time.sleep(0.02)
                    wire.sendall(bytes([byte]))
                assert wire.recv(65536).split()[1] == status


def test_limits_under_a_server() -> None:
    with serving(service(max_body=1000)) as base:
        body = b"x" * 1001
        lines, _ = signed(base, "POST", "/echo/x", body, TEXT)
        for chunks in (0, 100):
            got = ask(base, "POST", "/echo/x", lines, body, chunks=chunks)
            assert got.status == 413 and got.headers["connection"] == "close"


def test_a_full_store_is_a_503() -> None:
    with serving(service(checks=verifier(replay=store(capacity=2)))) as base:
        codes = []
        for _ in range(4):
            lines, _ = signed(base, "GET", "/echo/x")
            codes.append(ask(base, "GET", "/echo/x", lines).status)
        assert codes == [200, 200, 503, 503]


class AwaitedStore:
    """A store behind an event loop, as a client of a server of nonces is."""

    def __init__(self) -> None:
        self.seen: set[tuple[bytes, str]] = set()

    async def claim(self, claim: apiseal.Claim) -> str:
        await asyncio.sleep(0.001)
        key = (claim.scope, claim.nonce)
        if key in self.seen:
            return "seen"
        self.seen.add(key)
        return "first"


class PlainStore(AwaitedStore):
    def claim(self, claim: apiseal.Claim) -> str:  # type: ignore[override]
        key = (claim.scope, claim.nonce)
        is_new = key not in self.seen
        self.seen.add(key)
        return "first" if is_new else "seen"


@pytest.mark.parametrize("kind", ["memory", "own", "awaited"])
def test_case_46_of_many_parallel_copies_one_passes(kind: str) -> None:
    checks: Any = {
        "memory": lambda: verifier(),
        "own": lambda: apiseal.Verifier(RING, replay=PlainStore()),
        "awaited": lambda: apiseal.AsyncVerifier(RING, replay=AwaitedStore()),
    }[kind]()
    with serving(service(checks=checks)) as base:
        body = b"x" * 70_000
        lines, _ = signed(base, "POST", "/echo/x", body, TEXT)
        codes: list[int] = []
        threads = [
            threading.Thread(target=lambda: codes.append(ask(base, "POST", "/echo/x", lines, body).status))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == [200] + [401] * 19


@pytest.mark.parametrize("kind", ["memory", "awaited"])
def test_two_hundred_parallel_clients_and_nothing_is_lost_or_mixed_up(kind: str) -> None:
    """Eight partners, sealed and clear content of many sizes; each answer must be the one to its request."""
    names = [f"P{at}" for at in range(8)]
    ring = signing_ring(*names)
    checks: Any = (
        apiseal.Verifier(ring, replay=store())
        if kind == "memory"
        else apiseal.AsyncVerifier(ring, replay=AwaitedStore())
    )
    answers = {name: apiseal.Signer(ring, key=f"{name.lower()}-res") for name in names}
    checks_answers = apiseal.Verifier(ring, replay=apiseal.NoReplayCheck())
    failures: list[str] = []
    served = [0] * 200

    def client(at: int, base: str, gate: threading.Barrier) -> None:
        name = names[at % 8]
        own = apiseal.Signer(ring, key=f"{name.lower()}-req")
        protector, acceptor = apiseal.Protector(CIPHER, own), apiseal.Acceptor(CIPHER, checks_answers)
        connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)
        gate.wait(60)
        try:
            for turn in range(5):
                if (at + turn) % 2:
                    host = [("Host", base.removeprefix("http://")), JSON]
                    card = f"{at:08d}{turn:08d}"
                    document = json.dumps({"id": at * 100 + turn, "card": card}).encode()
                    context = {"purpose": "orders", "partner": name}
                    made = protector.protect("POST", "/orders", host, document, context=context, scheme="http")
                    got = ask_over(connection, "POST", "/orders", host + made.headers, made.body)
                    opened = acceptor.accept_response(
                        got.status, got.lines, got.body, request=made, context=lambda _, c=context: c
                    )
                    assert json.loads(opened.document) == {"id": at * 100 + turn, "card": card, "who": name}
                else:
                    body = random.Random(at * 10 + turn).randbytes(1 + (at * 997 + turn * 13_007) % 150_000)
                    lines, made_clear = signed(base, "POST", f"/echo/{at}/{turn}?n={at}", body, TEXT, signer=own)
                    got = ask_over(
                        connection, "POST", f"/echo/{at}/{turn}?n={at}", lines, body, chunks=[0, 4096][turn % 2]
                    )
                    proof = checks_answers.verify_response(got.status, got.lines, got.body, request=made_clear)
                    told = json.loads(got.body)
                    assert told["digest"] == hashlib.sha256(body).hexdigest() and proof.principal == name
                    assert (told["path"], told["query"], told["nonce"]) == (
                        f"/echo/{at}/{turn}",
                        f"?n={at}",
                        made_clear.nonce,
                    )
                served[at] += 1
        except Exception as error:  # noqa: BLE001 - reported by the test
            failures.append(f"client {at}: {error!r}")
        finally:
            connection.close()

    with serving(service(checks=checks, signer=lambda proof: answers[proof.principal]), backlog=512) as base:
        gate = threading.Barrier(200)
        threads = [threading.Thread(target=client, args=(at, base, gate)) for at in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert served == [5] * 200


def test_the_loop_goes_on_while_large_content_is_verified() -> None:
    """Content beyond `offload` is the work of a thread: the loop's own ticks are counted meanwhile."""
    body = b"x" * (48 << 20)
    headers = [("host", "a.example"), ("content-type", "text/plain")]
    made = SIGNER.sign("POST", "/x", headers, body)
    ticks: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        ticks.append(-1.0)

    async def main(offload: int) -> int:
        middleware = VerifyMiddleware(app, verifier(), max_body=64 << 20, offload=offload)
        lines = [(name.encode(), value.encode()) for name, value in headers + made.headers]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/x",
            "raw_path": b"/x",
            "query_string": b"",
            "headers": lines,
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        async def tick() -> None:
            while True:
                await asyncio.sleep(0)
                ticks.append(0.0)

        ticks.clear()
        ticker = asyncio.create_task(tick())
        await asyncio.create_task(middleware(scope, receive, send))
        ticker.cancel()
        return ticks.index(-1.0)

    assert asyncio.run(main(64 << 10)) > 20 > asyncio.run(main(1 << 30))


# Where the middleware stands.


def test_behind_root_path_the_path_is_the_one_that_clients_use() -> None:
    """The proxy takes `/api` away and uvicorn is told so: what clients signed is whole again."""
    with serving(service(), root_path="/api") as base:
        lines, made = signed(base, "GET", "/api/echo/a%2Fb")
        got = ask(base, "GET", "/echo/a%2Fb", lines)
        assert json.loads(got.body)["path"] == "/api/echo/a%2Fb" and verdict(got, made)
        lines, _ = signed(base, "GET", "/echo/a")
        assert ask(base, "GET", "/echo/a", lines).status == 401
        assert ask(base, "GET", "/health", [("Host", "x")]).status == 200


def test_mounted_the_middleware_verifies_the_whole_path_and_routes_below_the_mount() -> None:
    outer = Starlette(routes=[Mount("/v1", app=service())])
    with serving(outer) as base:
        lines, made = signed(base, "GET", "/v1/echo/a?x=1")
        got = ask(base, "GET", "/v1/echo/a?x=1", lines)
        assert json.loads(got.body)["path"] == "/v1/echo/a" and verdict(got, made)
        own = [("Host", base.removeprefix("http://")), JSON]
        body = b'{"id": 7, "card": "4111111111111111"}'
        sealed = apiseal.Protector(CIPHER, SIGNER).protect(
            "POST", "/v1/orders", own, body, context=CONTEXT, scheme="http"
        )
        assert ask(base, "POST", "/v1/orders", own + sealed.headers, sealed.body).status == 200
        assert ask(base, "GET", "/v1/health", [("Host", "x")]).status == 200
        assert ask(base, "GET", "/v1/echo/a", [("Host", "x")]).status == 401


def test_as_middleware_of_an_application() -> None:
    app = application()
    app.add_middleware(VerifyMiddleware, verifier=verifier(), signer=SIGNER, scheme="http")
    with serving(app) as base:
        lines, made = signed(base, "GET", "/echo/x")
        assert verdict(ask(base, "GET", "/echo/x", lines), made)
        assert ask(base, "GET", "/broken", signed(base, "GET", "/broken")[0]).status == 500


def test_compression_belongs_inside() -> None:
    lines = [("Accept-Encoding", "gzip")]
    for inside in (True, False):
        app: Any = (
            service(GZipMiddleware(application(), minimum_size=10))
            if inside
            else GZipMiddleware(service(), minimum_size=10)
        )
        with serving(app) as base:
            own, made = signed(base, "GET", "/echo/x", b"", *lines)
            got = ask(base, "GET", "/echo/x", own)
            assert got.headers["content-encoding"] == "gzip"
            if inside:
                assert verdict(got, made) and json.loads(gzip.decompress(got.body))["path"] == "/echo/x"
            else:
                with pytest.raises(apiseal.SignatureError):
                    verdict(got, made)


def test_rule_s20_origins_say_how_clients_know_the_service_and_forwarded_headers_do_not() -> None:
    checks = verifier(origins={"backend:8080": "https://api.example"})
    with serving(service(checks=checks)) as base:
        made = SIGNER.sign("GET", "/echo/x", [("Host", "api.example")])
        assert ask(base, "GET", "/echo/x", [("Host", "backend:8080"), *made.headers]).status == 200
        made = SIGNER.sign("GET", "/echo/x", [("Host", "api.example")])
        assert ask(base, "GET", "/echo/x", [("Host", "api.example"), *made.headers]).status == 401
    with serving(service()) as base:
        made = SIGNER.sign("GET", "/echo/x", [("Host", "api.example")])
        for name in ("X-Forwarded-Host", "Forwarded", "X-Original-Host"):
            lines = [("Host", "backend:8080"), (name, "api.example"), ("X-Forwarded-Proto", "https"), *made.headers]
            assert ask(base, "GET", "/echo/x", lines).status == 401


def test_rotation_while_the_service_runs() -> None:
    ring = signing_ring("ACME")
    old = apiseal.Signer(ring, key="acme-req")
    with serving(service(checks=apiseal.Verifier(ring, replay=store()), signer=None, sealed=())) as base:
        root = ring.key("signing")
        new = apiseal.Key.derived("acme-req-2", root, {"partner": "ACME", "dir": "req", "n": "2"})
        ring.replace(ring.with_key(new.replace(principal="ACME", direction="req")))
        fresh = apiseal.Signer(ring, key="acme-req-2")
        for signer in (old, fresh):
            assert ask(base, "GET", "/echo/x", signed(base, "GET", "/echo/x", signer=signer)[0]).status == 200
        lines, _ = signed(base, "GET", "/echo/x", signer=old)
        ring.replace(ring.disable("acme-req"))
        assert ask(base, "GET", "/echo/x", lines).status == 401
        assert ask(base, "GET", "/echo/x", signed(base, "GET", "/echo/x", signer=fresh)[0]).status == 200
