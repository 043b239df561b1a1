"""Random damage to requests and answers: what is consumed is what was covered, or it is refused."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import apiseal
import pytest
from apiseal._web.exchange import Exchanges, Head
from apiseal.asgi import SealedRoute, VerifyMiddleware, accepted, verified
from hand import BODY, HOST, scope
from support import CIPHER, CLIENT_SEALED, CLIENT_VERIFIER, CONTEXT, RING, SIGNER, context_of

JSON = ("content-type", "application/json")
HEADERS = [HOST, JSON, ("authorization", "Basic x"), ("idempotency-key", "1")]
STRANGE = [
    b"",
    b" ",
    b",",
    b"\x00",
    b"\xff",
    b"\t",
    b"x",
    b'"',
    b";",
    b"=",
    b"?0",
    b"sig=()",
    b"sig=::",
    b"7",
    b"-1",
    b"chunked",
]


def damaged(random: random.Random, lines: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    lines = list(lines)
    for _ in range(random.randint(1, 2)):
        at = random.randrange(len(lines))
        name, value = lines[at]
        kind = random.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(random.randrange(len(lines) + 1), lines[at])
        elif kind == 2 and value:
            spot = random.randrange(len(value))
            lines[at] = (name, value[:spot] + bytes([value[spot] ^ (1 << random.randrange(8))]) + value[spot + 1 :])
        elif kind == 3:
            lines[at] = (name, random.choice(STRANGE))
        elif kind == 4:
            lines[at] = (name, value + random.choice(STRANGE))
        elif kind == 5:
            lines.append((random.choice(lines)[0], random.choice(lines)[1]))
        elif kind == 6:
            steering = [
                b"x-http-method-override",
                b"cookie",
                b"content-encoding",
                b"transfer-encoding",
                b"content-length",
            ]
            lines.append((random.choice(steering), random.choice(STRANGE)))
        else:
            lines[at] = (name.replace(b"-", b"_"), value)
        lines = lines or [(b"host", b"api.example")]
    return lines


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_of_damaged_requests_none_reaches_the_application_changed(seed: int, is_sealed: bool) -> None:
    rand = random.Random(seed)
    reached = [0]
    # Nonces are not remembered here: each damage is tried on one valid request.
    checks = apiseal.Verifier(RING, replay=apiseal.NoReplayCheck())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached[0] += 1
        message = await receive()
        proof = verified(scope)
        assert message["body"] == BODY and not message["more_body"]
        assert (accepted(scope).document if is_sealed else proof.body) == BODY
        inner = dict(scope["headers"])
        for name in ("content-type", "authorization", "idempotency-key"):
            # White space around a value is no part of it (RFC 9110, section 5.5); servers take it away.
            assert proof.component(name) == dict(HEADERS)[name] == inner[name.encode()].decode().strip(" \t")
        seen = (scope["method"], scope["raw_path"], scope["query_string"])
        assert seen == ("POST", b"/orders", b"x=1") and proof.component("@path") == "/orders"

    sealed = [SealedRoute("/orders", CIPHER, context=context_of)] if is_sealed else []
    service = VerifyMiddleware(app, checks, sealed=sealed)
    if is_sealed:
        made = apiseal.Protector(CIPHER, SIGNER).protect("POST", "/orders?x=1", HEADERS, BODY, context=CONTEXT)
        body, added = made.body, made.headers
    else:
        body, added = BODY, SIGNER.sign("POST", "/orders?x=1", HEADERS, BODY).headers
    whole = scope("POST", "/orders?x=1", [*HEADERS, *added, ("content-length", str(len(body)))])

    async def one(own: dict[str, Any], content: bytes) -> int:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            sent.append(message)

        await service(own, receive, send)
        return sent[0]["status"] if sent else 200

    async def main() -> None:
        assert await one(dict(whole), body) == 200
        for _ in range(1500):
            own, content = dict(whole), body
            choice = rand.randrange(10)
            if choice == 0:
                own["raw_path"] = rand.choice([b"/orders/", b"/%6frders", b"//orders", b"/orders;", b"/order"])
            elif choice == 1:
                own["query_string"] = rand.choice([b"", b"x=2", b"x=1&", b"x=%31", b"x=1&x=1"])
            elif choice == 2:
                own["method"] = rand.choice(["GET", "PUT", "post", "HEAD"])
            elif choice == 3:
                spot = rand.randrange(len(body))
                content = body[:spot] + bytes([body[spot] ^ (1 << rand.randrange(8))]) + body[spot + 1 :]
            elif choice == 4:
                content = rand.choice([b"", body[:-1], body + b" ", BODY, body + body])
            else:
                own["headers"] = damaged(rand, whole["headers"])
            assert await one(own, content) in (200, 401, 413, 415)

    asyncio.run(main())
    assert reached[0] > 1  # some damage does no harm, such as a copy of an uncovered line


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_of_damaged_answers_none_is_taken_for_proved(seed: int, is_sealed: bool) -> None:
    rand = random.Random(seed)
    client = Exchanges(SIGNER, CLIENT_VERIFIER, CLIENT_SEALED if is_sealed else (), True)
    head = Head("POST", "/orders", [(b"host", b"api.example"), (b"content-type", b"application/json")], "https", None)
    taken = 0
    for _ in range(800):
        sent = client.outgoing(head, BODY, client.route(head))
        lines = [*head.lines, *((name.encode(), value.encode()) for name, value in sent.added)]
        proof = CLIENT_VERIFIER.verify("POST", "/orders", lines, sent.body)
        own = [JSON, ("x-other", "1")]
        if is_sealed:
            made = apiseal.Protector(CIPHER, SIGNER).protect_response(200, own, BODY, request=proof, context=CONTEXT)
            body, added = made.body, made.headers
        else:
            body, added = BODY, SIGNER.sign_response(200, own, BODY, request=proof).headers
        answer = [(name.encode(), value.encode()) for name, value in [*own, *added]]
        status, choice = 200, rand.randrange(6)
        if choice == 0:
            status = rand.choice([201, 302, 404, 500, 401])
        elif choice == 1:
            spot = rand.randrange(len(body))
            body = body[:spot] + bytes([body[spot] ^ (1 << rand.randrange(8))]) + body[spot + 1 :]
        elif choice == 2:
            body = rand.choice([b"", body[:-1], body + b" ", b"{}"])
        else:
            answer = damaged(rand, answer)
        try:
            checked = client.checked(sent, status, answer, body)
        except apiseal.ApisealError:
            continue
        if checked.verified is not None:
            taken += 1
            assert (status, checked.body, checked.verified.component("content-type")) == (200, BODY, JSON[1])
        else:
            # Only what a service sends that has verified nothing; the caller sees that it is not proved.
            assert status in (401, 500)
    assert taken > 1
