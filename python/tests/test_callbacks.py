"""Clocks and audit hooks: what they are told, and what happens when they raise."""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from collections.abc import Iterator
from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, NOW, RING, URL, signed, signer, verifier

POLICY = {
    "apiseal_policy": 1,
    "id": "audited",
    "rules": [{"path": "$.card", "bind": ["$.id"]}, {"path": "$.ssn", "bind": [], "occurs": "optional"}],
}
CONTEXT = {"purpose": "orders", "tenant": "confidential"}
CLEAR = '{"id": 7, "card": "4111111111111111"}'
FIELDS = apiseal.Keyring.generate()


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda own: seen.append((own.exc_value, own.object)))
    yield seen


def test_an_event_for_each_use_of_a_key() -> None:
    events: list[apiseal.Event] = []
    cipher = apiseal.FieldCipher(FIELDS, POLICY, audit=events.append)
    sealed = cipher.encrypt(CLEAR, context=CONTEXT)
    cipher.decrypt(sealed, context=CONTEXT)
    assert [own.operation for own in events] == ["encrypt", "decrypt"]
    for own in events:
        assert isinstance(own, apiseal.Event)
        assert (own.policy, own.rule, own.key_id, own.uses) == ("audited", "$.card", FIELDS.keys[0].kid, 1)
        assert (own.context_names, own.accepted_plain, own.failure) == (("purpose", "tenant"), 0, None)
        assert own.context_tag == events[0].context_tag and len(own.context_tag or b"") == 8
        assert "4111" not in repr(own) and "confidential" not in repr(own)
    events.clear()
    with pytest.raises(apiseal.RejectedError):
        cipher.decrypt(sealed, context=CONTEXT | {"tenant": "other"})
    assert [own.failure for own in events] == [501] and events[0].context_tag


def test_events_of_signatures() -> None:
    events: list[apiseal.Event] = []
    lines = HEADERS + signer(audit=events.append).sign("POST", URL, HEADERS, BODY).headers
    own = verifier(audit=events.append)
    own.verify("POST", URL, lines, BODY)
    with pytest.raises(apiseal.InvalidSignatureError):
        own.verify("PUT", URL, lines, BODY)
    assert [(event.operation, event.policy, event.key_id, event.failure) for event in events] == [
        ("sign", "apiseal-v1", "acme-req", None),
        ("verify", "apiseal-v1", "acme-req", None),
        ("verify", "apiseal-v1", "acme-req", 611),
    ]


@pytest.mark.parametrize("kind", [ValueError, SystemExit, RecursionError])
def test_what_an_audit_hook_raises_goes_to_the_hook_of_python(kind: type[BaseException], unraisable: list) -> None:
    def audit(event: apiseal.Event) -> None:
        raise kind("the log")

    cipher = apiseal.FieldCipher(FIELDS, POLICY, audit=audit)
    # An operation that is done cannot fail by it.
    assert cipher.decrypt(cipher.encrypt(CLEAR, context=CONTEXT), context=CONTEXT) == CLEAR
    assert [(type(own), str(own), where) for own, where in unraisable] == [(kind, "the log", audit)] * 2
    unraisable.clear()
    assert len(list(cipher.encrypt_lines([CLEAR] * 5, context=CONTEXT, threads=2))) == 5 and len(unraisable) == 5


def test_an_audit_hook_may_call_the_library() -> None:
    own = apiseal.FieldCipher(FIELDS, POLICY)
    seen: list[Any] = []

    def audit(event: apiseal.Event) -> None:
        seen.append(own.decrypt(own.encrypt(CLEAR, context=CONTEXT), context=CONTEXT))
        FIELDS.replace(FIELDS)

    cipher = apiseal.FieldCipher(FIELDS, POLICY, audit=audit)
    assert cipher.decrypt(cipher.encrypt(CLEAR, context=CONTEXT), context=CONTEXT) == CLEAR
    assert list(cipher.encrypt_lines([CLEAR] * 40, context=CONTEXT, threads=3)) and seen == [CLEAR] * 42
    value = apiseal.ValueCipher(FIELDS, "l", audit=audit)
    assert value.decrypt(value.encrypt(1, bind={}, context=CONTEXT), bind={}, context=CONTEXT) == 1


def test_an_audit_hook_that_calls_its_own_cipher(unraisable: list) -> None:
    def audit(event: apiseal.Event) -> None:
        if len(depth) < 20:
            depth.append(event)
            cipher.encrypt(CLEAR, context=CONTEXT)

    depth: list[apiseal.Event] = []
    cipher = apiseal.FieldCipher(FIELDS, POLICY, audit=audit)
    assert cipher.encrypt(CLEAR, context=CONTEXT) and len(depth) == 20 and unraisable == []


