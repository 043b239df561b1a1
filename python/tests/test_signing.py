"""Signing and verifying requests: what a verdict holds, and who may sign what."""

from __future__ import annotations

from typing import Any

import apiseal
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import BODY, HEADERS, NOW, RING, URL, clock, key, signed, signer, verifier


def test_a_verdict_holds_what_was_covered() -> None:
    verified = verifier().verify("POST", URL, signed(), BODY)
    assert (verified.key_id, verified.principal, verified.label, verified.tag) == (
        "acme-req",
        "ACME",
        "sig",
        "apiseal-req-v1",
    )
    assert (verified.created, verified.scope, verified.is_body_proved) == (NOW, {}, True)
    assert verified.body is BODY, "bytes are neither copied nor changed"
    covered = dict(verified.components)
    assert covered['"@method"'] == "POST" and covered['"@path"'] == "/orders" and covered['"@query"'] == "?dry-run=1"
    assert [name for name, _ in verified.components][:4] == ['"@method"', '"@authority"', '"@path"', '"@query"']
    for name in ("@method", '"@method"'):
        assert verified.component(name) == verified.proofs[0].component(name) == "POST"
    assert verified.component("user-agent") is None and verified.component("") is None
    (proof,) = verified.proofs
    members = ("key_id", "principal", "label", "tag", "nonce", "created", "scope", "components")
    assert [getattr(proof, own) for own in members] == [getattr(verified, own) for own in members]
    assert verified.base.startswith(b'"@method": POST\n')
    assert verified, "there is no falsy verdict"


def test_rule_s4_a_header_that_nobody_covered_is_not_in_the_verdict() -> None:
    headers = [*signed(), ("x-role", "admin")]
    assert verifier().verify("POST", URL, headers, BODY).component("x-role") is None
    with pytest.raises(apiseal.NotCoveredError):
        verifier().verify("POST", URL, [*headers, ("authorization", "admin")], BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": URL + "&more"},
        {"url": "https://api.example/orders/?dry-run=1"},
        {"url": "https://other.example/orders?dry-run=1"},
        {"body": BODY + b" "},
        {"body": None},
        {"headers": [*HEADERS, *signed()[1:-1]]},
    ],
    ids=repr,
)
def test_case_41_case_42_what_is_changed_is_refused(change: dict) -> None:
    message: dict[str, Any] = {"method": "POST", "url": URL, "headers": signed(), "body": BODY}
    assert verifier().verify(**message)
    with pytest.raises(apiseal.SignatureError) as refused:
        verifier().verify(**message | change)
    assert refused.value.http_status == 401


def test_case_45_times() -> None:
    lines = signed()
    for age, error in [
        (300, None),
        (301, apiseal.SignatureExpiredError),
        (-30, None),
        (-31, apiseal.SignatureExpiredError),
    ]:
        own = verifier(clock=lambda age=age: NOW + age)
        if error:
            with pytest.raises(error):
                own.verify("POST", URL, lines, BODY)
        else:
            assert own.verify("POST", URL, lines, BODY)


def test_case_48_a_key_stops_at_once_and_serves_what_it_names() -> None:
    ring = apiseal.Keyring(
        [key(), key("other", b"d" * 32, profiles=["shop.v1"]), key("late", b"e" * 32, expires=NOW - 1)]
    )
    lines, own = signed(keyring=ring), verifier(keyring=ring)
    assert own.verify("POST", URL, lines, BODY)
    ring.replace(ring.disable("acme-req"))
    with pytest.raises(apiseal.KeyStateError):
        own.verify("POST", URL, lines, BODY)
    for kid in ("other", "late", "acme-req"):
        with pytest.raises(apiseal.KeyStateError):
            signer(keyring=ring, key=kid).sign("POST", URL, HEADERS, BODY)
    with pytest.raises(apiseal.UnknownKeyError):
        signer(keyring=ring, key="none").sign("POST", URL, HEADERS, BODY)


def test_the_only_key_needs_no_name() -> None:
    one = apiseal.Keyring([key()])
    assert verifier(keyring=one).verify("POST", URL, signed(keyring=one, key=None), BODY)


