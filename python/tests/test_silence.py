"""No secret and no value of a document is shown: not by repr, str, pickle, copies, members or tracebacks."""

from __future__ import annotations

import base64
import copy
import gc
import io
import logging
import pickle
import traceback
from typing import Any

import apiseal
import pytest

SECRET = bytes(range(100, 132))
CLEAR = "4111-secret-4111"
CONTEXT = {"purpose": "silence", "tenant": "confidential-tenant"}
POLICY = {"apiseal_policy": 1, "id": "s", "rules": [{"path": "$.card", "bind": ["$.id"], "types": ["string"]}]}
DOCUMENT = f'{{"id":"confidential-id","card":"{CLEAR}"}}'


def forms(secret: bytes) -> list[str]:
    return [
        secret.hex(),
        base64.b64encode(secret).decode()[:20],
        base64.urlsafe_b64encode(secret).decode()[:20],
        repr(secret)[2:-1],
        str(list(secret))[1:-1],
    ]


HIDDEN = [*forms(SECRET), CLEAR, "confidential-id", "confidential-tenant", "hunter2hunter2"]


def is_silent(text: str) -> bool:
    return not [own for own in HIDDEN if own.lower() in text.lower()]


def objects() -> dict[str, Any]:
    key = apiseal.Key.import_secret("k1", SECRET).replace(scope={"purpose": "silence"})
    sig = apiseal.Key.raw("s1", "hmac-sha256", SECRET[::-1]).replace(principal="ACME", direction="req")
    answering = apiseal.Key.raw("s2", "hmac-sha256", SECRET[:16] * 2).replace(principal="ACME", direction="res")
    private = apiseal.Key.raw("e1", "ed25519", SECRET).replace(direction="req")
    ring = apiseal.Keyring([key], primary=["k1"])
    signing = apiseal.Keyring([sig, answering, private])
    cipher = apiseal.FieldCipher(ring, POLICY)
    signer, verifier = apiseal.Signer(signing, key="s1"), apiseal.Verifier(signing, replay=apiseal.NoReplayCheck())
    headers = [("content-type", "application/json")]
    protector = apiseal.Protector(cipher, signer)
    url, body = "https://api.example/", DOCUMENT.encode()
    protected = protector.protect("POST", url, headers, body, context=CONTEXT)
    received = headers + protected.headers
    acceptor = apiseal.Acceptor(cipher, verifier)
    accepted = acceptor.accept("POST", url, received, protected.body, context=lambda _: CONTEXT)
    return {
        "Key": key,
        "Key of a partner": sig,
        "private Key": private,
        "Keyring": ring,
        "FieldCipher": cipher,
        "ValueCipher": apiseal.ValueCipher(ring, "users.email"),
        "Context": apiseal.Context(CONTEXT),
        "Reencryption": apiseal.Reencryption(cipher, cipher),
        "Redactor": apiseal.Redactor(POLICY),
        "Signer": signer,
        "Verifier": verifier,
        "Signed": signer.sign("POST", url, headers, body),
        "Verified": accepted.verified,
        "Protector": protector,
        "Protected": protected,
        "Acceptor": acceptor,
        "Accepted": accepted,
        "Pending": verifier.verify_pending("POST", url, received, protected.body),
        "PendingAcceptance": acceptor.accept_pending("POST", url, received, protected.body),
        "Spool": verifier.spool("POST", url, received, sink=io.BytesIO()),
        "Lines": cipher.encrypt_lines([DOCUMENT], context=CONTEXT),
        "MemoryReplay": apiseal.MemoryReplay(10),
        "Proof": accepted.verified.proofs[0],
    }


OBJECTS = objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_lesson_s24_what_is_printed(name: str) -> None:
    own = OBJECTS[name]
    for text in (repr(own), str(own), f"{own}", format(own), ascii(own)):
        assert is_silent(text) and ("apiseal" in text or "Replay" in text)
        # A name of Rust says nothing to a Python user.
        assert "Some(" not in text and "None)" not in text
    assert "__dict__" not in dir(own)
    assert is_silent(repr([vars(type(own)), dir(own)]))


@pytest.mark.parametrize("name", OBJECTS)
def test_nothing_is_pickled_or_copied(name: str) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(OBJECTS[name], protocol)
    # The protocols of Python 2 may write down the name of the class, from which nothing can be made.
    for protocol in (0, 1):
        with pytest.raises(TypeError):
            pickle.loads(pickle.dumps(OBJECTS[name], protocol))
    for work in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pickle"):
            work(OBJECTS[name])


