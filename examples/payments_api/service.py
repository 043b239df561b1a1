"""The service: `uvicorn service:service`, with PAYMENTS_FOLDER and PAYMENTS_PASSPHRASE set."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import apiseal
from apiseal import Accepted, Keyring, Verified
from apiseal.asgi import SealedRoute, VerifyMiddleware, accepted, verified
from fastapi import Depends, FastAPI, HTTPException
from keys import context, passphrase
from pydantic import BaseModel, Field
from storage import Nonces, Payment, Storage

FOLDER = Path(os.environ["PAYMENTS_FOLDER"])
POLICY = apiseal.Policy(Path(__file__).with_name("policy.json"))
log = logging.getLogger("payments")


def ring(name: str) -> Keyring:
    return Keyring.load(FOLDER / "service" / f"{name}.json", name, passphrase=passphrase())


app = FastAPI()
redactor = apiseal.Redactor(POLICY)
storage = Storage(FOLDER / "service" / "payments.sqlite", ring("storage"))


class Card(BaseModel):
    number: str = Field(pattern=r"^[0-9]{12,19}$")
    brand: str


class NewPayment(BaseModel):
    id: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    amount: str = Field(pattern=r"^[0-9]{1,9}\.[0-9]{2}$")
    card: Card


def partner(proof: Annotated[Verified, Depends(verified)]) -> str:
    """Whose request it is. That the partner may do what it asks for is for the handlers to check."""
    if proof.principal is None:
        raise HTTPException(403)
    return proof.principal


Partner = Annotated[str, Depends(partner)]


@app.post("/payments", status_code=201)
def pay(payment: NewPayment, partner: Partner, opened: Annotated[Accepted, Depends(accepted)]) -> dict[str, str]:
    # By the policy: `****1111` is what the log gets of the card.
    log.info("payment of %s: %s", partner, redactor.redact(opened.document).decode())
    row = Payment(payment.id, partner, payment.amount, payment.card.brand, payment.card.number)
    if not storage.add(row):
        raise HTTPException(409)
    return {"id": payment.id, "status": "authorised"}


@app.get("/payments/{id}")
def show(id: str, partner: Partner) -> NewPayment:
    payment = storage.find(id, partner)
    if payment is None:
        raise HTTPException(404)
    card = Card(number=payment.card_number, brand=payment.card_brand)
    return NewPayment(id=payment.id, amount=payment.amount, card=card)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "up"}


def secured() -> VerifyMiddleware:
    signing = ring("signing")
    cipher = apiseal.FieldCipher(ring("fields"), POLICY)
    signers: dict[str | None, apiseal.Signer] = {
        key.principal: apiseal.Signer(signing, key=key.kid) for key in signing.keys if key.direction == "res"
    }

    def context_of(proof: apiseal.Proof) -> dict[str, str]:
        return context(str(proof.principal))

    return VerifyMiddleware(
        app,
        apiseal.Verifier(signing, replay=Nonces(FOLDER / "service" / "nonces.sqlite", 100_000)),
        signer=lambda proof: signers[proof.principal],
        sealed=[
            SealedRoute("/payments", cipher, context=context_of, methods=["POST"]),
            SealedRoute("/payments/{id}", None, cipher, context=context_of, methods=["GET"]),
        ],
        exempt=["/health"],
        scheme="http",  # behind TLS: https
        offload=0,  # the store of nonces blocks
    )


logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
service = secured()