def test_rule_s20_origins_behind_a_proxy() -> None:
    own = verifier(origins={"backend:8080": "https://api.example"})
    verified = own.verify("POST", "/orders?dry-run=1", [*signed(), ("host", "backend:8080")], BODY, scheme="http")
    assert verified.component("@authority") == "api.example"
    with pytest.raises(apiseal.SignatureError) as refused:
        own.verify("POST", URL, signed(), BODY)
    assert refused.value.code == 619
    # Headers of proxies are never looked at.
    forwarded = [
        *signed(),
        ("host", "evil.example"),
        ("x-forwarded-host", "api.example"),
        ("forwarded", "host=api.example"),
    ]
    with pytest.raises(apiseal.SignatureError):
        verifier().verify("POST", "/orders?dry-run=1", forwarded, BODY)
    for origin in ("api.example", "https//api.example", "", "https://"):
        with pytest.raises(apiseal.ApisealError):
            verifier(origins={"backend": origin})
    with pytest.raises(TypeError):
        verifier(origins=["backend"])
    for empty in ({"origins": {}}, {"scope": {}}):
        with pytest.raises(apiseal.ArgumentError, match="restricts nothing"):
            verifier(**empty)


def test_scopes_that_are_demanded() -> None:
    scoped = apiseal.Keyring([key(scope={"environment": "production"})])
    lines = signed(keyring=scoped)
    verified = verifier(keyring=scoped, scope={"environment": "production"}).verify("POST", URL, lines, BODY)
    assert verified.scope == verified.proofs[0].scope == {"environment": "production"}
    with pytest.raises(apiseal.ApisealError):
        verifier(keyring=scoped, scope={"environment": "test"}).verify("POST", URL, lines, BODY)


def test_rule_s24_http2_and_trailers() -> None:
    own = verifier()
    assert own.verify("POST", URL, signed(), BODY, http2=True)
    with pytest.raises(apiseal.SignatureError):
        own.verify("POST", URL, [("X-Upper", "1"), *signed()], BODY, http2=True)
    with pytest.raises(apiseal.SignatureError):
        own.verify("POST", URL, signed(), BODY, trailers=[("x-late", "1")])
    assert own.verify("POST", URL, signed(), BODY, trailers=[])


def test_labels_and_debug_tokens() -> None:
    assert verifier().verify("POST", URL, signed(label="acme"), BODY).label == "acme"
    for label in ("", "A", "1", "a b", "\u00e9"):
        with pytest.raises(apiseal.ArgumentError):
            signer(label=label)
    assert [name for name, _ in signed(debug_token=True)][-1] == "signature-debug"
    assert verifier().verify("POST", URL, signed(debug_token=True), BODY)


def test_rule_s21_accept_signature() -> None:
    wanted = verifier().accept_signature("sig")
    assert "tag=" in wanted
    own = signer().sign(
        "POST", URL, [*HEADERS, ("x-tenant", "7")], BODY, accept_signature='sig=("x-tenant");alg="none";nonce="abc"'
    )
    verified = verifier().verify("POST", URL, [*HEADERS, ("x-tenant", "7"), *own.headers], BODY)
    assert verified.component("x-tenant") == "7" and verified.nonce == own.nonce != "abc"
    assert own.ignored and all(isinstance(text, str) for text in own.ignored)
    # The field is not authenticated: a malformed one changes nothing.
    own = signer().sign("POST", URL, HEADERS, BODY, accept_signature="sig=(")
    assert len(own.ignored) == 1 and verifier().verify("POST", URL, HEADERS + own.headers, BODY)


def test_each_signature_has_its_own_nonce() -> None:
    own = signer()
    nonces = {own.sign("POST", URL, HEADERS, BODY).nonce for _ in range(200)}
    assert len(nonces) == 200 and all(nonce and len(nonce) == 22 for nonce in nonces)


