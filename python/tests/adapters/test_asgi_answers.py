"""Answers of the application, driven without a server: what leaves, signed and encrypted, and what does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import apiseal
import pytest
from apiseal.asgi import SealedRoute, VerifyMiddleware
from hand import BODY, HOST, App, run, scope, signed
from support import CIPHER, CLIENT_VERIFIER, CONTEXT, SIGNER, context_of, verifier


def checked(sent: list[Any], request: apiseal.Signed) -> apiseal.Verified:
    start, body = sent
    assert not body.get("more_body")
    return CLIENT_VERIFIER.verify_response(start["status"], start["headers"], body["body"], request=request)


def answered(app: Any, method: str = "GET", **options: Any) -> tuple[list[Any], apiseal.Signed]:
    headers, made = signed(method, "/x")
    return run(VerifyMiddleware(app, verifier(), signer=SIGNER, **options), scope(method, "/x", headers)), made


def test_rule_s22_answers_to_verified_requests_are_signed_and_belong_to_them() -> None:
    sent, made = answered(App(200, b'{"a": 1}'))
    assert checked(sent, made).component("@status") == "200"
    _, other = signed("GET", "/x")
    with pytest.raises(apiseal.SignatureError):
        checked(sent, other)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404), ("GET", 302)])
def test_rule_s22_answers_without_content(method: str, status: int) -> None:
    app = App(status, b"" if status == 302 else b'{"left": "out"}', (b"content-length", b"15"), (b"location", b"/y"))
    sent, made = answered(app, method)
    # Of a 304 some servers demand the content that its length tells.
    assert sent[1]["body"] == b"" and checked(sent, made).component("@status") == str(status)
    length = dict(sent[0]["headers"]).get(b"content-length")
    assert length == {"HEAD": b"15"}.get(method, {302: b"0"}.get(status))


def test_an_answer_in_pieces_is_signed_whole_and_nothing_leaves_before() -> None:
    order: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for part in (b"a", b"b", b""):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            order.append("kept")
        await send({"type": "http.response.body"})
        order.append("sent")

    sent, made = answered(app)
    assert sent[1]["body"] == b"ab" and order == ["kept"] * 3 + ["sent"] and len(sent) == 2
    assert checked(sent, made).body == b"ab" and (b"content-length", b"2") in sent[0]["headers"]


def test_an_answer_beyond_the_limit_is_an_error_and_nothing_of_it_leaves() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            try:
                await send({"type": "http.response.body", "body": b"x" * 10, "more_body": True})
            except RuntimeError as error:
                failures.append(str(error))
        await send({"type": "http.response.body", "body": b""})

    failures: list[str] = []
    headers, _ = signed("GET", "/x")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        service = VerifyMiddleware(app, verifier(), signer=SIGNER, max_answer=15)
        asyncio.run(service(scope("GET", "/x", headers), receive, send))
    assert not sent and "max_answer" in failures[0]


def test_an_application_that_swallows_the_error_of_signing_sends_nothing() -> None:
    """A header that cannot be signed: the server's own 500 follows, never an unsigned answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"a"), (b"content-type", b"b")],
            }
        )
        for _ in range(2):
            try:
                await send({"type": "http.response.body", "body": b"x"})
            except Exception as error:  # noqa: BLE001 - as some applications do
                seen.append(type(error))

    seen: list[Any] = []
    sent, _ = answered(app)
    assert sent == [] and len(seen) == 2


def test_a_second_answer_and_other_messages_are_refused() -> None:
    async def twice(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def early(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 103, "headers": []})

    async def path(scope: Any, receive: Any, send: Any) -> None:
        assert "http.response.pathsend" not in scope["extensions"] and "tls" in scope["extensions"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": "/etc/hostname"})

    for app in (twice, early, path):
        headers, _ = signed("GET", "/x")
        request = scope("GET", "/x", headers, extensions={"http.response.pathsend": {}, "tls": {}})
        with pytest.raises(RuntimeError):
            run(VerifyMiddleware(app, verifier(), signer=SIGNER), request)


def test_paths_whose_answers_stream_are_named_and_unsigned() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body", "body": b"2"})

    sent, _ = answered(app, unsigned=["/x"])
    assert [message.get("body") for message in sent] == [None, b"1", b"2"]
    assert b"signature" not in dict(sent[0]["headers"])


def sealed_service(app: Any, **options: Any) -> VerifyMiddleware:
    route = SealedRoute("/orders", CIPHER, CIPHER, context=context_of, **options)
    return VerifyMiddleware(app, verifier(), signer=SIGNER, sealed=[route])


def sealed_answer(app: Any, **options: Any) -> tuple[list[Any], apiseal.Protected]:
    own = [HOST, ("content-type", "application/json")]
    made = apiseal.Protector(CIPHER, SIGNER).protect("POST", "/orders", own, BODY, context=CONTEXT)
    return run(sealed_service(app, **options), scope("POST", "/orders", own + made.headers), made.body), made


def test_answers_of_a_sealed_route_are_encrypted_then_signed() -> None:
    sent, made = sealed_answer(App(200, BODY))
    assert b"4111" not in sent[1]["body"] and (b"content-length", b"%d" % len(sent[1]["body"])) in sent[0]["headers"]
    acceptor = apiseal.Acceptor(CIPHER, CLIENT_VERIFIER)
    opened = acceptor.accept_response(200, sent[0]["headers"], sent[1]["body"], request=made, context=lambda _: CONTEXT)
    assert opened.document == BODY


@pytest.mark.parametrize("body", [b'{"id": 7}', b'{"id": 7, "card": 1}', b"no json"])
def test_an_answer_that_the_policy_does_not_fit_never_leaves(body: bytes) -> None:
    sent: list[Any] = []
    with pytest.raises(apiseal.ApisealError):
        sent, _ = sealed_answer(App(200, body))
    assert not sent


def test_errors_on_a_sealed_route_do_not_repeat_what_was_decrypted() -> None:
    """FastAPI's 422 holds the input."""
    app = App(422, json.dumps({"detail": [{"input": "4111111111111111"}]}).encode())
    sent, made = sealed_answer(app)
    start, body = sent
    assert start["status"] == 422 and body["body"] == b"" and b"content-type" not in dict(start["headers"])
    CLIENT_VERIFIER.verify_response(422, start["headers"], b"", request=made)
    sent, _ = sealed_answer(app, errors="clear")
    assert b"4111" in sent[1]["body"]
