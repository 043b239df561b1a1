"""Documents, keyrings and signatures, exchanged with the core and with the C ABI."""

from __future__ import annotations

import base64
import json
import secrets

import apiseal
import pytest
from peers import Core, Driver, Refused, pairs, ring_words
from vectors import field_keyring, load, request, signing_key

FIELDS = load("fields.json")["cases"]
MESSAGES = load("signing/messages.json")
NOW = MESSAGES["now"]


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: case["name"])
def test_documents_from_rust(core: Core, case: dict) -> None:
    cipher = apiseal.FieldCipher(field_keyring(case["keys"]), case["policy"], clock=lambda: 0)
    policy = case["policy"] if isinstance(case["policy"], dict) else json.loads(case["policy"])
    own = {"policy": policy, "context": case["context"], "now": 0, "keys": case["keys"]}
    document = case["document"].encode()
    assert cipher.decrypt(core.work("encrypt", document, **own), context=case["context"]) == document
    sealed = cipher.encrypt(document, context=case["context"])
    assert core.work("decrypt", sealed, **own) == document
    with pytest.raises(Refused) as refused:
        core.work("decrypt", sealed, **own | {"context": case["context"] | {"more": "1"}})
    with pytest.raises(apiseal.RejectedError) as rejected:
        cipher.decrypt(sealed, context=case["context"] | {"more": "1"})
    assert refused.value.code == rejected.value.code


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: case["name"])
def test_documents_from_c(driver: Driver, case: dict) -> None:
    cipher = apiseal.FieldCipher(field_keyring(case["keys"]), case["policy"], clock=lambda: case.get("now", 0))
    policy = case["policy"] if isinstance(case["policy"], str) else json.dumps(case["policy"])
    words = [case.get("now", 0), policy, *pairs(list(case["context"].items()))]
    document, ring = case["document"].encode(), ring_words(case["keys"])
    (sealed,) = driver.ask("encrypt", *words, document, *ring)
    assert cipher.decrypt(sealed, context=case["context"]) == document
    assert driver.ask("decrypt", *words, cipher.encrypt(document, context=case["context"]), *ring) == [document]


def test_keyrings_from_rust(core: Core) -> None:
    secret, wrapping_key = secrets.token_bytes(32), secrets.token_bytes(32)
    entry = {
        "kid": "k1",
        "suite": "chacha20-poly1305",
        "secret": secret.hex(),
        "primary": True,
        "scope": {"tenant": "acme"},
    }
    file = core.ask("keyring_seal", ring="exchange", wrapping_key=wrapping_key.hex(), keys=[entry], rev=3).encode()
    ring = apiseal.Keyring.open(file, "exchange", wrapping_key=wrapping_key)
    assert (ring.rev, [key.kid for key in ring.primaries], ring.keys[0].scope) == (3, ["k1"], {"tenant": "acme"})
    key = apiseal.Key.hazmat_from_secret("p1", secret, suite="aes-256-gcm").replace(scope={"region": "eu"})
    file = apiseal.Keyring([key], primary=["p1"], rev=9).seal("exchange", wrapping_key=wrapping_key)
    opened = core.ask("keyring_open", file=file.decode(), ring="exchange", wrapping_key=wrapping_key.hex())
    assert opened["rev"] == 9
    assert [(own["kid"], own["suite"], own["secret"]) for own in opened["keys"]] == [
        ("p1", "aes-256-gcm", secret.hex())
    ]


def test_keyrings_from_c(driver: Driver) -> None:
    wrapping_key = secrets.token_bytes(32)
    entry = {"kid": "c1", "suite": "aes-256-gcm", "secret": "33" * 32, "primary": True}
    (file,) = driver.ask("keyring_seal", "exchange", "", wrapping_key, *ring_words([entry]))
    ring = apiseal.Keyring.open(file, "exchange", wrapping_key=wrapping_key)
    assert [key.kid for key in ring.primaries] == ["c1"]
    sealed = ring.seal("exchange", wrapping_key=wrapping_key)
    assert driver.ask("keyring_open", sealed, "exchange", "", wrapping_key)[:3] == [b"c1", b"seal", b"aes-256-gcm"]


@pytest.mark.parametrize("suite", ["hmac-sha256", "ed25519"])
@pytest.mark.parametrize("target", ["/a%2Fb?x=1&y=2", "/", "/?"])
def test_signatures_from_rust(core: Core, suite: str, target: str) -> None:
    """The core verifies what this package signs, and the reverse, under a profile that both build."""
    components = ["@method", "@authority", "@path", "@query"]
    profile = apiseal.Profile({"apiseal_profile": 1, "id": "interop", "extends": "rfc9421", "require": components})
    key = signing_key("peer", suite, "07" * 32, external_keyid="peer-1", direction="req", profiles=["interop"])
    ring = apiseal.Keyring([key])
    message = {
        "method": "GET",
        "scheme": "https",
        "authority": "api.example",
        "target": target,
        "headers": [],
        "body": "",
    }
    asked = {"now": NOW, "alg": suite, "secret": "07" * 32, "keyid": "peer-1", "components": components, "label": "sig"}
    verifier = apiseal.Verifier(ring, profile, replay=apiseal.NoReplayCheck(), clock=lambda: NOW)
    lines = core.ask("http_sign", message=message, **asked)
    url = "https://api.example" + target
    assert verifier.verify("GET", url, lines).component("@path") == target.split("?")[0]
    own = apiseal.Signer(ring, profile, clock=lambda: NOW).sign("GET", url)
    ids = core.ask("http_verify", message=message | {"headers": own.headers}, **asked)
    assert ids == [list(pair) for pair in verifier.verify("GET", url, own.headers).components]
    with pytest.raises(Refused) as refused:
        core.ask("http_verify", message=message | {"headers": own.headers, "method": "HEAD"}, **asked)
    assert refused.value.code == 611


def wire(own: dict) -> list[object]:
    """A message as the driver reads it."""
    lines = [own.get("headers", []), own.get("trailers", [])]
    words: list[object] = [own.get("status", 0), int(own.get("http2", False))]
    words += [own.get("method", ""), own.get("scheme", ""), own.get("authority", ""), own.get("target", "")]
    for some in lines:
        words += [len(some), *(text for pair in some for text in pair)]
    body = own["body"]
    return [*words, base64.b64decode(body["base64"]) if isinstance(body, dict) else body]


def simple_messages() -> list:
    return [case for case in MESSAGES["cases"] if "message" in case and not case["profile"]]


@pytest.mark.parametrize("case", simple_messages(), ids=lambda case: case["what"])
def test_signatures_from_c(driver: Driver, case: dict) -> None:
    secret = MESSAGES["keys"]["client"]
    entry = {"kid": "client", "suite": case["suite"], "secret": secret, "direction": "req", "profiles": ["apiseal-v1"]}
    words = [NOW, ""]
    ring = apiseal.Keyring([signing_key("client", case["suite"], secret, direction="req")])
    message, own = case["message"], request(case["message"])
    adds = driver.ask("sign", *words, "client", "sig", *wire(message), *ring_words([entry], "raw"))
    verifier = apiseal.Verifier(ring, replay=apiseal.NoReplayCheck(), clock=lambda: NOW)
    lines = list(zip(adds[0::2], adds[1::2], strict=True))
    assert verifier.verify(**own | {"headers": own["headers"] + lines}).key_id == "client"
    signed = apiseal.Signer(ring, clock=lambda: NOW).sign(**own)
    carried = message | {"headers": message["headers"] + [list(line) for line in signed.headers]}
    assert driver.ask("verify", *words, *wire(carried), *ring_words([entry], "raw"))[0] == b"client"
