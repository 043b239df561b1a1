"""Protect and accept: both jobs in one, under a context of what was proved."""

from __future__ import annotations

import json
from typing import Any

import apiseal
import pytest
from signing import HEADERS, RING, URL, clock, memory, signer, verifier

POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}
CIPHER = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY, clock=clock)
CLEAR = b'{"id": 7, "card": "4111111111111111"}'
CONTEXT = {"purpose": "orders"}


def protector(**more: Any) -> apiseal.Protector:
    return apiseal.Protector(CIPHER, signer(**more))


def protected(body: bytes = CLEAR, headers: list = HEADERS, **more: Any) -> tuple[list, bytes]:
    made = protector(**more).protect("POST", URL, headers, body, context=CONTEXT)
    return made.headers, made.body


def acceptor(replay: Any = None) -> apiseal.Acceptor:
    return apiseal.Acceptor(CIPHER, verifier(replay))


def accept(lines: list, body: bytes, replay: Any = None, context: Any = lambda proof: CONTEXT) -> apiseal.Accepted:
    return acceptor(replay).accept("POST", URL, HEADERS + lines, body, context=context)


def test_there_and_back() -> None:
    lines, body = protected()
    assert b"4111111111111111" not in body and json.loads(body)["id"] == 7
    proofs = []
    accepted = accept(lines, body, context=lambda proof: proofs.append(proof) or CONTEXT)
    assert accepted.document == CLEAR and accepted.accepted_plain == []
    assert accepted.verified.body == body and accepted.verified.principal == "ACME"
    (proof,) = proofs
    assert isinstance(proof, apiseal.Proof) and proof.component("@path") == "/orders"


def test_a_context_made_of_what_was_proved() -> None:
    own = {"purpose": "orders", "partner": "ACME"}
    made = protector().protect("POST", URL, HEADERS, CLEAR, context=own)
    accepted = accept(made.headers, made.body, context=lambda proof: {"purpose": "orders", "partner": proof.principal})
    assert accepted.document == CLEAR
    with pytest.raises(apiseal.RejectedError):
        accept(*protected(), context=lambda proof: {"purpose": "other"})


def test_captured_content_signed_by_another_partner_does_not_open() -> None:
    _, body = protected()
    stolen = signer(key="bank-req").sign("POST", URL, HEADERS, body).headers
    assert verifier().verify("POST", URL, HEADERS + stolen, body).principal == "Bank"
    with pytest.raises(apiseal.RejectedError):
        accept(stolen, body)


def test_nothing_is_decrypted_twice() -> None:
    replay = memory()
    lines, body = protected()
    assert accept(lines, body, replay).document == CLEAR
    asked: list[Any] = []
    with pytest.raises(apiseal.ReplayedError):
        accept(lines, body, replay, context=asked.append)
    assert asked == []


@pytest.mark.parametrize(
    "change", [lambda body: body + b" ", lambda body: body.replace(b"7", b"8"), lambda body: b"", lambda body: CLEAR]
)
def test_what_is_changed_is_refused_before_anything_is_decrypted(change: Any) -> None:
    lines, body = protected()
    asked: list[Any] = []
    with pytest.raises(apiseal.SignatureError):
        accept(lines, change(body), context=asked.append)
    assert asked == []


def test_what_the_context_raises_is_raised() -> None:
    for error in (LookupError("no such partner"), KeyboardInterrupt()):

        def fail(_: apiseal.Proof, error: BaseException = error) -> dict:
            raise error

        with pytest.raises(type(error)) as refused:
            accept(*protected(), context=fail)
        assert refused.value is error


@pytest.mark.parametrize(
    "made, error",
    [
        (None, TypeError),
        ("orders", TypeError),
        ({}, apiseal.ContextError),
        ({"purpose": 1}, TypeError),
        ({"apiseal.principal": "Bank", "purpose": "orders"}, apiseal.ContextError),
    ],
)
def test_contexts_that_are_none(made: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        accept(*protected(), context=lambda proof: made)


def test_a_context_is_made_by_a_callable() -> None:
    for context in (CONTEXT, None, "orders"):
        with pytest.raises(TypeError, match="a callable as context"):
            accept(*protected(), context=context)


def test_a_context_may_be_an_object() -> None:
    assert accept(*protected(), context=lambda proof: apiseal.Context(purpose="orders")).document == CLEAR


@pytest.mark.parametrize(
    "headers, body",
    [
        ([("content-type", "text/plain")], CLEAR),
        ([*HEADERS, ("content-encoding", "gzip")], CLEAR),
        ([*HEADERS, ("content-digest", "sha-256=:AAAA:")], CLEAR),
        (HEADERS, b"{"),
        (HEADERS, b""),
        (HEADERS, b'{"id": 7}'),
    ],
)
def test_what_cannot_be_protected(headers: list, body: bytes) -> None:
    with pytest.raises(apiseal.ApisealError):
        protected(body, headers)


def test_responses() -> None:
    asked = protector().protect("POST", URL, HEADERS, CLEAR, context=CONTEXT)
    received = accept(asked.headers, asked.body)
    answering = apiseal.Protector(CIPHER, signer(key="acme-res"))
    made = answering.protect_response(200, HEADERS, CLEAR, request=received.verified, context=CONTEXT)
    opened = acceptor().accept_response(
        200, HEADERS + made.headers, made.body, request=asked, context=lambda proof: CONTEXT
    )
    assert opened.document == CLEAR and opened.verified.principal == "ACME"
    # The answer to this request is no answer to another, and a request no answer.
    other = protector().protect("POST", URL, HEADERS, CLEAR, context=CONTEXT)
    with pytest.raises(apiseal.SignatureError):
        acceptor().accept_response(200, HEADERS + made.headers, made.body, request=other, context=lambda proof: CONTEXT)
    with pytest.raises(apiseal.SignatureError):
        answering.protect_response(200, HEADERS, CLEAR, request=received.verified, context=CONTEXT)


def test_lengths_are_those_of_what_travels() -> None:
    made = protector().protect("POST", URL, [*HEADERS, ("content-length", str(len(CLEAR)))], CLEAR, context=CONTEXT)
    assert ("content-length", str(len(made.body))) in made.headers
    with pytest.raises(apiseal.SignatureError):
        protector().protect("POST", URL, [*HEADERS, ("content-length", "5")], CLEAR, context=CONTEXT)


def test_profiles_that_do_not_fit() -> None:
    loose = apiseal.Profile({"apiseal_profile": 1, "id": "apiseal-v1", "extends": "rfc9421", "require": ["@method"]})
    with pytest.raises(apiseal.ApisealError):
        apiseal.Protector(CIPHER, apiseal.Signer(RING, loose, key="acme-req"))
    with pytest.raises(apiseal.ApisealError):
        apiseal.Acceptor(CIPHER, apiseal.Verifier(RING, loose, replay=apiseal.NoReplayCheck()))


def test_a_partner_with_the_key_of_its_own_messages() -> None:
    kid = CIPHER.keyring.keys[0].kid
    own = CIPHER.keyring.export_message_context(kid, CONTEXT, "ACME", "req")
    partner = apiseal.FieldCipher(apiseal.Keyring([own], primary=[kid]), POLICY, clock=clock)
    made = apiseal.Protector(partner, signer()).protect("POST", URL, HEADERS, CLEAR, context=CONTEXT)
    assert accept(made.headers, made.body).document == CLEAR
    with pytest.raises(apiseal.ApisealError):
        apiseal.Protector(partner, signer(key="bank-req")).protect("POST", URL, HEADERS, CLEAR, context=CONTEXT)
