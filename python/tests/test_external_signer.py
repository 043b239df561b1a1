"""Signatures by somebody else: an HSM, a service, here PyPI `cryptography`."""

from __future__ import annotations

import sys
from typing import Any

import apiseal
import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from signing import BODY, HEADERS, URL, signed, signer, verifier


def public_ring(private: Any, suite: str) -> apiseal.Keyring:
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return apiseal.Keyring(
        [apiseal.Key.from_pem("hsm", suite, pem.decode()).replace(direction="req", principal="ACME")]
    )


def test_ed25519() -> None:
    private = Ed25519PrivateKey.generate()
    ring = public_ring(private, "ed25519")
    lines = signed(keyring=ring, key="hsm", external=private.sign)
    verified = verifier(keyring=ring).verify("POST", URL, lines, BODY)
    assert verified.key_id == "hsm"
    # The other library verifies what was made here.
    raw = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    own = apiseal.Keyring([apiseal.Key.raw("hsm", "ed25519", raw).replace(direction="req")])
    made = signer(keyring=own, key="hsm").sign("POST", URL, HEADERS, BODY)
    private.public_key().verify(signature_of(made.headers), made.base)


def test_ecdsa() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    ring = public_ring(private, "ecdsa-p256-sha256")

    def sign(base: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert verifier(keyring=ring).verify("POST", URL, signed(keyring=ring, key="hsm", external=sign), BODY)
    raw = private.private_numbers().private_value.to_bytes(32, "big")
    own = apiseal.Keyring([apiseal.Key.raw("hsm", "ecdsa-p256-sha256", raw).replace(direction="req")])
    made = signer(keyring=own, key="hsm").sign("POST", URL, HEADERS, BODY)
    signature = signature_of(made.headers)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    private.public_key().verify(encode_dss_signature(r, s), made.base, ec.ECDSA(hashes.SHA256()))


def test_hmac() -> None:
    secret = b"s" * 32
    own = apiseal.Keyring([apiseal.Key.raw("k", "hmac-sha256", secret).replace(direction="req")])
    made = signer(keyring=own, key="k").sign("POST", URL, HEADERS, BODY)
    other = hmac.HMAC(secret, hashes.SHA256())
    other.update(made.base)
    other.verify(signature_of(made.headers))


def signature_of(lines: list) -> bytes:
    import base64

    return base64.b64decode(dict(lines)["signature"].removeprefix("sig=:").removesuffix(":"), validate=True)


RING = public_ring(Ed25519PrivateKey.generate(), "ed25519")


def failing(external: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[apiseal.SignatureError, list]:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda own: seen.append(own.exc_value))
    with pytest.raises(apiseal.SignatureError) as refused:
        signed(keyring=RING, key="hsm", external=external)
    return refused.value, seen


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_signatures_of_wrong_lengths(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    error, seen = failing(lambda base: bytes(length), monkeypatch)
    assert error.code == 622 and seen == []


@pytest.mark.parametrize("answer", [None, "text", 5, object()])
def test_signatures_that_are_no_bytes(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    error, seen = failing(lambda base: answer, monkeypatch)
    assert error.code == 622 and isinstance(seen[0], TypeError)


def test_a_signer_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(base: bytes) -> bytes:
        raise ConnectionError("token of the service: hunter2")

    error, seen = failing(fail, monkeypatch)
    assert error.code == 622 and "ConnectionError" in str(error) and "hunter2" not in str(error)
    assert [str(own) for own in seen] == ["token of the service: hunter2"]


def test_a_signer_is_a_callable() -> None:
    with pytest.raises(TypeError, match="a callable that signs bytes"):
        signer(external=b"key")


def test_a_public_key_alone_signs_nothing() -> None:
    with pytest.raises(apiseal.ApisealError):
        signed(keyring=RING, key="hsm")
