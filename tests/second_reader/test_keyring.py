"""Keyring files, exchanged with the program in APISEAL_EXCHANGE: what one writes the other reads, and both refuse the same."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace

import pytest

from apiseal_reader import Key, Refused, crypto, decrypt, encrypt, keyring, open_keyring
from apiseal_reader.crypto import SUITE_NAMES, SUITES, b64
from generator import Maker
from peer import Outcome, Peer

SEED = os.environ.get("APISEAL_EXCHANGE_SEED", "1")
SECRET = bytes(range(32))
WRAPPING_KEY = bytes(range(0x80, 0xA0))
ENTRY = {"type": "root", "kid": "k1", "purpose": "seal", "suite": "aes-256-gcm", "state": "active", "created": 1, "secret": b64(SECRET)}
ENTRY_2 = ENTRY | {"kid": "k2", "secret": b64(bytes(32))}
RAW = ENTRY | {"type": "raw", "kid": "r1", "purpose": "sig-raw", "suite": "hmac-sha256", "direction": "req", "secret": b64(bytes(range(40)))}
PUBLIC = {name: value for name, value in RAW.items() if name != "secret"}
PUBLIC |= {"suite": "ed25519", "public": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
REFERENCE = {name: value for name, value in ENTRY.items() if name != "secret"}
REFERENCE |= {"type": "derived", "kid": "k2", "context": {"purpose": "p", "t": "a"}, "root": "k1"}


def keyring_outcome(text: str, name: str, passphrase: str | None = None, wrapping_key: bytes | None = None) -> Outcome:
    try:
        ring = open_keyring(text, name, passphrase.encode() if passphrase is not None else None, wrapping_key)
    except Refused as refused:
        return "error", refused.name
    keys = [
        {"kid": k.kid, "purpose": k.purpose, "suite": SUITE_NAMES[k.suite], "state": k.state}
        | {"secret": k.secret.hex() if k.secret and k.purpose != "sig-raw" else None, "root": k.root, "context": k.context}
        | {"direction": k.direction, "external_keyid": k.external_keyid}
        for k in ring.keys.values()
    ]
    return "ok", {"rev": ring.rev, "keys": keys}


def check_keyring(peer: Peer, text: str, name: str = "orders", **wrap) -> Outcome:
    request = {"op": "keyring_open", "file": text, "ring": name}
    request |= {key: value.hex() if isinstance(value, bytes) else value for key, value in wrap.items()}
    mine, theirs = keyring_outcome(text, name, **wrap), peer.ask(request)
    if theirs[0] == "ok":
        theirs[1]["keys"].sort(key=lambda key: key["kid"])
    if mine[0] == "ok":
        mine[1]["keys"].sort(key=lambda key: key["kid"])
    assert mine == theirs, f"here {mine}, there {theirs}: {text}"
    return mine


def sealed(content: object, wrap: str = '{"alg":"raw"}', name: str = "orders", key: bytes = WRAPPING_KEY) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return keyring.seal_keyring(text, name, key, wrap, os.urandom(24))


def content(**changes) -> dict:
    return {"rev": 1, "primary": {"seal": "k1"}, "keys": [ENTRY]} | changes


def entry(**changes) -> dict:
    return content(keys=[{name: value for name, value in (ENTRY | changes).items() if value is not ...}])


CONTENTS = [
    content(),
    content(keys=[], primary={}),
    content(rev=0),
    content(rev=2**53 - 1),
    content(rev=2**53),
    content(rev=1.0),
    content(rev="1"),
    content(rev=-1),
    content(more=1),
    content(primary={"seal": "k2"}),
    content(primary={"idx": "k1"}),
    content(primary={"other": "k1"}),
    content(primary={"seal": ["k1"]}),
    content(primary={"seal": []}),
    content(primary={"seal": ["k1", "k1"]}),
    content(primary=[]),
    content(keys={}),
    content(keys=[ENTRY, ENTRY_2]),
    content(keys=[ENTRY, ENTRY]),
    content(keys=[ENTRY, ENTRY | {"kid": "k2"}]),
    content(keys=[ENTRY, ENTRY | {"kid": "k2", "purpose": "sig", "suite": "ed25519"}]),
    content(keys=[ENTRY, ENTRY_2 | {"kid": "k1"}]),
    content(keys=[ENTRY, ENTRY_2], primary={"seal": ["k1", "k2"]}),
    content(keys=[ENTRY, ENTRY_2 | {"scope": {"t": "a"}}], primary={"seal": ["k1", "k2"]}),
    content(keys=[ENTRY | {"scope": {"t": "b"}}, ENTRY_2 | {"scope": {"t": "a"}}], primary={"seal": ["k1", "k2"]}),
    content(keys=[ENTRY | {"scope": {"u": "b"}}, ENTRY_2 | {"scope": {"t": "a"}}], primary={"seal": ["k1", "k2"]}),
    entry(secret=b64(WRAPPING_KEY)),
    entry(secret=b64(bytes(31))),
    entry(secret=b64(bytes(33))),
    entry(secret=b64(SECRET) + "="),
    entry(secret=...),
    entry(created=...),
    entry(created="1"),
    entry(type="derived"),
    entry(type="derived", context={"purpose": "p"}),
    entry(type="derived", context={"purpose": "p"}, principal="x", profiles=["a"], not_before=1, expires=2),
    entry(type="derived", context={"purpose": "p"}, scope={}),
    entry(type="derived", context={"purpose": "p"}, imported=False),
    entry(type="derived", context={"purpose": "p"}, root="k2"),
    entry(type="derived", context={"purpose": "p"}, root="k2", secret=...),
    entry(type="derived", context={"purpose": "p"}, root="k1", secret=...),
    entry(type="derived", context={"purpose": "p"}, root="_", secret=...),
    entry(type="derived", context={"purpose": "p"}, root=1, secret=...),
    entry(type="derived", context={"purpose": "p"}, secret=...),
    entry(type="derived", context={}),
    entry(type="derived", context=[]),
    entry(type="derived", context={"": "x"}),
    entry(type="derived", context={"apiseal.x": "x"}),
    entry(type="derived", context={"purpose": "p", "apiseal.principal": "a", "apiseal.direction": "req"}),
    entry(scope={"apiseal.principal": "a"}),
    entry(type="derived", context={"a": "x" * 1025}),
    entry(type="derived", context={"a": "x"}, secret=b64(WRAPPING_KEY)),
    entry(context={"purpose": "p"}),
    entry(root="k1"),
    content(keys=[ENTRY, REFERENCE]),
    content(keys=[REFERENCE, ENTRY], primary={"seal": "k2"}),
    content(keys=[ENTRY, REFERENCE], primary={"seal": ["k1", "k2"]}),
    content(keys=[ENTRY, REFERENCE | {"kid": "k1"}]),
    content(keys=[ENTRY | {"suite": "chacha20-poly1305"}, REFERENCE]),
    content(keys=[ENTRY | {"purpose": "det"}, REFERENCE], primary={}),
    content(keys=[ENTRY | {"scope": {"purpose": "p"}}, REFERENCE]),
    content(keys=[ENTRY | {"scope": {"purpose": "q"}}, REFERENCE]),
    content(keys=[ENTRY | {"scope": {"purpose": "p", "t": "a"}}, REFERENCE], primary={"seal": ["k1", "k2"]}),
    content(keys=[ENTRY, REFERENCE, REFERENCE | {"kid": "k3"}]),
    content(keys=[ENTRY, REFERENCE, REFERENCE | {"kid": "k3"}], primary={"seal": ["k2", "k3"]}),
    content(keys=[ENTRY, REFERENCE, REFERENCE | {"kid": "k3", "context": {"purpose": "q", "t": "a"}}], primary={"seal": ["k2", "k3"]}),
    content(keys=[ENTRY, REFERENCE, REFERENCE | {"kid": "k3", "root": "k2"}]),
    content(keys=[ENTRY, REFERENCE, ENTRY_2 | {"kid": "k3", "scope": {"t": "a", "purpose": "p"}}], primary={"seal": ["k2", "k3"]}),
    content(keys=[ENTRY, REFERENCE, ENTRY_2 | {"kid": "k3", "scope": {"t": "a", "u": "p"}}], primary={"seal": ["k2", "k3"]}),
    content(keys=[ENTRY, ENTRY | {"type": "derived", "kid": "k3", "context": {"a": "b"}}]),
    content(keys=[ENTRY, ENTRY_2 | {"type": "derived", "kid": "k1", "context": {"a": "b"}}]),
    entry(type="raw"),
    content(keys=[RAW], primary={}),
    content(keys=[RAW], primary={"sig-raw": "r1"}),
    content(keys=[RAW | {"direction": "res", "external_keyid": "https://a.example/#1", "principal": "x", "profiles": ["p"], "scope": {"a": "b"}}], primary={}),
    content(keys=[RAW | {"direction": "both"}], primary={}),
    content(keys=[RAW | {"direction": 1}], primary={}),
    content(keys=[{name: value for name, value in RAW.items() if name != "direction"}], primary={}),
    content(keys=[RAW | {"purpose": "sig"}], primary={}),
    content(keys=[RAW | {"suite": "aes-256-gcm"}], primary={}),
    content(keys=[RAW | {"suite": "ed25519"}], primary={}),
    content(keys=[RAW | {"suite": "rsa-pss-sha512"}], primary={}),
    content(keys=[RAW | {"suite": "ed25519", "secret": b64(SECRET)}], primary={}),
    content(keys=[RAW | {"state": "verify-only"}], primary={}),
    content(keys=[RAW | {"state": "decrypt-only"}], primary={}),
    content(keys=[RAW | {"imported": True}], primary={}),
    content(keys=[RAW | {"context": {"a": "b"}}], primary={}),
    content(keys=[RAW | {"external_keyid": ""}], primary={}),
    content(keys=[RAW | {"external_keyid": "x" * 256}], primary={}),
    content(keys=[RAW | {"external_keyid": "x" * 257}], primary={}),
    content(keys=[RAW | {"external_keyid": "\u00e9"}], primary={}),
    content(keys=[RAW | {"external_keyid": "k1"}, ENTRY]),
    content(keys=[RAW | {"external_keyid": "r1"}, ENTRY]),
    content(keys=[RAW | {"public": PUBLIC["public"]}], primary={}),
    content(keys=[RAW | {"secret": b64(bytes(31))}], primary={}),
    content(keys=[RAW | {"secret": b64(bytes(65))}], primary={}),
    content(keys=[RAW | {"secret": b64(SECRET)}, ENTRY]),
    content(keys=[RAW | {"secret": b64(SECRET + bytes(32))}, ENTRY]),
    content(keys=[RAW | {"secret": b64(WRAPPING_KEY)}], primary={}),
    content(keys=[RAW | {"secret": b64(WRAPPING_KEY + bytes(7))}], primary={}),
    content(keys=[PUBLIC], primary={}),
    content(keys=[PUBLIC, RAW | {"kid": "r2", "secret": PUBLIC["public"]}], primary={}),
    content(keys=[PUBLIC | {"suite": "hmac-sha256"}], primary={}),
    content(keys=[PUBLIC | {"public": b64(bytes(31))}], primary={}),
    content(keys=[PUBLIC | {"public": PUBLIC["public"] + "="}], primary={}),
    content(keys=[PUBLIC, PUBLIC | {"kid": "r2"}], primary={}),
    entry(direction="req"),
    entry(external_keyid="x"),
    entry(public="x"),
    content(keys=[ENTRY, REFERENCE | {"direction": "req"}]),
    content(keys=[ENTRY | {"purpose": "sig", "suite": "hmac-sha256"}, REFERENCE | {"purpose": "sig", "suite": "hmac-sha256", "direction": "req"}], primary={}),
    entry(kid="_"),
    entry(kid=""),
    entry(kid="x" * 33),
    entry(kid="a.b"),
    entry(unknown=1),
    entry(suite="aes-128-gcm"),
    entry(suite="hmac-sha256"),
    entry(purpose="rcp"),
    entry(purpose="krg"),
    entry(state="verify-only"),
    entry(state="decrypt-only"),
    entry(state="disabled"),
    entry(state="gone"),
    entry(not_before=1, expires=2),
    entry(not_before=2, expires=2),
    entry(expires=0),
    entry(scope={}),
    entry(scope={"a": 1}),
    entry(scope={"": "x"}),
    entry(scope={"a": ""}),
    entry(scope={"a": "x" * 1025}),
    entry(scope={str(i): "" for i in range(33)}),
    entry(scope=[]),
    entry(imported=True),
    entry(imported=True, scope={"a": "b"}),
    entry(imported=False),
    entry(imported="true"),
    entry(principal="p"),
    entry(principal="", scope={"a": "b"}),
    entry(principal="p", scope={"a": "b"}),
    entry(profiles=["a", "b"]),
    entry(profiles=["a", "a"]),
    entry(profiles=[""]),
    content(primary={}, keys=[ENTRY | {"purpose": "det"}]),
    content(primary={"sig": "k1"}, keys=[ENTRY | {"purpose": "sig", "suite": "hmac-sha256"}]),
    content(primary={"sig": "k1"}, keys=[ENTRY | {"purpose": "sig", "suite": "ed25519", "state": "verify-only"}]),
    content(primary={}, keys=[ENTRY | {"purpose": "sig", "suite": "ed25519", "state": "decrypt-only"}]),
    content(primary={"idx": "k1"}, keys=[ENTRY | {"purpose": "idx", "suite": "index-hmac-sha256"}]),
    content(primary={}, keys=[ENTRY | {"purpose": "idx", "suite": "index-hmac-sha256", "state": "decrypt-only"}]),
    content(primary={}, keys=[ENTRY | {"purpose": "idx"}]),
    [],
    entry(created=2**53),
    entry(not_before=-1),
    entry(profiles=[]),
    entry(scope={str(i): "" for i in range(32)}),
    entry(kid="x" * 32),
    entry(secret=1),
    content(keys=[1]),
    content(keys=[ENTRY | {"kid": f"k{i}", "secret": b64(i.to_bytes(32, "big"))} for i in range(4096)], primary={}),
    content(keys=[ENTRY | {"kid": f"k{i}", "secret": b64(i.to_bytes(32, "big"))} for i in range(4097)], primary={}),
    "1",
    "1 2",
    '{"rev":1',
    '{"rev":1,"rev":1,"primary":{},"keys":[]}',
    '{"rev":01,"primary":{},"keys":[]}',
    '{"rev":1,"primary":{},"keys":[]}',
    ' {"rev":1,"primary":{},"keys":[]}',
    '{"rev":1,"primary":{},"keys":[]}\n',
]


@pytest.mark.parametrize("inside", CONTENTS, ids=range(len(CONTENTS)))
def test_keyring_content(peer: Peer, inside: object) -> None:
    check_keyring(peer, sealed(inside), wrapping_key=WRAPPING_KEY)


CHANGES = [
    ('"apiseal_keyring":1', '"apiseal_keyring":2'),
    ('"apiseal_keyring":1', '"apiseal_keyring":1.0'),
    ('"apiseal_keyring":1', '"apiseal_keyring_clear":1'),
    ('"apiseal_keyring":1', '"apiseal_keyring":1,"x":1'),
    ('"apiseal_keyring":1', '"apiseal_keyring":1,"apiseal_keyring":1'),
    ('"apiseal_keyring":1', ' "apiseal_keyring" : 1 '),
    ('{"alg":"raw"}', '{ "alg" : "\\u0072aw" }'),
    ('{"alg":"raw"}', '{"alg":"raw","x":1}'),
    ('{"alg":"raw"}', '{"alg":"kms"}'),
    ('{"alg":"raw"}', '{"alg":1}'),
    ('{"alg":"raw"}', "{}"),
    ('{"alg":"raw"}', "[]"),
    ("as1.W.", "as1.V."),
    ("as1.W.", "as1.W.."),
    ("as1.W.", "as1f."),
    ('"}', '"'),
    ('"}', '"}x'),
]


@pytest.mark.parametrize("old, new", CHANGES, ids=range(len(CHANGES)))
def test_keyring_file_changed(peer: Peer, old: str, new: str) -> None:
    good = sealed(content())
    assert old in good
    check_keyring(peer, good.replace(old, new), wrapping_key=WRAPPING_KEY)


def test_keyring_bytes_changed(peer: Peer) -> None:
    good = sealed(content())
    assert check_keyring(peer, good, wrapping_key=WRAPPING_KEY)[0] == "ok"
    check_keyring(peer, good, wrapping_key=SECRET)
    check_keyring(peer, good, name="other", wrapping_key=WRAPPING_KEY)
    check_keyring(peer, good, passphrase="x")
    maker = Maker(f"{SEED}/keyring")
    start = good.index("as1.W.") + 6
    for head in (b"\2\3", b"\1\1", b"\1\2", b"\1\x13", b"\1\x21", b"\0\3", b"\x30\3"):
        body = head + crypto.unb64(good[start:-2])[2:]
        check_keyring(peer, good[:start] + b64(body) + good[-2:], wrapping_key=WRAPPING_KEY)
    for _ in range(60):
        body = bytearray(crypto.unb64(good[start:-2]))
        body[maker.random.randrange(len(body))] ^= 1 << maker.random.randrange(8)
        check_keyring(peer, good[:start] + b64(bytes(body)) + good[-2:], wrapping_key=WRAPPING_KEY)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"v": 16},
        {"m": 8},
        {"m": 65535},
        {"m": 2**30},
        {"m": 4194305},
        {"t": 0},
        {"t": 2},
        {"t": 17},
        {"p": 0},
        {"p": 17},
        {"m": 4194304, "t": 16},
        {"m": "65536"},
        {"t": 3.0},
        {"salt": b64(bytes(15))},
        {"salt": b64(bytes(17))},
        {"salt": b64(bytes(16)) + "=="},
        {"salt": "A" * 21 + "B"},
        {"more": 1},
        {"alg": "argon2i"},
    ],
    ids=str,
)
def test_keyring_wrap(peer: Peer, change: dict) -> None:
    wrap = {"alg": "argon2id", "v": 19, "m": 65536, "t": 3, "p": 1, "salt": b64(bytes(range(16)))} | change
    passphrase = "correct horse\u00e9"
    key = keyring.stretch(passphrase.encode(), bytes(range(16)), 65536, 3, 1) if not change else WRAPPING_KEY
    text = sealed(content(), json.dumps(wrap), key=key)
    outcome = check_keyring(peer, text, passphrase=passphrase)
    if not change:
        assert outcome[0] == "ok"
        check_keyring(peer, text, passphrase=passphrase + "\n")
        check_keyring(peer, text, passphrase=passphrase + "\r\n")
        check_keyring(peer, text, passphrase=passphrase + "\n\n")
        check_keyring(peer, text, passphrase=passphrase + " ")


def test_keyring_seal(peer: Peer) -> None:
    maker = Maker(f"{SEED}/seal")
    for number in range(20):
        keys = []
        for i in range(maker.random.randrange(6)):
            purpose = maker.pick(purpose for purpose in keyring.FITTING_SUITES if purpose != "sig-raw")
            suite = SUITE_NAMES[maker.pick(keyring.FITTING_SUITES[purpose])]
            state = maker.pick(name for name, purposes in keyring.STATES.items() if purpose in purposes)
            secret = maker.random.randbytes(32).hex()
            key = {"kid": f"k{i}", "purpose": purpose, "suite": suite, "state": state, "secret": secret}
            keys.append(key | {"root": None, "context": None, "direction": None, "external_keyid": None})
        request = {"op": "keyring_seal", "ring": "orders", "rev": number, "keys": keys, "wrapping_key": WRAPPING_KEY.hex()}
        kind, text = peer.ask(request)
        assert kind == "ok", (text, request)
        assert check_keyring(peer, text, wrapping_key=WRAPPING_KEY) == ("ok", {"rev": number, "keys": keys})
        made = [Key(k["kid"], bytes.fromhex(k["secret"]), SUITES[k["suite"]], k["purpose"], k["state"]) for k in keys]
        mine = sealed(keyring.keyring_plaintext(number, made, {}))
        assert check_keyring(peer, mine, wrapping_key=WRAPPING_KEY) == ("ok", {"rev": number, "keys": keys})


def test_derived_keys_open_each_others_documents(peer: Peer) -> None:
    """A ring with root and reference, and rings that hold one delegated key each: all of one context agree."""
    maker = Maker(f"{SEED}/derived")
    policies = [
        {"apiseal_policy": 1, "id": "t", "rules": [{"path": "$.a", "bind": ["$.id"]}]},
        {"apiseal_policy": 1, "id": "d", "layout": "document", "bind": ["$"], "rules": [{"path": "$.a"}]},
    ]
    document = b'{"id": 1, "a": "secret"}'
    for suite in (1, 2):
        secret, context = maker.random.randbytes(32), {"purpose": "p", "tenant": "acme"}
        root = Key("root", secret, suite)
        reference = Key("p1", None, suite, context=context, root="root")
        full = keyring.Ring([root, reference], {"seal": ["p1"]})
        alone = {
            key.kid: keyring.Ring([Key(key.kid, full.context_key(key, context), suite, context=context)], {"seal": [key.kid]})
            for key in (root, reference)
        }
        by_root = keyring.Ring([root, reference], {"seal": ["root"]})
        for policy in policies + [policy | {"rules": [policy["rules"][0] | {"keys": "any"}]} for policy in policies]:
            for ring, kid in ((full, "p1"), (by_root, "root"), (alone["p1"], "p1"), (alone["root"], "root")):
                kind, output = ask(peer, "encrypt", ring, policy, context, document)
                assert kind == "ok", output
                mine = encrypt(document, policy, ring, context, os.urandom, 0)
                for reader in (full if kid == "p1" else by_root, alone[kid]):
                    assert decrypt(output, policy, reader, context, 0) == document
                    assert ask(peer, "decrypt", reader, policy, context, mine) == ("ok", document)
                    for wrong in ({"purpose": "p", "tenant": "evil"}, context | {"more": "x"}, {"purpose": "p"}):
                        # A root serves any context, where the token is then refused.
                        expected = "Rejected" if reader is by_root else "ContextScope"
                        assert ask(peer, "decrypt", reader, policy, wrong, mine) == ("error", expected)
                        with pytest.raises(Refused, match=expected):
                            decrypt(mine, policy, reader, wrong, 0)


def test_a_reference_stops_with_its_root(peer: Peer) -> None:
    policy = {"apiseal_policy": 1, "id": "t", "rules": [{"path": "$.a", "bind": []}]}
    context = {"purpose": "p"}
    reference = Key("p1", None, context=context, root="root")
    token = encrypt(b'{"a":1}', policy, keyring.Ring([Key("root", SECRET), reference], {"seal": ["p1"]}), context, os.urandom, 0)
    for changes, outcomes in (
        ({"state": "decrypt-only"}, ("KeyState", "ok")),
        ({"state": "disabled"}, ("KeyState", "KeyState")),
        ({"expires": 1}, ("KeyState", "ok")),
    ):
        ring = keyring.Ring([replace(Key("root", SECRET), **changes), reference], {"seal": ["p1"]})
        for op, call, document, expected in (("encrypt", encrypt, b'{"a":1}', outcomes[0]), ("decrypt", decrypt, token, outcomes[1])):
            kind, value = ask(peer, op, ring, policy, context, document, now=5)
            assert (kind if kind == "ok" else value) == expected, (op, changes)
            arguments = (document, policy, ring, context) + ((os.urandom, 5) if op == "encrypt" else (5,))
            if expected == "ok":
                call(*arguments)
            else:
                with pytest.raises(Refused, match=expected):
                    call(*arguments)


def ask(peer: Peer, op: str, ring: keyring.Ring, policy: dict, context: dict, document: bytes, now: int = 0) -> Outcome:
    content = keyring.keyring_plaintext(ring.rev, list(ring.keys.values()), ring.primaries)
    text = '{"apiseal_keyring_clear":1,"ring":"exchange",' + content[1:]
    request = {"op": op, "ring_file": text, "policy": policy, "context": context, "now": now}
    kind, value = peer.ask(request | {"document": base64.b64encode(document).decode()})
    return kind, base64.b64decode(value, validate=True) if kind == "ok" else value