@pytest.mark.parametrize("name", OBJECTS)
def test_nobody_changes_or_extends_them(name: str) -> None:
    own = OBJECTS[name]
    with pytest.raises(AttributeError):
        own.anything = 1
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (type(own),), {})
    for member in dir(own):
        if not member.startswith("_") and not callable(getattr(type(own), member)):
            with pytest.raises(AttributeError):
                setattr(own, member, None)


def test_keys_show_no_secret() -> None:
    for own in (OBJECTS["Key"], OBJECTS["Key of a partner"], OBJECTS["private Key"]):
        shown = {
            member: getattr(own, member)
            for member in dir(own)
            if not member.startswith("_") and not callable(getattr(own, member))
        }
        assert is_silent(repr(shown)) and not {"secret", "private", "bytes"} & set(shown)
    # The public half of a private key may be seen; of a shared secret nothing may.
    assert OBJECTS["private Key"].public_key and '"d"' not in (OBJECTS["private Key"].to_jwk() or "")
    assert OBJECTS["Key of a partner"].public_key is None and OBJECTS["Key of a partner"].to_jwk() is None


def failing() -> list[Any]:
    cipher, ring = OBJECTS["FieldCipher"], OBJECTS["Keyring"]
    sealed = cipher.encrypt(DOCUMENT, context=CONTEXT)
    signer, verifier = OBJECTS["Signer"], OBJECTS["Verifier"]
    return [
        lambda: cipher.encrypt(DOCUMENT + "x", context=CONTEXT),
        lambda: cipher.encrypt(DOCUMENT.replace(f'"{CLEAR}"', f'["{CLEAR}"]'), context=CONTEXT),
        lambda: cipher.encrypt({"id": "confidential-id", "card": object()}, context=CONTEXT),
        lambda: cipher.encrypt({"id": "confidential-id", "card": CLEAR + "\ud800"}, context=CONTEXT),
        lambda: cipher.encrypt(DOCUMENT, context={"purpose": "", "": "confidential-tenant"}),
        lambda: cipher.encrypt(DOCUMENT, context={"purpose": "x", "tenant": "confidential-tenant" * 100}),
        lambda: cipher.encrypt(DOCUMENT, context={"purpose": "x", "tenant": b"confidential-tenant"}),
        lambda: cipher.decrypt(DOCUMENT, context=CONTEXT),
        lambda: cipher.decrypt(sealed, context=CONTEXT | {"tenant": "hunter2hunter2"}),
        lambda: cipher.decrypt(sealed.replace("as1.", "as1x."), context=CONTEXT),
        lambda: apiseal.Key.import_secret("k", SECRET[:31]),
        lambda: apiseal.Key.import_secret("k", SECRET.hex()),
        lambda: apiseal.Key.raw("k", "hmac-sha256", SECRET[:8]),
        lambda: apiseal.Key.from_pem("k", "ed25519", SECRET.hex()),
        lambda: apiseal.Key.from_jwk("k", "ed25519", f'{{"kty":"OKP","d":"{SECRET.hex()}"}}'),
        lambda: ring.seal("ring", wrapping_key=SECRET[:5]),
        lambda: apiseal.Keyring.open(b"{}", "ring", passphrase="hunter2hunter2"),
        lambda: apiseal.Keyring.open(ring.seal("ring", wrapping_key=b"\x01" * 32), "ring", wrapping_key=SECRET),
        lambda: signer.sign("POST", "https://api.example/", {"content-type": "x\n" + CLEAR}, b""),
        lambda: verifier.verify("POST", "https://api.example/", {"authorization": CLEAR}, b""),
        lambda: verifier.verify("POST", "https://api.example/", {"authorization": CLEAR}, CLEAR),
    ]


@pytest.mark.parametrize("at", range(len(failing())))
def test_lesson_f16_exceptions_and_tracebacks(at: int) -> None:
    with pytest.raises(Exception) as refused:
        failing()[at]()
    error = refused.value
    shown = [repr(error), str(error), repr(vars(error)), *traceback.format_exception_only(type(error), error)]
    assert is_silent(" ".join(shown)), shown
    if isinstance(error, apiseal.ApisealError):
        assert is_silent(str(pickle.dumps(error)))
    # No exception of the library keeps the document alive by a frame of its own.
    own = traceback.extract_tb(error.__traceback__)
    assert all("apiseal/" not in frame.filename for frame in own)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        for work in failing():
            with pytest.raises((apiseal.ApisealError, TypeError)):
                work()
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_the_collector_sees_no_secret() -> None:
    # By type: what stands in for another object, as settings of a framework do, is not to be woken.
    found = [own for own in gc.get_objects() if type(own) in (bytes, bytearray) and own == SECRET and own is not SECRET]
    assert found == []