@pytest.mark.parametrize("now", [NOW, float(NOW), NOW + 0.9, True])
def test_clocks_give_seconds(now: Any) -> None:
    own = verifier(clock=lambda: NOW if now is True else now)
    assert own.verify("POST", URL, signed(), BODY).created == NOW
    assert apiseal.Signer(RING, key="acme-req", clock=time.time).sign("POST", URL, HEADERS, BODY)


def test_a_clock_is_asked_each_time() -> None:
    now = [NOW]
    own, lines = verifier(clock=lambda: now[0]), signed()
    assert own.verify("POST", URL, lines, BODY)
    now[0] += 400
    with pytest.raises(apiseal.SignatureExpiredError):
        own.verify("POST", URL, lines, BODY)


@pytest.mark.parametrize("answer", [None, "now", b"1", datetime.datetime.now(), object(), [], 1j])
def test_a_clock_that_tells_no_time_makes_nothing_fresh(answer: Any, unraisable: list) -> None:
    with pytest.raises(apiseal.SignatureExpiredError):
        verifier(clock=lambda: answer).verify("POST", URL, signed(), BODY)
    assert isinstance(unraisable[0][0], TypeError)


@pytest.mark.parametrize("answer", [float("nan"), float("inf"), -float("inf"), -1, -1e300, 1e300, 1 << 80, -(1 << 80)])
def test_times_that_do_not_exist_make_nothing_fresh(answer: Any) -> None:
    with pytest.raises(apiseal.SignatureExpiredError):
        verifier(clock=lambda: answer).verify("POST", URL, signed(), BODY)


@pytest.mark.parametrize("kind", [OSError, SystemExit])
def test_a_clock_that_raises_makes_nothing_fresh(kind: type[BaseException], unraisable: list) -> None:
    def clock() -> int:
        raise kind("no time")

    with pytest.raises(apiseal.SignatureExpiredError):
        verifier(clock=clock).verify("POST", URL, signed(), BODY)
    key = apiseal.Key.generate("k").replace(expires=NOW + 1000)
    cipher = apiseal.FieldCipher(apiseal.Keyring([key], primary=["k"]), POLICY, clock=clock)
    with pytest.raises(apiseal.KeyringError):
        cipher.encrypt(CLEAR, context=CONTEXT)
    assert unraisable and all(isinstance(own, kind) for own, _ in unraisable)


def test_callbacks_live_as_long_as_what_they_were_given_to() -> None:
    def made() -> apiseal.FieldCipher:
        events: list[apiseal.Event] = []
        return apiseal.FieldCipher(FIELDS, POLICY, audit=lambda event: events.append(event), clock=lambda: NOW)

    cipher = made()
    assert cipher.encrypt(CLEAR, context=CONTEXT)


def test_an_interrupt_in_a_callback_is_not_lost(unraisable: list) -> None:
    """A signal is seen while the callback runs, which cannot raise it: it is raised where the program goes on."""

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    class Store:
        claim = interrupt

    lines = signed()
    with pytest.raises(KeyboardInterrupt):
        apiseal.FieldCipher(FIELDS, POLICY, audit=interrupt).encrypt(CLEAR, context=CONTEXT)
        pytest.fail("it goes on")
    for refused in (verifier(clock=interrupt), verifier(Store())):
        with pytest.raises(KeyboardInterrupt):
            try:
                refused.verify("POST", URL, lines, BODY)
            except apiseal.SignatureError:
                pass
            pytest.fail("it goes on")
    assert unraisable == []


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt])
def test_what_ends_a_program_or_a_task_is_raised_by_the_call(kind: type[BaseException], unraisable: list) -> None:
    def end(*_: Any) -> Any:
        raise kind("the end")

    class Store:
        claim = end

    lines = signed()
    point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037, appendix A.2
    jwk = f'{{"kty": "OKP", "crv": "Ed25519", "x": "{point}"}}'
    hsm = apiseal.Keyring([apiseal.Key.from_jwk("hsm", "ed25519", jwk).replace(principal="ACME", direction="req")])
    for call in (
        lambda: verifier(Store()).verify("POST", URL, lines, BODY),
        lambda: signed(keyring=hsm, key="hsm", external=end),
    ):
        with pytest.raises(kind, match="the end"):
            call()
    assert unraisable == []

    # Nothing is left of it for another call.
    class Broken:
        def claim(self, _: Any) -> str:
            raise OSError("gone")

    with pytest.raises(apiseal.ReplayStoreError):
        verifier(Broken()).verify("POST", URL, signed(), BODY)
    assert [type(own) for own, _ in unraisable] == [OSError]
