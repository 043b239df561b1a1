"""A partner who pays, and what an attacker on the way tries.

python client.py FOLDER URL
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import apiseal
import httpx
from apiseal import FieldCipher, Keyring, NoReplayCheck, Signer, Verifier
from apiseal.httpx import SealedRoute, SignatureAuth, verified
from keys import context, passphrase

POLICY = apiseal.Policy(Path(__file__).with_name("policy.json"))


def auth_of(partner: str, folder: Path) -> SignatureAuth:
    """Signs, encrypts, verifies and decrypts for a partner, by the keys that it was given."""

    def ring(name: str) -> Keyring:
        return Keyring.load(folder / partner / f"{name}.json", name, passphrase=passphrase())

    signing = ring("signing")
    requests, answers = FieldCipher(ring("fields-req"), POLICY), FieldCipher(ring("fields-res"), POLICY)
    return SignatureAuth(
        Signer(signing),
        Verifier(signing, replay=NoReplayCheck()),
        sealed=[
            SealedRoute("/payments", requests, context=context(partner), methods=["POST"]),
            SealedRoute("/payments/{id}", None, answers, context=context(partner), methods=["GET"]),
        ],
    )


class Wire:
    """Somebody on the way, who keeps what passes."""

    def __init__(self) -> None:
        self.seen: list[tuple[httpx.Request, bytes]] = []

    def __call__(self, request: httpx.Request) -> None:
        self.seen.append((request, request.content))


def main(folder: Path, url: str) -> None:
    wire = Wire()
    payment = {"id": "pay_1", "amount": "149.90", "card": {"number": "4111111111111111", "brand": "visa"}}
    with httpx.Client(base_url=url, auth=auth_of("ACME", folder), event_hooks={"request": [wire]}) as acme:
        made = acme.post("/payments", json=payment)
        say("ACME pays", made)
        shown = acme.get("/payments/pay_1")
        assert shown.json() == payment
        say("ACME reads the payment back", shown)

    captured, body = wire.seen[0]
    print("on the wire:", body.decode())
    assert b"4111111111111111" not in body

    with httpx.Client(base_url=url) as attacker:
        lines = captured.headers.raw
        say("the request once more", attacker.post("/payments", content=body, headers=lines))
        altered = body.replace(b"149.90", b"1.00")
        lines = [line for line in lines if line[0].lower() != b"content-length"]
        say("another amount", attacker.post("/payments", content=altered, headers=lines))
        say("no signature", attacker.post("/payments", json=payment))
        stolen = attacker.post("/payments", content=body, headers=as_bank(folder, url, body))
        say("ACME's sealed content, signed by Bank", stolen)

    with httpx.Client(base_url=url, auth=auth_of("Bank", folder)) as bank:
        say("Bank asks for ACME's payment", bank.get("/payments/pay_1"))
        broken = payment | {"card": {"number": "4111111111111111 ", "brand": "visa"}}
        say("a card number that is none, of which the answer repeats nothing", bank.post("/payments", json=broken))


def as_bank(folder: Path, url: str, body: bytes) -> Any:
    """Headers of a request that Bank signs with its own key, and rightly so."""
    signing = Keyring.load(folder / "Bank" / "signing.json", "signing", passphrase=passphrase())
    own = [("content-type", "application/json")]
    return own + Signer(signing).sign("POST", f"{url}/payments", own, body).headers


def say(what: str, got: httpx.Response) -> None:
    proof = verified(got)
    print(json.dumps({"what": what, "status": got.status_code, "answer": got.text, "signed": proof is not None}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
