"""The one FastAPI application in six dresses: `uvicorn asgi_services:<name>`."""

from __future__ import annotations

import datetime
import time
from typing import Any

import apiseal
from apiseal.asgi import SealedRoute, VerifyMiddleware
from fastapi import FastAPI
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from pydantic import BaseModel, Field

SECRETS = {"req": bytes(range(32)), "res": bytes(range(32, 64)), "fields": bytes(range(64, 96))}
POLICY = {
    "apiseal_policy": 1,
    "id": "payments.v1",
    "rules": [{"path": "$.card.number", "bind": ["$.id"]}, {"path": "$.card.holder", "bind": ["$.id"]}],
}
CONTEXT = {"purpose": "payments"}

SIGNING = apiseal.Keyring(
    [
        apiseal.Key.raw(f"acme-{way}", "hmac-sha256", SECRETS[way]).replace(principal="ACME", direction=way)
        for way in ("req", "res")
    ]
)
FIELDS = apiseal.Keyring(
    [apiseal.Key.import_secret("fields", SECRETS["fields"]).replace(scope=CONTEXT)], primary=["fields"]
)
CIPHER = apiseal.FieldCipher(FIELDS, POLICY)


class Card(BaseModel):
    number: str
    holder: str


class Payment(BaseModel):
    id: int
    amount: float
    card: Card
    note: str = Field(max_length=1000)


app = FastAPI()


@app.post("/payments")
async def pay(payment: Payment) -> Payment:
    return payment


def verifier() -> apiseal.Verifier:
    # The clock of the store: without it, it refuses for half a minute what may be older than itself.
    return apiseal.Verifier(SIGNING, replay=apiseal.MemoryReplay(1_000_000, quota=1_000_000, clock=lambda: 0))


bare = app
signed_in = VerifyMiddleware(app, verifier(), scheme="http")
signed_both = VerifyMiddleware(app, verifier(), signer=apiseal.Signer(SIGNING), scheme="http")
sealed_both = VerifyMiddleware(
    app,
    verifier(),
    signer=apiseal.Signer(SIGNING),
    sealed=[SealedRoute("/payments", CIPHER, CIPHER, context=CONTEXT)],
    scheme="http",
)


class Keys(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id: str) -> bytes:
        return SECRETS[key_id.removeprefix("acme-")]

    resolve_private_key = resolve_public_key


class Sent:
    """A request as that library reads it."""

    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


class Answered:
    def __init__(self, status: int, headers: dict[str, str], request: Sent) -> None:
        self.status_code = status
        self.headers = headers
        self.request = request


class ByHand:
    """The same with `http-message-signatures`: what its users write around it, as short as can be. The whole content is
    read, signature, coverage, age and digest are checked, and the nonce is remembered."""

    covered = ("@method", "@authority", "@path", "@query", "content-digest", "content-type")
    answered = ("@status", "content-type", '"@method";req', '"@authority";req', '"@path";req', '"@query";req')

    def __init__(self, app: Any, signs: bool) -> None:
        self.app = app
        self.signs = signs
        self.verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())
        self.signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())
        self.seen: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(parts)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        request = Sent(scope["method"], "http://" + headers["host"] + target, headers)
        (result,) = self.verifier.verify(
            request,
            max_age=datetime.timedelta(seconds=300),
            expect_tag="apiseal-req-v1",
            require_components=self.covered,
            body=body,
        )
        nonce = str(result.parameters["nonce"])
        if nonce in self.seen:
            raise ValueError("seen")
        self.seen.add(nonce)
        given = False

        async def again() -> Any:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, self.answer(send, request, nonce) if self.signs else send)

    def answer(self, send: Any, request: Sent, nonce: str) -> Any:
        start: Any = None
        parts: list[bytes] = []

        async def keep(message: Any) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts)
            headers = {name.decode(): value.decode() for name, value in start["headers"]}
            self.signer.sign(
                Answered(start["status"], headers, request),
                key_id="acme-res",
                created=datetime.datetime.fromtimestamp(int(time.time())),
                nonce=nonce,
                label="sig",
                tag="apiseal-res-v1",
                include_alg=False,
                covered_component_ids=self.answered,
                body=body,
            )
            lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": start["status"], "headers": lines})
            await send({"type": "http.response.body", "body": body})

        return keep


hand_in = ByHand(app, signs=False)
hand_both = ByHand(app, signs=True)
