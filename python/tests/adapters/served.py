"""A service that servers of other kinds import: `served:service`. Its keys are the same in each process."""

from __future__ import annotations

import apiseal
from apiseal.asgi import VerifyMiddleware
from services import application


def _key(kid: str, direction: str) -> apiseal.Key:
    return apiseal.Key.raw(kid, "hmac-sha256", kid.encode() * 4).replace(principal="ACME", direction=direction)


RING = apiseal.Keyring([_key("acme-req", "req"), _key("acme-res", "res")])
REPLAY = apiseal.MemoryReplay(1000, clock=lambda: 0)

service = VerifyMiddleware(
    application(),
    apiseal.Verifier(RING, replay=REPLAY),
    signer=apiseal.Signer(RING),
    scheme="http",
    exempt=["/health"],
    max_body=1 << 20,
)
