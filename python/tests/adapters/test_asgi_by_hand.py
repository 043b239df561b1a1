"""The middleware driven without a server: what it does with each scope and each message."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import apiseal
import fastapi
import pytest
from apiseal.asgi import SealedRoute, VerifyMiddleware, accepted, verified
from hand import BODY, HOST, App, post, run, scope, signed
from support import CIPHER, CONTEXT, LAX, RING, SIGNER, context_of, lax_ring, store, verifier


def test_the_application_gets_the_verified_bytes_once_and_then_what_the_server_says() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive(), verified(scope)])

    headers, _ = signed("POST", "/x", BODY, ("content-type", "application/json"))
    run(VerifyMiddleware(app, verifier()), scope("POST", "/x", headers), BODY[:5], BODY[5:])
    assert seen[0] == {"type": "http.request", "body": BODY, "more_body": False}
    assert seen[1] == {"type": "http.disconnect"}
    assert seen[2].body == BODY and seen[2].principal == "ACME"


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.update(raw_path=b"/y"),
        lambda s: s.update(query_string=b"a=1"),
        lambda s: s.update(method="PUT"),
        lambda s: s["headers"].__setitem__(0, (b"host", b"other.example")),
        lambda s: s["headers"].append((b"authorization", b"Basic x")),
        lambda s: s["headers"].append((b"x_forwarded", b"1")),
        lambda s: s.update(headers=[line for line in s["headers"] if line[0] != b"signature"]),
        lambda s: s.update(headers=[line for line in s["headers"] if line[0] != b"content-digest"]),
        lambda s: s["headers"].append((b"content-length", b"5")),
        lambda s: s["headers"].extend([(b"content-length", b"37"), (b"transfer-encoding", b"chunked")]),
        lambda s: s["headers"].append((b"signature-input", s["headers"][-2][1])),
        lambda s: s.update(raw_path=b"http://api.example/x"),
        lambda s: s.update(raw_path=b"*"),
    ],
)
def test_what_does_not_verify_never_reaches_the_application(damage: Callable[[Any], None]) -> None:
    app = App()
    headers, _ = signed("POST", "/x", BODY, ("content-type", "application/json"))
    request = scope("POST", "/x", headers)
    damage(request)
    sent = run(VerifyMiddleware(app, verifier(), signer=SIGNER), request, BODY)
    assert sent[0]["status"] == 401 and sent[1]["body"] == b"unauthorized" and not app.scopes
    assert b"signature" not in dict(sent[0]["headers"])


def test_every_refusal_of_a_signature_reads_the_same() -> None:
    """Nothing tells the peer which check failed, where it cannot see that for itself."""
    service = VerifyMiddleware(App(), verifier())
    headers, _ = signed("GET", "/x")
    replayed = [run(service, scope("GET", "/x", headers)) for _ in range(2)][1]
    invalid = run(service, scope("GET", "/y", headers))
    stranger = [(name, value.replace("acme-req", "nobody")) for name, value in headers]
    unknown = run(service, scope("GET", "/x", stranger))
    assert replayed == invalid == unknown and replayed[0]["status"] == 401


def test_case_46_a_copy_is_refused_and_accept_signature_does_not_invite_to_sign_it_again() -> None:
    service = VerifyMiddleware(App(), verifier())
    headers, _ = signed("GET", "/x")
    assert run(service, scope("GET", "/x", headers))[0]["status"] == 200
    again = run(service, scope("GET", "/x", headers))[0]
    assert again["status"] == 401 and b"accept-signature" not in dict(again["headers"])
    unsigned = run(service, scope("GET", "/x", [HOST]))[0]
    asked = dict(unsigned["headers"])[b"accept-signature"].decode()
    assert asked == verifier().accept_signature()


def test_the_reason_is_in_the_log_alone_and_the_log_has_neither_query_nor_lines_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "apiseal")
    headers, _ = signed("GET", "/x")
    request = scope("GET", "/x?pan=4111111111111111", headers) | {"raw_path": b"/x\nroot logged in"}
    sent = run(VerifyMiddleware(App(), verifier()), request)
    (record,) = caplog.records
    text = record.getMessage()
    assert "401" in text and "[" in text and record.__dict__["apiseal_code"] in range(600, 630)
    assert "4111" not in text and "\n" not in text
    assert b"root" not in sent[1]["body"]


def test_limits_of_content() -> None:
    app = App()
    service = VerifyMiddleware(app, verifier(), max_body=10)
    headers, _ = signed("POST", "/x", b"x" * 11, ("content-type", "text/plain"))
    for extra in ([("content-length", "11")], []):
        sent = run(service, scope("POST", "/x", headers + extra), b"x" * 6, b"x" * 5)
        assert sent[0]["status"] == 413 and (b"connection", b"close") in sent[0]["headers"]
    assert not app.scopes
    headers, _ = signed("POST", "/x", b"x" * 10, ("content-type", "text/plain"))
    assert run(service, scope("POST", "/x", headers), b"x" * 10)[0]["status"] == 200


def test_rule_s9_a_refused_length_or_type_burns_no_nonce() -> None:
    replay = store()
    service = VerifyMiddleware(
        App(), verifier(replay=replay), max_body=50, sealed=[SealedRoute("/x", CIPHER, context=CONTEXT)]
    )
    headers, _ = signed("POST", "/x", b"x" * 51, ("content-type", "application/json"))
    assert run(service, scope("POST", "/x", headers), b"x" * 51)[0]["status"] == 413
    headers, _ = signed("POST", "/x", b"x" * 5, ("content-type", "text/plain"), ("content-length", "5"))
    assert run(service, scope("POST", "/x", headers), b"x" * 5)[0]["status"] == 415
    assert len(replay) == 0


def test_a_head_without_a_valid_signature_gets_no_memory() -> None:
    """Of content beyond 64 KiB no more is received once the head is refused."""
    app = App()
    headers, _ = signed("POST", "/x", b"", ("content-type", "text/plain"))
    request = scope("POST", "/y", headers)
    taken = 0

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(VerifyMiddleware(app, verifier())(request, receive, send))
    assert sent[0]["status"] == 401 and taken == 65 and not app.scopes
    assert (b"connection", b"close") in sent[0]["headers"]


def test_content_that_does_not_arrive_in_time() -> None:
    headers, _ = signed("POST", "/x", b"abc", ("content-type", "text/plain"))
    app = App()
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(VerifyMiddleware(app, verifier(), body_timeout=0.05)(scope("POST", "/x", headers), receive, send))
    assert sent[0]["status"] == 408 and not app.scopes


def test_a_client_that_goes_away_is_nobody_to_answer() -> None:
    app = App()
    headers, _ = signed("POST", "/x", b"abc", ("content-type", "text/plain"))
    messages = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(VerifyMiddleware(app, verifier())(scope("POST", "/x", headers), receive, send))
    assert not sent and not app.scopes


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([("content-type", "application/json")], 200),
        ([("content-type", "application/problem+json; charset=utf-8")], 200),
        ([("content-type", "text/json")], 415),
        ([], 415),
        ([("content-type", "application/json"), ("content-encoding", "gzip")], 415),
    ],
)
def test_media_types_of_a_sealed_route(lines: list[tuple[str, str]], status: int) -> None:
    sealed = [SealedRoute("/orders", CIPHER, context=context_of)]
    protector = apiseal.Protector(CIPHER, SIGNER)
    made = protector.protect("POST", "/orders", [HOST, ("content-type", "application/json")], BODY, context=CONTEXT)
    own = [HOST, *lines, ("content-length", str(len(made.body)))]
    if lines and status == 200:
        made = protector.protect("POST", "/orders", own[:-1], BODY, context=CONTEXT)
    app = App()
    sent = run(
        VerifyMiddleware(app, verifier(), sealed=sealed), scope("POST", "/orders", own + made.headers), made.body
    )
    assert sent[0]["status"] == status and len(app.scopes) == (status == 200)


def test_a_sealed_route_hands_on_what_was_decrypted_with_its_length() -> None:
    opened: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        opened.extend([(await receive())["body"], dict(scope["headers"])[b"content-length"], accepted(scope)])

    made = apiseal.Protector(CIPHER, SIGNER).protect(
        "POST",
        "/orders",
        [HOST, ("content-type", "application/json"), ("content-length", str(len(BODY)))],
        BODY,
        context=CONTEXT,
    )
    lines = [HOST, ("content-type", "application/json"), *made.headers]
    service = VerifyMiddleware(app, verifier(), sealed=[SealedRoute("/orders", CIPHER, context=context_of)])
    run(service, scope("POST", "/orders", lines), made.body)
    assert opened[0] == BODY and opened[1] == b"%d" % len(BODY) and opened[2].document == BODY


@pytest.mark.parametrize("spelling", ["/orders", "/%6frders", "/orders?x=1"])
def test_no_spelling_of_a_path_gets_clear_content_past_a_sealed_route(spelling: str) -> None:
    """Routers compare the decoded path, and so does the middleware."""
    app = App()
    headers, _ = signed("POST", spelling, BODY, ("content-type", "application/json"))
    request = scope("POST", spelling, headers) | {"path": "/orders"}
    service = VerifyMiddleware(app, verifier(), sealed=[SealedRoute("/orders", CIPHER, context=context_of)])
    assert run(service, request, BODY)[0]["status"] == 401 and not app.scopes


def test_another_principal_cannot_have_captured_content_opened(caplog: pytest.LogCaptureFixture) -> None:
    ring = RING.with_key(
        apiseal.Key.raw("bank-req", "hmac-sha256", b"7" * 32).replace(principal="Bank", direction="req")
    )
    made = apiseal.Protector(CIPHER, SIGNER).protect(
        "POST", "/orders", [HOST, ("content-type", "application/json")], BODY, context=CONTEXT
    )
    own = [HOST, ("content-type", "application/json")]
    bank = apiseal.Signer(ring, key="bank-req").sign("POST", "/orders", own, made.body)
    app = App()
    service = VerifyMiddleware(
        app,
        apiseal.Verifier(ring, replay=store()),
        sealed=[SealedRoute("/orders", CIPHER, context=lambda proof: CONTEXT)],
    )
    sent = run(service, scope("POST", "/orders", own + bank.headers), made.body)
    assert sent[0]["status"] == 401 and not app.scopes and "501" in caplog.text


def test_a_context_that_cannot_be_made_is_an_error_of_the_application() -> None:
    def context(proof: apiseal.Proof) -> dict[str, str]:
        raise KeyError("no such tenant")

    made = apiseal.Protector(CIPHER, SIGNER).protect(
        "POST", "/orders", [HOST, ("content-type", "application/json")], BODY, context=CONTEXT
    )
    app = App()
    service = VerifyMiddleware(app, verifier(), sealed=[SealedRoute("/orders", CIPHER, context=context)])
    with pytest.raises(KeyError):
        run(service, scope("POST", "/orders", [HOST, ("content-type", "application/json"), *made.headers]), made.body)
    assert not app.scopes


class Store:
    def __init__(self, answer: Any, is_async: bool = False) -> None:
        self.answer = answer
        self.asked = 0
        if is_async:
            self.claim = self.claim_async  # type: ignore[method-assign]

    def claim(self, claim: apiseal.Claim) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def claim_async(self, claim: apiseal.Claim) -> Any:
        await asyncio.sleep(0)
        return Store.claim(self, claim)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("size", [0, 10, 70_000])
@pytest.mark.parametrize(
    ("answer", "status"),
    [("first", 200), ("seen", 401), ("full", 503), ("unknown", 503), ("nonsense", 503), (OSError("gone"), 503)],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_rule_s9_rule_s26_what_the_store_answers(answer: Any, status: int, is_async: bool, size: int) -> None:
    own = Store(answer, is_async)
    checks: Any = apiseal.AsyncVerifier(RING, replay=own) if is_async else apiseal.Verifier(RING, replay=own)
    app = App()
    body = b"x" * size
    sent = post(VerifyMiddleware(app, checks), "/x", body, ("content-type", "text/plain"))
    assert sent[0]["status"] == status and own.asked == 1 and len(app.scopes) == (status == 200)
    assert (b"retry-after", b"1") in sent[0]["headers"] or status != 503


@pytest.mark.parametrize(("offload", "is_apart"), [(0, True), (1000, False)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_store_that_blocks_is_asked_in_a_thread_if_told_so(method: str, offload: int, is_apart: bool) -> None:
    class Blocking:
        def claim(self, claim: apiseal.Claim) -> str:
            threads.append(threading.get_ident())
            return "first"

    threads: list[int] = []
    checks = apiseal.Verifier(RING, replay=Blocking())
    headers, _ = signed(method, "/x", b"")
    assert run(VerifyMiddleware(App(), checks, offload=offload), scope(method, "/x", headers))[0]["status"] == 200
    assert (threads[0] != threading.get_ident()) is is_apart


@pytest.mark.parametrize("size", [10, 70_000])
def test_content_is_decrypted_after_an_asynchronous_claim(size: int) -> None:
    document = b'{"id": 7, "card": "%b"}' % (b"4" * size)
    made = apiseal.Protector(CIPHER, SIGNER).protect(
        "POST", "/orders", [HOST, ("content-type", "application/json")], document, context=CONTEXT
    )
    lines = [HOST, ("content-type", "application/json"), *made.headers]
    for answer, status in (("seen", 401), ("first", 200)):
        app = App()
        checks = apiseal.AsyncVerifier(RING, replay=Store(answer, True))
        service = VerifyMiddleware(app, checks, sealed=[SealedRoute("/orders", CIPHER, context=context_of)])
        sent = run(service, scope("POST", "/orders", lines), made.body)
        assert sent[0]["status"] == status
        assert [message["body"] for message in app.received] == ([document] if status == 200 else [])


def test_exempt_paths_are_exact_and_stated_in_their_one_spelling() -> None:
    app = App()
    service = VerifyMiddleware(app, verifier(), signer=SIGNER, exempt=["/health"])
    assert run(service, scope("GET", "/health"))[0]["status"] == 200
    assert run(service, scope("GET", "/health?deep=1"))[0]["status"] == 200
    with pytest.raises(LookupError):
        verified(app.scopes[0])
    for target, path in [
        ("/health/", "/health/"),
        ("/%68ealth", "/health"),
        ("/health/../orders", "/health/../orders"),
        ("//health", "//health"),
    ]:
        assert run(service, scope("GET", target) | {"path": path})[0]["status"] == 401


def test_an_exempt_request_cannot_bring_a_verdict_along() -> None:
    app = App()
    service = VerifyMiddleware(app, verifier(), exempt=["/health"])
    run(service, scope("GET", "/health", state={"apiseal_verified": object(), "apiseal_accepted": object(), "own": 1}))
    with pytest.raises(LookupError):
        verified(app.scopes[0])
    assert app.scopes[0]["state"] == {"own": 1}


def test_websockets_are_refused_unless_told_otherwise() -> None:
    async def talk(service: Any) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await service({"type": "websocket", "path": "/ws", "headers": []}, receive, send)
        return sent

    app = App()
    assert asyncio.run(talk(VerifyMiddleware(app, verifier())))[0]["type"] == "websocket.close" and not app.scopes
    asyncio.run(talk(VerifyMiddleware(app, verifier(), websockets="pass")))
    assert app.scopes[0]["type"] == "websocket"


def test_lifespan_passes_and_unknown_scopes_do_not() -> None:
    app = App()
    service = VerifyMiddleware(app, verifier())
    run(service, {"type": "lifespan"})
    assert [own["type"] for own in app.scopes] == ["lifespan"]
    with pytest.raises(RuntimeError, match="webtransport"):
        run(service, {"type": "webtransport"})


def test_a_server_that_hides_the_raw_path_is_an_error() -> None:
    headers, _ = signed("GET", "/x")
    request = scope("GET", "/x", headers)
    del request["raw_path"]
    with pytest.raises(RuntimeError, match="raw_path"):
        run(VerifyMiddleware(App(), verifier()), request)


def test_lesson_s22_the_scope_of_the_server_stays_as_it_is() -> None:
    app = App()
    headers, _ = signed("POST", "/x", b"abc", ("content-type", "text/plain"))
    request = scope("POST", "/x", [*headers, ("transfer-encoding", "chunked")])
    before = list(request["headers"])
    run(VerifyMiddleware(app, verifier(), signer=SIGNER), request, b"abc")
    assert request["headers"] == before and "extensions" not in request
    inner = app.scopes[0]["headers"]
    assert (b"content-length", b"3") in inner and b"transfer-encoding" not in dict(inner)


def test_rule_s4_uncovered_headers_can_be_dropped() -> None:
    app = App()
    headers, _ = signed("POST", "/x", b"abc", ("content-type", "text/plain"), ("authorization", "Basic x"))
    request = scope("POST", "/x", [*headers, ("x-user", "root")])
    run(VerifyMiddleware(app, verifier(), drop_uncovered=True), request, b"abc")
    names = {name for name, _ in app.scopes[0]["headers"]}
    assert names == {b"host", b"content-type", b"content-length", b"content-digest", b"authorization"}


def test_a_header_of_which_one_member_is_covered_is_dropped() -> None:
    covered = ["@method", "@target-uri", "x-whole", '"x-own";key="a"']
    data = {"apiseal_profile": 1, "id": "member.v1", "extends": "rfc9421", "require": covered}
    profile = apiseal.Profile(data)
    key = apiseal.Key.raw("own", "hmac-sha256", b"\7" * 32)
    ring = apiseal.Keyring([key.replace(principal="ACME", direction="req", profiles=["member.v1"])])
    lines = [HOST, ("x-own", "a=1"), ("x-whole", "2")]
    lines += apiseal.Signer(ring, profile).sign("GET", "/x", lines).headers
    lines[1] = ("x-own", "a=1, role=root")
    for drops in (False, True):
        app = App()
        checks = apiseal.Verifier(ring, profile, replay=store())
        run(VerifyMiddleware(app, checks, drop_uncovered=drops), scope("GET", "/x", lines))
        names = {name for name, _ in app.scopes[0]["headers"]}
        assert (b"x-own" in names) is not drops and b"x-whole" in names


def test_what_cannot_be_set_up_says_why() -> None:
    app = App()
    with pytest.raises(ValueError, match="signer"):
        VerifyMiddleware(app, verifier(), sealed=[SealedRoute("/x", None, CIPHER, context=CONTEXT)])
    with pytest.raises(TypeError, match="health"):
        VerifyMiddleware(app, verifier(), exempt="/health")
    with pytest.raises(ValueError, match="websockets"):
        VerifyMiddleware(app, verifier(), websockets="maybe")  # type: ignore[arg-type]
    for path in ("orders", "/a/{b", "/a*", "/a/*/b"):
        with pytest.raises(ValueError, match="path"):
            SealedRoute(path, CIPHER, context=CONTEXT)
    with pytest.raises(ValueError, match="nothing"):
        SealedRoute("/x", context=CONTEXT)
    for methods in (["post"], ["POST", "Put"], []):
        with pytest.raises(ValueError, match="capitals"):
            SealedRoute("/x", CIPHER, context=CONTEXT, methods=methods)


@pytest.mark.parametrize(
    ("path", "fitting", "other"),
    [
        ("/orders", ["/orders"], ["/orders/", "/orders/7", "/order", "/Orders"]),
        ("/orders/{id}", ["/orders/7", "/orders/a b"], ["/orders/", "/orders/7/x", "/orders"]),
        ("/orders/*", ["/orders/", "/orders/7/x", "/orders/\n"], ["/orders", "/ordersx"]),
        ("/a.b/{x}-{y}", ["/a.b/1-2"], ["/acb/1-2"]),
    ],
)
def test_paths_of_sealed_routes(path: str, fitting: list[str], other: list[str]) -> None:
    route = SealedRoute(path, CIPHER, context=CONTEXT, methods=["POST"])
    assert all(route.fits("POST", own) for own in fitting) and not any(route.fits("POST", own) for own in other)
    assert not route.fits("GET", fitting[0])


def test_content_that_no_digest_proves_never_reaches_the_application(caplog: pytest.LogCaptureFixture) -> None:
    ring = lax_ring()
    for target, body in (("/x", b""), ("/y", b"abc")):
        app = App()
        lines = [HOST, *apiseal.Signer(ring, LAX).sign("POST", target, [HOST], body).headers]
        checks = apiseal.Verifier(ring, LAX, replay=store())
        sent = run(VerifyMiddleware(app, checks), scope("POST", target, lines), body and b"abd")
        assert sent[0]["status"] == (401 if body else 200) and bool(app.scopes) is not bool(body)
    assert "no covered digest" in caplog.text


@pytest.mark.filterwarnings("ignore:The `root_path` parameter")
def test_a_root_path_that_fastapi_states_itself_does_not_lead_past_sealed_routes() -> None:
    app = fastapi.FastAPI(root_path="/api")

    @app.post("/orders")
    async def orders() -> dict[str, Any]:
        raise AssertionError("clear content reached the application")

    @app.get("/health")
    async def health() -> str:
        return "fine"

    sealed = [SealedRoute("/orders", CIPHER, CIPHER, context=context_of)]
    service = VerifyMiddleware(app, verifier(), signer=SIGNER, sealed=sealed, exempt=["/health"])
    for path in ("/orders", "/api/orders"):
        assert post(service, path, BODY, ("content-type", "application/json"))[0]["status"] == 401
    for path, status in (("/health", 200), ("/api/health", 200), ("/api/api/health", 401), ("/api/%68ealth", 401)):
        request = scope("GET", path, [HOST], path=path.replace("%68", "h"), raw_path=path.encode())
        assert run(service, request)[0]["status"] == status, path


def test_methods_of_a_route_are_there_at_every_look() -> None:
    names = ["POST"]
    routes = [
        SealedRoute("/x", CIPHER, context=CONTEXT, methods=methods)  # type: ignore[arg-type]
        for methods in (iter(["POST"]), names)
    ]
    names.clear()
    for route in routes:
        assert all(route.fits("POST", "/x") for _ in range(2)) and not route.fits("GET", "/x")


def test_explain_names_the_change_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    headers, _ = signed("GET", "/a%2Fb?x=1")
    request = scope("GET", "/a/b?x=1", headers)
    for explain in (False, True):
        caplog.clear()
        assert run(VerifyMiddleware(App(), verifier(), explain=explain), request)[0]["status"] == 401
        assert ("/a%2Fb" in caplog.text) is explain and len(caplog.records) == 1 + explain