def test_lesson_s22_nothing_of_the_callers_is_changed() -> None:
    headers, body = dict(HEADERS), bytearray(BODY)
    own = signer().sign("POST", URL, headers, body)
    assert headers == dict(HEADERS) and body == BODY
    own.headers.append(("x", "y"))
    assert len(own.headers) == 3, "each time a list of its own"


PATHS = st.text(st.sampled_from("abc%2F/.~;=+-_&"), max_size=20)
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(st.sampled_from(["GET", "POST", "DELETE", "x-own"]), PATHS, PATHS, st.binary(max_size=50), TEXTS)
def test_what_is_signed_verifies(method: str, path: str, query: str, body: bytes, value: str) -> None:
    url = f"https://api.example/{path}?{query}"
    headers = [("content-type", "text/plain"), ("authorization", value)]
    own = [*headers, *signer().sign(method, url, headers, body).headers]
    verified = verifier().verify(method, url, own, body)
    assert verified.component("authorization") == value and verified.component("@query") == "?" + query
    assert verified.body == body or not body


@pytest.mark.parametrize("suite, size", [("ed25519", 32), ("ecdsa-p256-sha256", 32), ("hmac-sha256", 64)])
def test_suites(suite: str, size: int) -> None:
    own = apiseal.Key.raw("k", suite, bytes(range(1, size + 1))).replace(direction="req")
    ring = apiseal.Keyring([own])
    lines = signed(keyring=ring, key="k")
    if own.public_key:
        public = apiseal.Keyring([apiseal.Key.raw_public("k", suite, own.public_key).replace(direction="req")])
        assert verifier(keyring=public).verify("POST", URL, lines, BODY)
        with pytest.raises(apiseal.ApisealError):
            signer(keyring=public, key="k").sign("POST", URL, HEADERS, BODY)
        jwk = apiseal.Key.from_jwk("k", suite, own.to_jwk() or "").replace(direction="req")
        assert verifier(keyring=apiseal.Keyring([jwk])).verify("POST", URL, lines, BODY)
    assert verifier(keyring=ring).verify("POST", URL, lines, BODY)


def test_profiles() -> None:
    profile = apiseal.Profile(
        {"apiseal_profile": 1, "id": "shop.v1", "extends": "apiseal-v1", "if_present": ["x-tenant"], "max_age": 60}
    )
    assert profile.id == "shop.v1" and "shop.v1" in repr(profile)
    assert apiseal.Profile.apiseal_v1().id == "apiseal-v1"
    ring = apiseal.Keyring([key(profiles=["shop.v1"])])
    headers = [*HEADERS, ("x-tenant", "7")]
    lines = headers + apiseal.Signer(ring, profile, clock=clock).sign("POST", URL, headers, BODY).headers
    own = apiseal.Verifier(ring, profile, replay=apiseal.NoReplayCheck(), clock=clock)
    assert own.profile.id == "shop.v1" and own.verify("POST", URL, lines, BODY).component("x-tenant") == "7"
    with pytest.raises(apiseal.KeyStateError):
        verifier(keyring=ring).verify("POST", URL, lines, BODY)
    # In sentences for a person.
    assert profile.lint() == []
    (found,) = profile.lint_request("POST", URL, [*headers, ("x-role", "admin")], BODY)
    assert isinstance(found, str) and "x-role" in found
    for source in ('{"apiseal_profile": 1}', {"apiseal_profile": 2, "id": "x"}, {}):
        with pytest.raises(apiseal.ProfileError):
            apiseal.Profile(source)
    for wrong in (5, None, [], b"{}"):
        with pytest.raises(TypeError):
            apiseal.Profile(wrong)


def test_what_must_be_stated() -> None:
    with pytest.raises(TypeError, match="replay"):
        apiseal.Verifier(RING)  # type: ignore[call-arg]
    for replay in (None, 5, object(), True, "memory", apiseal.MemoryReplay):
        with pytest.raises((TypeError, apiseal.ArgumentError)):
            apiseal.Verifier(RING, replay=replay)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        apiseal.Signer("ring")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        signer().sign("POST", URL, HEADERS, BODY, False)  # type: ignore[misc]
