"""Signed requests, as `benches/src/requests.rs` makes them, beside http-message-signatures."""

from __future__ import annotations

import datetime
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apiseal
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from measure import Subject, calls, human, measure
from rust import Rust

NOW = int(time.time())  # the peer has no clock of the caller's
KEY = bytes([7]) * 32
RING = apiseal.Keyring(
    [apiseal.Key.raw("client-2026", "hmac-sha256", KEY).replace(direction="req", principal="client")]
)
COMPONENTS = ["@method", "@authority", "@path", "@query"]


@dataclass
class Request:
    """As the peer takes it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def request(method: str, number: int) -> Request:
    headers = {
        "Host": "api.example",
        "User-Agent": "client/1.4.2 (linux; x86_64)",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate, br",
        "X-Request-Id": f"7f9c24e8-3b12-4fef-91e0-{number:012x}",
        "Connection": "keep-alive",
    }
    body = None
    if method == "POST":
        lines = '[{"sku":"A-1","qty":2},{"sku":"B-7","qty":1}]'
        body = f'{{"order":"ord_{number:08x}","currency":"EUR","amount":149.90,"lines":{lines},"note":"leave at the door"}}'.encode()
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Request(method, f"https://api.example/v2/accounts/{number}/orders?limit=50&state=open", headers, body)


class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> bytes:
        return KEY

    def resolve_public_key(self, key_id: str) -> bytes:
        return KEY


class Peer:
    """The same components, parameters and checks, without a store of nonces on either side."""

    def __init__(self) -> None:
        self.signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())
        self.verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())

    def sign(self, own: Request) -> None:
        more = ["content-type"] if own.body else []
        self.signer.sign(
            own,
            key_id="client-2026",
            created=datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc),
            nonce="AAECAwQFBgcICQoLDA0ODw",
            tag="apiseal-req-v1",
            label="sig",
            include_alg=False,
            covered_component_ids=COMPONENTS + more,
            body=own.body,
        )

    def verify(self, own: Request) -> Any:
        more = ["content-digest", "content-type"] if own.body else []
        return self.verifier.verify(
            own,
            max_age=datetime.timedelta(seconds=300),
            expect_tag="apiseal-req-v1",
            require_components=COMPONENTS + more,
            body=own.body,
        )


def subjects(operation: str, method: str, rust: Rust) -> dict[str, Subject]:
    signer = apiseal.Signer(RING, clock=lambda: NOW)
    verifier = apiseal.Verifier(RING, replay=apiseal.NoReplayCheck(), clock=lambda: NOW)
    requests, peer = [request(method, number) for number in range(1024)], Peer()
    theirs = [Request(own.method, own.url, dict(own.headers), own.body) for own in requests]
    if operation == "sign":

        def fresh(own: Request) -> None:
            # Signing changes its headers, so that each call gets a copy.
            peer.sign(Request(own.method, own.url, dict(own.headers), own.body))

        ours = calls(lambda own: signer.sign(own.method, own.url, own.headers, own.body), requests)
        return {"apiseal": ours, "peer": calls(fresh, theirs), "rust": rust.subject(f"sign {method} -")}
    for own, other in zip(requests, theirs, strict=True):
        own.headers |= dict(signer.sign(own.method, own.url, own.headers, own.body).headers)
        peer.sign(other)
    ours = calls(lambda own: verifier.verify(own.method, own.url, own.headers, own.body), requests)
    return {"apiseal": ours, "peer": calls(peer.verify, theirs), "rust": rust.subject(f"verify {method} -")}


def rows(rust: Rust, seconds: float) -> Iterator[str]:
    warnings.simplefilter("ignore")  # the peer warns about requests that it verifies without replay check
    yield "| HMAC | apiseal | Rust | over Rust | http-message-signatures | ratio |"
    yield "|---|---:|---:|---:|---:|---:|"
    for method in ("GET", "POST"):
        for operation in ("sign", "verify"):
            best = measure(subjects(operation, method, rust), seconds)
            own, floor, peer = best["apiseal"], best["rust"], best["peer"]
            yield f"| {operation} {method} | {human(own)} | {human(floor)} | {(own - floor) * 1e6:+.2f} µs | {human(peer)} | {peer / own:.1f}× |"
