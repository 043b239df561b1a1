"""A partner, a service and a signed request, for the tests of signing."""

from __future__ import annotations

from typing import Any

import apiseal

NOW = 1_800_000_000
URL = "https://api.example/orders?dry-run=1"
HEADERS = [("content-type", "application/json")]
BODY = b'{"amount": 149.90}'


def clock() -> int:
    return NOW


def key(
    kid: str = "acme-req", secret: bytes = b"a" * 32, principal: str = "ACME", direction: str = "req", **more: Any
) -> apiseal.Key:
    return apiseal.Key.raw(kid, "hmac-sha256", secret).replace(principal=principal, direction=direction, **more)


RING = apiseal.Keyring([key(), key("acme-res", b"b" * 32, direction="res"), key("bank-req", b"c" * 32, "Bank")])


def signer(**more: Any) -> apiseal.Signer:
    return apiseal.Signer(more.pop("keyring", RING), **{"key": "acme-req", "clock": clock, **more})


def verifier(replay: Any = None, **more: Any) -> apiseal.Verifier:
    return apiseal.Verifier(
        more.pop("keyring", RING),
        replay=apiseal.NoReplayCheck() if replay is None else replay,
        **{"clock": clock, **more},
    )


def memory(capacity: int = 1000, **more: Any) -> apiseal.MemoryReplay:
    # It refuses what was signed before it began.
    return apiseal.MemoryReplay(capacity, **{"clock": lambda: NOW - 1000, **more})


def signed(
    method: str = "POST", url: str = URL, headers: Any = HEADERS, body: bytes | None = BODY, **more: Any
) -> list:
    """Header lines of a signed request."""
    return [*headers, *signer(**more).sign(method, url, headers, body).headers]
