"""Keys and keyrings: how they are made, kept, changed and swapped while they are used."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import apiseal
import pytest

CONTEXT = {"purpose": "orders", "tenant": "acme"}
POLICY = {"apiseal_policy": 1, "id": "k", "rules": [{"path": "$.card", "bind": []}]}
WRAP = {"wrapping_key": b"\x07" * 32}


def seal(ring: apiseal.Keyring) -> str:
    return apiseal.FieldCipher(ring, POLICY).encrypt('{"card":1}', context=CONTEXT)


def opens(ring: apiseal.Keyring, sealed: str) -> bool:
    return apiseal.FieldCipher(ring, POLICY).decrypt(sealed, context=CONTEXT) == '{"card":1}'


def test_a_ring_is_kept_sealed(tmp_path: Path) -> None:
    ring, path = apiseal.Keyring.generate(), tmp_path / "ring.json"
    sealed = seal(ring)
    ring.save(path, "orders", **WRAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opens(apiseal.Keyring.load(path, "orders", **WRAP), sealed)
    assert opens(apiseal.Keyring.load(str(path), "orders", **WRAP), sealed)
    assert opens(apiseal.Keyring.open(path.read_bytes(), "orders", **WRAP), sealed)
    with pytest.raises((OSError, apiseal.ApisealError)):
        ring.save(path, "orders", **WRAP)
    ring.save(path, "orders", **WRAP, overwrite=True)
    with pytest.raises((OSError, apiseal.ApisealError)):
        apiseal.Keyring.load(tmp_path / "none", "orders", **WRAP)


def test_files_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    apiseal.Keyring.generate().save(path, "orders", **WRAP)
    os.chmod(path, 0o644)
    with pytest.raises(apiseal.KeyringError) as refused:
        apiseal.Keyring.load(path, "orders", **WRAP)
    assert refused.value.code == 409


def test_passphrases() -> None:
    ring = apiseal.Keyring.generate()
    file = ring.seal("orders", passphrase="correct horse")
    assert opens(apiseal.Keyring.open(file, "orders", passphrase=b"correct horse"), seal(ring))
    with pytest.raises(apiseal.KeyringError) as refused:
        apiseal.Keyring.open(file, "orders", passphrase="wrong horse")
    assert refused.value.code == 406


@pytest.mark.parametrize(
    "wrap, error",
    [
        ({}, ValueError),
        ({"passphrase": ""}, ValueError),
        ({"passphrase": "x", "wrapping_key": b"\x07" * 32}, ValueError),
        ({"wrapping_key": b"short"}, ValueError),
        ({"wrapping_key": "07" * 32}, ValueError),
        ({"passphrase": 5}, TypeError),
        ({"passphrase": ["x"]}, TypeError),
    ],
    ids=repr,
)
def test_secrets_that_are_none(wrap: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        apiseal.Keyring.generate().seal("orders", **wrap)
    with pytest.raises(error):
        apiseal.Keyring.open(b"{}", "orders", **wrap)


def test_rotation() -> None:
    old = apiseal.Keyring.generate()
    sealed = seal(old)
    ring = old.with_key(apiseal.Key.generate("next"))
    assert ring.rev > old.rev and [key.kid for key in ring.primaries] == [old.keys[0].kid]
    ring = ring.promote("next")
    assert [key.kid for key in ring.primaries] == ["next"] and opens(ring, sealed)
    assert apiseal.inspect(seal(ring))[0].key_id == "next"
    retired = ring.retire(old.keys[0].kid)
    assert retired.key(old.keys[0].kid).state == "decrypt-only" and opens(retired, sealed)
    disabled = ring.disable(old.keys[0].kid)
    with pytest.raises(apiseal.KeyStateError):
        opens(disabled, sealed)
    assert opens(ring, sealed), "a change gives another ring"
    for wrong in ("none", "", "a b"):
        with pytest.raises(apiseal.ApisealError):
            ring.promote(wrong)


def test_a_running_cipher_takes_the_ring_that_replaced_its_own() -> None:
    ring = apiseal.Keyring.generate()
    cipher = apiseal.FieldCipher(ring, POLICY)
    sealed = cipher.encrypt('{"card":1}', context=CONTEXT)
    ring.replace(ring.with_key(apiseal.Key.generate("next")).promote("next"))
    assert apiseal.inspect(cipher.encrypt('{"card":1}', context=CONTEXT))[0].key_id == "next"
    assert cipher.decrypt(sealed, context=CONTEXT) == '{"card":1}'
    with pytest.raises(TypeError):
        ring.replace("next")  # type: ignore[arg-type]


def test_scopes() -> None:
    key = apiseal.Key.generate("eu").replace(scope={"region": "eu"})
    ring = apiseal.Keyring([key], primary=["eu"])
    cipher = apiseal.FieldCipher(ring, POLICY)
    assert key.scope == {"region": "eu"} and apiseal.Key.generate("x").replace(scope={}).scope == {}
    assert cipher.encrypt('{"card":1}', context=CONTEXT | {"region": "eu"})
    with pytest.raises(apiseal.ApisealError):
        cipher.encrypt('{"card":1}', context=CONTEXT | {"region": "us"})
    for wrong in ({"": "x"}, {"apiseal.x": "y"}):
        with pytest.raises(apiseal.ApisealError):
            apiseal.Keyring([key.replace(scope=wrong)])
    for wrong in ("eu", [("region", "eu")], {"region": 1}):
        with pytest.raises(TypeError):
            key.replace(scope=wrong)  # type: ignore[arg-type]


def test_validity() -> None:
    key = apiseal.Key.generate("k").replace(not_before=100, expires=200)
    assert (key.not_before, key.expires, key.replace(expires=300).not_before) == (100, 200, 100)
    ring = apiseal.Keyring([key], primary=["k"])
    for now, error in [(99, True), (100, False), (199, False), (201, True)]:
        cipher = apiseal.FieldCipher(ring, POLICY, clock=lambda now=now: now)
        if error:
            with pytest.raises(apiseal.KeyringError):
                cipher.encrypt('{"card":1}', context=CONTEXT)
        else:
            assert cipher.encrypt('{"card":1}', context=CONTEXT)
    assert [(own.kid, at) for own, at in ring.expiring(150, 100)] == [("k", 200)] and ring.expiring(50, 10) == []


def test_delegation() -> None:
    ring = apiseal.Keyring.generate()
    sealed = seal(ring)
    own = ring.export_context(ring.keys[0].kid, CONTEXT)
    delegated = apiseal.Keyring([own], primary=[own.kid])
    assert opens(delegated, sealed)
    with pytest.raises(apiseal.ApisealError):
        apiseal.FieldCipher(delegated, POLICY).encrypt('{"card":1}', context=CONTEXT | {"tenant": "other"})


def test_keys_that_are_made() -> None:
    key = apiseal.Key.generate("k1")
    assert (key.kid, key.purpose, key.suite, key.state, key.is_imported) == (
        "k1",
        "seal",
        "aes-256-gcm",
        "active",
        False,
    )
    assert apiseal.Key.generate("k2", suite="chacha20-poly1305").suite == "chacha20-poly1305"
    root = apiseal.Key.generate("root", purpose="sig")
    assert (root.suite, root.purpose) == ("hmac-sha256", "sig")
    derived = apiseal.Key.derived("acme", root, {"partner": "acme"}).replace(direction="req", principal="ACME")
    assert derived.root == "root" and apiseal.Keyring([root, derived]).key("acme").principal == "ACME"
    imported = apiseal.Key.import_secret("i", b"\x01\x02" * 16)
    assert imported.is_imported
    assert len({apiseal.new_kid() for _ in range(100)}) == 100
    assert apiseal.Keyring.generate("chacha20-poly1305").keys[0].suite == "chacha20-poly1305"


@pytest.mark.parametrize(
    "make",
    [
        lambda: apiseal.Key.generate("_"),
        lambda: apiseal.Key.generate(""),
        lambda: apiseal.Key.generate("a" * 33),
        lambda: apiseal.Key.generate("k", purpose="none"),
        lambda: apiseal.Key.generate("k", suite="aes-128-gcm"),
        lambda: apiseal.Key.generate("k", purpose="sig", suite="aes-256-gcm"),
        lambda: apiseal.Key.import_secret("k", b"short"),
        lambda: apiseal.Key.raw("k", "hmac-sha256", b"short"),
        lambda: apiseal.Key.raw("k", "none", b"x" * 32),
        lambda: apiseal.Key.from_pem("k", "ed25519", "no pem"),
        lambda: apiseal.Key.from_jwk("k", "ed25519", "{}"),
        lambda: apiseal.Key.from_jwks("k", "ed25519", '{"keys": []}', "x"),
        lambda: apiseal.Key.generate("k").replace(state="off"),
        lambda: apiseal.Keyring([apiseal.Key.generate("a"), apiseal.Key.generate("a")]),
        lambda: apiseal.Keyring([apiseal.Key.generate("a")], primary=["b"]),
        lambda: apiseal.Keyring([apiseal.Key.hazmat_from_secret(kid, b"x" * 32) for kid in "ab"]),
    ],
)
def test_keys_that_are_none(make: Any) -> None:
    with pytest.raises(apiseal.ApisealError) as refused:
        make()
    assert refused.value.code in (100, 102, *range(400, 412))


def test_wrong_types() -> None:
    for make in (
        lambda: apiseal.Key.generate(5),
        lambda: apiseal.Key.import_secret("k", "x" * 32),
        lambda: apiseal.Keyring("k"),
        lambda: apiseal.Keyring([1]),
        lambda: apiseal.Keyring([apiseal.Key.generate("a")], primary="a"),
        lambda: apiseal.Keyring.generate(5),
    ):
        with pytest.raises(TypeError):
            make()  # type: ignore[no-untyped-call]


def test_a_primary_is_a_list_of_names() -> None:
    keys = [apiseal.Key.generate("ab"), apiseal.Key.generate("a"), apiseal.Key.generate("b")]
    # A str would be the list of its characters.
    with pytest.raises(TypeError):
        apiseal.Keyring(keys, primary="ab")  # type: ignore[arg-type]
