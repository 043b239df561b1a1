"""Keys, signers and verifiers of a client and a server that know each other."""

from __future__ import annotations

from typing import Any

import apiseal

POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}


def ring() -> apiseal.Keyring:
    request = apiseal.Key.raw("acme-req", "hmac-sha256", b"\7" * 32).replace(principal="ACME", direction="req")
    response = apiseal.Key.raw("acme-res", "hmac-sha256", b"\x08" * 32).replace(principal="ACME", direction="res")
    return apiseal.Keyring([request, response])


def fields() -> apiseal.FieldCipher:
    key = apiseal.Key.import_secret("fields", b"\5" * 32).replace(scope={"purpose": "orders"})
    return apiseal.FieldCipher(apiseal.Keyring([key], primary=["fields"]), POLICY)


def replay() -> apiseal.MemoryReplay:
    return apiseal.MemoryReplay(10_000, clock=lambda: 0)


def verifier(store: Any = None) -> apiseal.Verifier:
    return apiseal.Verifier(ring(), replay=store or replay())


class AwaitedReplay:
    """A store that is awaited."""

    def __init__(self) -> None:
        self.seen: set[tuple[bytes, str]] = set()

    async def claim(self, claim: apiseal.Claim) -> apiseal.Outcome:
        key = (claim.scope, claim.nonce)
        if key in self.seen:
            return "seen"
        self.seen.add(key)
        return "first"


def async_verifier() -> apiseal.AsyncVerifier:
    return apiseal.AsyncVerifier(ring(), replay=AwaitedReplay())


def client_signer() -> apiseal.Signer:
    return apiseal.Signer(ring(), key="acme-req")


def server_signer() -> apiseal.Signer:
    return apiseal.Signer(ring(), key="acme-res")


def client_verifier() -> apiseal.Verifier:
    return apiseal.Verifier(ring(), replay=apiseal.NoReplayCheck())
