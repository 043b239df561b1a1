"""Responses: signed once, for a verified request, and bound to it."""

from __future__ import annotations

from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, URL, key, memory, signed, signer, verifier

ANSWER = b'{"id": 7}'


def exchange() -> tuple[apiseal.Signed, apiseal.Verified]:
    asked = signer().sign("POST", URL, HEADERS, BODY)
    return asked, verifier().verify("POST", URL, HEADERS + asked.headers, BODY)


def answer(request: apiseal.Verified, status: int = 200, body: bytes | None = ANSWER) -> list:
    return HEADERS + signer(key="acme-res").sign_response(status, HEADERS, body, request=request).headers


def test_rule_s15_a_response_is_bound_to_its_request() -> None:
    asked, received = exchange()
    lines = answer(received)
    for request in (asked, received):
        verified = verifier().verify_response(200, lines, ANSWER, request=request)
        assert (verified.key_id, verified.body, verified.nonce) == ("acme-res", ANSWER, asked.nonce)
        assert verified.component('"@method";req') == "POST" and verified.component("@status") == "200"


@pytest.mark.parametrize("status, body", [(201, ANSWER), (200, ANSWER + b" "), (200, None), (404, ANSWER)])
def test_case_54_what_is_changed_is_refused(status: int, body: bytes | None) -> None:
    asked, received = exchange()
    with pytest.raises(apiseal.SignatureError):
        verifier().verify_response(status, answer(received), body, request=asked)


def test_case_54_rule_s16_a_response_to_another_request_is_refused() -> None:
    _, received = exchange()
    other, _ = exchange()
    with pytest.raises(apiseal.SignatureError) as refused:
        verifier().verify_response(200, answer(received), ANSWER, request=other)
    assert refused.value.code in (611, 618)


def test_rule_s17_each_direction_has_its_keys() -> None:
    asked, received = exchange()
    with pytest.raises(apiseal.KeyStateError):
        signer(key="acme-req").sign_response(200, HEADERS, ANSWER, request=received)
    with pytest.raises(apiseal.KeyStateError):
        signer(key="acme-res").sign("POST", URL, HEADERS, BODY)
    # A request that is sent back as a response is none.
    with pytest.raises(apiseal.SignatureError):
        verifier().verify_response(200, signed(), BODY, request=asked)


def test_rule_s22_a_response_is_signed_once() -> None:
    _, received = exchange()
    answer(received)
    with pytest.raises(apiseal.SignatureError) as refused:
        answer(received)
    assert refused.value.code == 623


@pytest.mark.parametrize("status", [100, 103, 0, 99, 1000])
def test_statuses_that_are_not_signed(status: int) -> None:
    with pytest.raises(apiseal.ApisealError):
        answer(exchange()[1], status, None)


@pytest.mark.parametrize("status", [-1, 70_000, "200", None, 2.5])
def test_statuses_that_are_none(status: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        answer(exchange()[1], status, None)


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_content(status: int) -> None:
    asked, received = exchange()
    lines = signer(key="acme-res").sign_response(status, (), None, request=received).headers
    assert verifier().verify_response(status, lines, request=asked).component("@status") == str(status)


def test_what_is_no_request() -> None:
    asked, received = exchange()
    lines = answer(received)
    for request in (None, lines, "request", object(), asked.nonce):
        with pytest.raises(TypeError, match="Signed, Protected or Verified as request"):
            verifier().verify_response(200, lines, ANSWER, request=request)  # type: ignore[arg-type]
    # Only verified requests are answered.
    with pytest.raises(TypeError):
        signer(key="acme-res").sign_response(200, HEADERS, ANSWER, request=asked)  # type: ignore[arg-type]


def test_a_response_is_explained() -> None:
    asked, received = exchange()
    lines = answer(received)
    explained = verifier().explain_response(201, lines, ANSWER, request=asked)
    assert not explained.verifies and explained.error and explained.error.code == 611
    assert verifier().explain_response(200, lines, ANSWER, request=asked).verifies


def test_an_unsigned_response_is_told_as_missing() -> None:
    asked, _ = exchange()
    with pytest.raises(apiseal.SignatureMissingError):
        verifier().verify_response(200, HEADERS, ANSWER, request=asked)


def test_responses_claim_no_nonce() -> None:
    replay = memory()
    own = verifier(replay)
    asked = signer().sign("POST", URL, HEADERS, BODY)
    received = own.verify("POST", URL, HEADERS + asked.headers, BODY)
    lines = answer(received)
    assert own.verify_response(200, lines, ANSWER, request=asked)
    assert len(replay) == 1


def test_a_key_without_direction_signs_neither() -> None:
    with pytest.raises(apiseal.KeyringError, match="direction"):
        apiseal.Keyring([apiseal.Key.raw("k", "hmac-sha256", b"x" * 32)])
    with pytest.raises(apiseal.ArgumentError, match="use req or res"):
        key(direction="both")
