"""Every vector and example table of docs/format.md, byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from apiseal_reader import Key, Refused, Ring, crypto, decrypt, encrypt, open_keyring
from apiseal_reader import keyring
from apiseal_reader.strict_json import canonical, canonical_number, parse

SECRET = bytes(range(32))
SALT = bytes(range(0x40, 0x58))
RAND32 = bytes(range(0x60, 0x80))
CONTEXT = {"purpose": "users", "tenant": "acme"}
K_CTX = {
    1: "bc76c7ad079cda5cf97cf2be52e3c67a9b86678dd7d1064073e04af44796c8ca",
    2: "93bee11ba4e525775fbe6ec9e8f91826ad44e7fff93f6627fb7837d9ae6778c4",
}


def ring(suite: int) -> Ring:
    return Ring([Key("k1", SECRET, suite)], {"seal": ["k1"]})


def k_ctx(suite: int) -> bytes:
    return ring(suite).keys["k1"].context_key(CONTEXT)


def fixed(size: int) -> bytes:
    assert size == 24
    return SALT


# Sections 5, 6, 7, 9 and 11


def test_context() -> None:
    assert crypto.enc(CONTEXT).hex() == (
        "0000000200000007707572706f73650000000575736572730000000674656e616e740000000461636d65"
    )
    assert (
        hashlib.sha256(crypto.enc(CONTEXT)).hexdigest()
        == "9993258c8602111180bf361898a1a36cbedb3a85ccfe956b9259fcbd20579aa6"
    )
    assert {suite: k_ctx(suite).hex() for suite in (1, 2)} == K_CTX
    assert crypto.kdf(k_ctx(1), "aud", b"")[:8].hex() == "45fa14576ab6d7de"
    key = Key("k1", SECRET)
    assert key.context_key({"a": "bc"}) != key.context_key({"ab": "c"})


@pytest.mark.parametrize(
    "mode, location, label, expected",
    [
        (1, ("cards", 0, "pan"), None, "010000000563617264730200000000010000000370616e"),
        (2, ("cards", 0, "pan"), None, "0100000005636172647303010000000370616e"),
        (3, (), "ssn", "040000000373736e"),
        (1, ("",), None, "0100000000"),
        (1, ("\u00e9",), None, "0100000002c3a9"),
        (1, ("e\u0301",), None, "010000000365cc81"),
        (1, ("0",), None, "010000000130"),
        (1, (0,), None, "0200000000"),
        (1, ("a:b",), None, "0100000003613a62"),
        (1, ("a", "b"), None, "010000000161010000000162"),
    ],
)
def test_position(mode: int, location: crypto.Location, label: str | None, expected: str) -> None:
    assert crypto.position(mode, location, label).hex() == expected


@pytest.mark.parametrize(
    "texts, expected",
    [
        ("0 -0 0e99 -0.0 0.0", "0"),
        ("1.10 1.1", "1.1"),
        ("1.0 1", "1"),
        ("1E2", "100"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", "9.007199254740993e15"),
        ("1e400", "1e400"),
        ("1e-400", "1e-400"),
        ("-1e-400", "-1e-400"),
        ("-123.4500e-2", "-1.2345"),
        ("0.1", "0.1"),
        ("1e21 1000000000000000000000", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("0.0000001", "1e-7"),
        ("5e-324", "5e-324"),
        ("123456789012345678901234", "1.23456789012345678901234e23"),
        ("3.141592653589793238", "3.141592653589793238e0"),
        ("10e99999999999999999999", "1e100000000000000000000"),
        ("0.1e-99999999999999999999", "1e-100000000000000000000"),
        ("10e" + "9" * 60, "1e1" + "0" * 60),
        ("0.1e1" + "0" * 60, "1e" + "9" * 60),
        ("0.1e-" + "9" * 60, "1e-1" + "0" * 60),
        ("10e-1" + "0" * 60, "1e-" + "9" * 60),
    ],
)
def test_canonical_number(texts: str, expected: str) -> None:
    assert {canonical_number(text) for text in texts.split()} == {expected}


def test_canonical_document() -> None:
    text = canonical(parse(b'{"b":[1.10,-0,"\\u00e9"],"a":9007199254740993}'))
    assert text.encode().hex() == (
        "7b2261223a392e3030373139393235343734303939336531352c2262223a5b312e312c302c22c3a9225d7d"
    )


def test_canonical_strings() -> None:
    text = canonical(parse('{"\ufb33":0,"\\ud83d\\ude00":"\\u000F\\/\\u007f\\"\\\\\\b\\t\\n\\f\\r\uffff"}'.encode()))
    assert text == '{"\U0001f600":"\\u000f/\x7f\\"\\\\\\b\\t\\n\\f\\r\uffff","\ufb33":0}'


def test_padded_lengths() -> None:
    lengths = {1: 32, 32: 32, 33: 64, 256: 256, 257: 272, 300: 304, 1000: 1024, 4097: 4352}
    lengths |= {100000: 100352, 1048577: 1081344, 16777216: 16777216}
    assert {size: crypto.padded_length(size) for size in lengths} == lengths
    assert crypto.padded_length(7, 5) == 10 and crypto.padded_length(10, 5) == 10
    assert crypto.padded_length(7, "none") == 7


@pytest.mark.parametrize(
    "before, inserted",
    [("{}", '{"_seal":"H"}'), ("{ }", '{"_seal":"H" }'), ('{ "a":1}', '{"_seal":"H", "a":1}')],
)
def test_header_insertion(before: str, inserted: str) -> None:
    policy = {"apiseal_policy": 1, "id": "p", "layout": "document", "bind": [], "rules": [{"path": "$.x", "occurs": "optional"}]}
    output = encrypt(before.encode(), policy, ring(1), CONTEXT)
    header = parse(output).get("_seal").text
    assert output.decode() == inserted.replace("H", header)
    assert decrypt(output, policy, ring(1), CONTEXT).decode() == before


@pytest.mark.parametrize(
    "moved, after",
    [('{"a":1, "_seal" : "H" , "b":2}', '{"a":1,  "b":2}'), ('{"a":1, "_seal":"H" }', '{"a":1 }')],
)
def test_header_removal(moved: str, after: str) -> None:
    policy = {"apiseal_policy": 1, "id": "p", "layout": "document", "bind": [], "rules": [{"path": "$.x", "occurs": "optional"}]}
    header = parse(encrypt(b"{}", policy, ring(1), CONTEXT)).get("_seal").text
    assert decrypt(moved.replace("H", header).encode(), policy, ring(1), CONTEXT).decode() == after


# Layout T

A1_POLICY = {
    "apiseal_policy": 1,
    "id": "p",
    "rules": [{"path": "$.user.ssn", "bind": ["$.id"]}],
}
A1_DOCUMENT = '{"id":42,"user":{"ssn":"078-05-1120"}}'
A1_BOUND = "0000000701000000026964000000023432"
A1_AAD = "010100000011010000000475736572010000000373736e000000110000000701000000026964000000023432"
A1_P = "223037382d30352d313132302200000000000000000000000000000000000000"
A1_TOKEN = "as1.k1.AQFAQUJDREVGR0hJSktMTU5PUFFSU1RVVldWea7Czcu4mkmquPfkjsspMirLrWX_qdfjZ6l-nNIz8J2MmG619XhOtpH-aR-yZiZQLsWvYDH7rYoB-qPjoJr9c5lQjIvRTk2Ezx0B0tIDzg"
A1_TOKEN_UNPADDED = "as1.k1.AQFAQUJDREVGR0hJSktMTU5PUFFSU1RVVldWea7Czcu4mkmquPfkjsspMirLrWX_qdfjZ6l-nNIz8J2MmG619XhOtpH-aR_GNeVY95l6C1lqBeA1MwFW"
A2_TOKEN = "as1.k1.AgFAQUJDREVGR0hJSktMTU5PUFFSU1RVVletsEdH_vsExi05xK7W-aAjtBUIf0ycYAzfPR4wZpP-0SW8nlxMzVBLHB0TcmnphCl7p8TIrs_Sfr0AlQKmycyqxZSvfkOFdt6AoW5T2UFTGg"
E1_POLICY = {
    "apiseal_policy": 1,
    "id": "p",
    "rules": [{"path": "$.orders[*].customer.ssn", "position": "elements", "bind": ["$.tenant", "2/id"]}],
}
E1_DOCUMENT = '{"tenant":"acme","orders":[{"id":"o-1","customer":{"ssn":"078-05-1120"}}]}'
E1_BOUND = "0000001301000000066f7264657273030100000002696400000005226f2d31220000000b010000000674656e616e74000000062261636d6522"
E1_AAD = "01020000002101000000066f7264657273030100000008637573746f6d6572010000000373736e000000390000001301000000066f7264657273030100000002696400000005226f2d31220000000b010000000674656e616e74000000062261636d6522"
E1_TOKEN = "as1.k1.AQJAQUJDREVGR0hJSktMTU5PUFFSU1RVVlc8mjrig9BjBG7r2YFPogq-EAn5RLnzCgwyIJuSHv6NjLKDlHwzZ5_TvhSN_nciv52M_63m2cvCeq6LU-RYqg2V6nJjSuGQ9VEGDxyjhuCRXg"
N1_POLICY = {
    "apiseal_policy": 1,
    "id": "p",
    "rules": [
        {
            "path": "$.patient.notes",
            "position": "named",
            "label": "patient.notes",
            "bind": [{"label": "patient.id", "path": "$.patient.id"}],
        }
    ],
}
N1_DOCUMENT = '{"patient":{"id":7.0,"notes":"stable"}}'
N1_BOUND = "0000000f040000000a70617469656e742e69640000000137"
N1_AAD = "010300000012040000000d70617469656e742e6e6f746573000000180000000f040000000a70617469656e742e69640000000137"
N1_TOKEN = "as1.k1.AQNAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfFzP8jIFUxp25k7C9LGYPLzpYq1nZxREaIlyD9iRr2jsGJ77gMkTIVUs6gzhqXqMyA59AT_jdVCXXr-kubd8h0y7lbgNPZtUoJqUobWhjJzw"
SSN = '"078-05-1120"'


@pytest.mark.parametrize(
    "suite, policy, document, value, aad, key, com, token",
    [
        (
            1,
            A1_POLICY,
            A1_DOCUMENT,
            SSN,
            A1_AAD,
            "72ab3e0352ff735fa56b703528109365af1817e3f9892f6187bd959812363145",
            "5679aec2cdcbb89a49aab8f7e48ecb29322acbad65ffa9d7e367a97e9cd233f0",
            A1_TOKEN,
        ),
        (
            2,
            A1_POLICY,
            A1_DOCUMENT,
            SSN,
            "02" + A1_AAD[2:],
            "1d90d66ffdd985adf3f4ffd88d10985c05364e80757b6b63ce51533350d87b45",
            "adb04747fefb04c62d39c4aed6f9a023b415087f4c9c600cdf3d1e306693fed1",
            A2_TOKEN,
        ),
        (
            1,
            E1_POLICY,
            E1_DOCUMENT,
            SSN,
            E1_AAD,
            "1225db6672f462f4526b2ac917416d70dd15cd80ee5eaeaac30d44bed2660383",
            "3c9a3ae283d063046eebd9814fa20abe1009f944b9f30a0c32209b921efe8d8c",
            E1_TOKEN,
        ),
        (
            1,
            N1_POLICY,
            N1_DOCUMENT,
            '"stable"',
            N1_AAD,
            "f46fc0a9d6c1404b48559e92e95d2362eb94a8701c9c5800a6813f888d5a2c8f",
            "c5ccff23205531a76e64ec2f4b1983cbce962ad676714446889720fd891af68e",
            N1_TOKEN,
        ),
    ],
    ids=["A1", "A2", "E1", "N1"],
)
def test_token(
    suite: int, policy: dict, document: str, value: str, aad: str, key: str, com: str, token: str
) -> None:
    mode = bytes.fromhex(aad)[1]
    assert crypto.kdf(k_ctx(suite), "key", SALT + bytes([suite, mode])).hex() == key
    assert crypto.kdf(k_ctx(suite), "com", SALT + bytes.fromhex(aad)).hex() == com
    assert crypto.seal_token(k_ctx(suite), "k1", suite, mode, SALT, crypto.pad(value), bytes.fromhex(aad)) == token
    output = encrypt(document.encode(), policy, ring(suite), CONTEXT, fixed).decode()
    assert output == document.replace(value, f'"{token}"')
    assert decrypt(output.encode(), policy, ring(suite), CONTEXT).decode() == document


@pytest.mark.parametrize(
    "mode, location, label, entries, bound, aad",
    [
        (1, ("user", "ssn"), None, [(("id",), None, "42")], A1_BOUND, A1_AAD),
        (
            2,
            ("orders", 0, "customer", "ssn"),
            None,
            [(("tenant",), None, '"acme"'), (("orders", 0, "id"), None, '"o-1"')],
            E1_BOUND,
            E1_AAD,
        ),
        (3, (), "patient.notes", [((), "patient.id", "7")], N1_BOUND, N1_AAD),
    ],
)
def test_bound_and_aad(mode: int, location, label, entries, bound: str, aad: str) -> None:
    made = crypto.bound_bytes([(crypto.position(mode, place, name), text) for place, name, text in entries])
    assert made.hex() == bound
    assert crypto.token_aad(1, mode, crypto.position(mode, location, label), made).hex() == aad


def test_a1_details() -> None:
    assert crypto.pad(SSN).hex() == A1_P
    assert crypto.parse_token(A1_TOKEN).ciphertext.hex() == (
        "9d8c986eb5f5784eb691fe691fb26626502ec5af6031fbad8a01faa3e3a09afd7399508c8bd14e4d84cf1d01d2d203ce"
    )
    policy = {"apiseal_policy": 1, "id": "p", "rules": [A1_POLICY["rules"][0] | {"padding": "none"}]}
    output = encrypt(A1_DOCUMENT.encode(), policy, ring(1), CONTEXT, fixed).decode()
    assert output == A1_DOCUMENT.replace(SSN, f'"{A1_TOKEN_UNPADDED}"')
    assert decrypt(output.encode(), A1_POLICY, ring(1), CONTEXT).decode() == A1_DOCUMENT
    salt = crypto.hedged_salt_token(k_ctx(1), RAND32, bytes.fromhex(A1_AAD), bytes.fromhex(A1_P))
    assert salt.hex() == "bb8a96a54149e9bb63c49d1829634378daf4ea592d048284"
    for last in "hij":
        with pytest.raises(Refused, match="MalformedToken"):
            crypto.parse_token(A1_TOKEN[:-1] + last)


# Layout D

D_DOCUMENT = '{"id":42,"user":{"ssn":"078-05-1120"},"cards":[{"pan":"4111111111111111"}]}'
FIELDS_1 = (
    '"id":42,"user":{"ssn":"as1f.AAAAAGFaYWvmgoVlgtDDHiSDNu6YxOo_k-ihylUWyuIyM-a7Yt1X_4gd24Y7rA9y31Q3Fg"},'
    '"cards":[{"pan":"as1f.AAAAAZIrAi_J87O22HwPHInF5uZHwMrB8ubvXVSW1IiJvO5gxcO5SCToOQPDMlB2F2B39Q"}]}'
)
FIELDS_2 = (
    '"id":42,"user":{"ssn":"as1f.AAAAAAz_4RMGxmmPebrXw0VpLIx-mv3HHHMHHdKaNGFIXp3LPrnfxbgYio1nvQOGd3HnRw"},'
    '"cards":[{"pan":"as1f.AAAAAednUiNWhDQsfRoN9-4cSg7vBqiKVJ0lYyQdWGSOYx5UflHzZdymt6WRqNsmHEU0Bg"}]}'
)
D1_J = (
    '{"cards":[{"pan":"as1f.AAAAAZIrAi_J87O22HwPHInF5uZHwMrB8ubvXVSW1IiJvO5gxcO5SCToOQPDMlB2F2B39Q"}],'
    '"id":42,"user":{"ssn":"as1f.AAAAAGFaYWvmgoVlgtDDHiSDNu6YxOo_k-ihylUWyuIyM-a7Yt1X_4gd24Y7rA9y31Q3Fg"}}'
)
KEYS_1 = (
    "8ebc936964e0c44c11fd269b7bc1297cdc31c20767ea4686bd690f68e2e27fb9",
    "810251bfb71924336918e7aff43ffb1db754b10cceaceb4330dcaafcf7b0f835",
    "ec00095f6f77d3c85c9925028c7ae4636acc23f5a98110833ea003934dc650cb",
)
KEYS_2 = (
    "86d5fc459e17ca273bd4dd1136bffa00eba2c89961b239fb9ca5d448c5f21d5e",
    "c0c5889005bad9db511353c2349ae788be70bfa7c65f23a6400072721b7b770c",
    "b8d4c51d3c70a25b20090393b447968c95855bc0cb49afa9bf41f5583fd5e392",
)
A4_HEADER = "as1d.k1.ASFAQUJDREVGR0hJSktMTU5PUFFSU1RVVleBAlG_txkkM2kY56_0P_sdt1SxDM6s60Mw3Kr897D4NQAAAAL2h3IAT_jy-fvT9psnAnCGX6XMiLU5YWFC_ryVYM0NDA"
D1_HEADER = "as1d.k1.ASFAQUJDREVGR0hJSktMTU5PUFFSU1RVVleBAlG_txkkM2kY56_0P_sdt1SxDM6s60Mw3Kr897D4NQAAAAKXMFgn44dmc9VRQDwnU-e-hEX3gJCmA74qYtMxQRwJNg"
D2_HEADER = "as1d.k1.AiFAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfAxYiQBbrZ21ETU8I0mueIvnC_p8ZfI6ZAAHJyG3t3DAAAAAJ_d2UbAfE7OlwgfFk0wucmC-e4aB6gipvn472cvVVgzg"
D3_HEADER = "as1d.k1.ASFAQUJDREVGR0hJSktMTU5PUFFSU1RVVleBAlG_txkkM2kY56_0P_sdt1SxDM6s60Mw3Kr897D4NQAAAAA9nRcB9shl8SE93mlfwyALDbf2RBOntZue_Gv_Yo-iJQ"
TWO_RULES = [{"path": "$.user.ssn"}, {"path": "$.cards[0].pan"}]
OPTIONAL_RULES = [rule | {"occurs": "optional"} for rule in TWO_RULES]


@pytest.mark.parametrize(
    "suite, document, bind, rules, keys, mac, output",
    [
        (
            1,
            D_DOCUMENT,
            ["$.id"],
            TWO_RULES,
            KEYS_1,
            "f68772004ff8f2f9fbd3f69b270270865fa5cc88b539616142febc9560cd0d0c",
            f'{{"_seal":"{A4_HEADER}",{FIELDS_1}',
        ),
        (
            1,
            D_DOCUMENT,
            ["$"],
            TWO_RULES,
            KEYS_1,
            "97305827e3876673d551403c2753e7be8445f78090a603be2a62d331411c0936",
            f'{{"_seal":"{D1_HEADER}",{FIELDS_1}',
        ),
        (
            2,
            D_DOCUMENT,
            ["$"],
            TWO_RULES,
            KEYS_2,
            "7f77651b01f13b3a5c207c5934c2e7260be7b8681ea08a9be7e3bd9cbd5560ce",
            f'{{"_seal":"{D2_HEADER}",{FIELDS_2}',
        ),
        (
            1,
            "{}",
            ["$"],
            OPTIONAL_RULES,
            KEYS_1,
            "3d9d1701f6c865f1213dde695fc3200b0db7f64413a7b59b9efc6bff628fa225",
            f'{{"_seal":"{D3_HEADER}"}}',
        ),
    ],
    ids=["A4", "D1", "D2", "D3"],
)
def test_document(suite: int, document: str, bind: list, rules: list, keys: tuple, mac: str, output: str) -> None:
    policy = {"apiseal_policy": 1, "id": "p", "layout": "document", "bind": bind, "rules": rules}
    derived = crypto.DocumentKeys.derive(k_ctx(suite), suite, SALT)
    assert (derived.field_key.hex(), derived.com.hex(), derived.mac_key.hex()) == keys
    assert encrypt(document.encode(), policy, ring(suite), CONTEXT, fixed).decode() == output
    assert crypto.parse_header(parse(output.encode()).get("_seal").text).mac.hex() == mac
    assert decrypt(output.encode(), policy, ring(suite), CONTEXT).decode() == document


def test_document_details() -> None:
    derived = crypto.DocumentKeys.derive(k_ctx(1), 1, SALT)
    places = [crypto.position(0x21, ("user", "ssn")), crypto.position(0x21, ("cards", 0, "pan"))]
    plaintexts = [crypto.pad(SSN), crypto.pad('"4111111111111111"')]
    sealed = [derived.seal(i, place, plaintext) for i, (place, plaintext) in enumerate(zip(places, plaintexts))]
    assert [c.hex() for c in sealed] == [
        "615a616be682856582d0c31e248336ee98c4ea3f93e8a1ca5516cae23233e6bb62dd57ff881ddb863bac0f72df543716",
        "922b022fc9f3b3b6d87c0f1c89c5e6e647c0cac1f2e6ef5d5496d48889bcee60c5c3b94824e83903c3325076176077f5",
    ]
    salt = crypto.hedged_salt_document(k_ctx(1), RAND32, list(zip(places, plaintexts)))
    assert salt.hex() == "99fa9fd0017649050d6e35341d8077a9652d6d173ffcf60e"
    whole = canonical(parse(("{" + FIELDS_1).encode()))
    assert whole == D1_J and len(whole) == 198
    assert crypto.bound_bytes([(b"", whole)])[:8].hex() == "00000000000000c6"
    assert crypto.bound_bytes([(b"", "{}")]).hex() == "00000000000000027b7d"


# Keyrings

WRAPPING_KEY = bytes(range(0x80, 0xA0))
PLAINTEXT = '{"rev":7,"primary":{"seal":"k1"},"keys":[{"type":"root","kid":"k1","purpose":"seal","suite":"aes-256-gcm","state":"active","created":1767225600,"secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}'
RAW_WRAP = '{"alg":"raw"}'
ARGON_WRAP = '{"alg":"argon2id","v":19,"m":65536,"t":3,"p":4,"salt":"ICEiIyQlJicoKSorLC0uLw"}'
ARGON_WRAP_J = '{"alg":"argon2id","m":65536,"p":4,"salt":"ICEiIyQlJicoKSorLC0uLw","t":3,"v":19}'
K1_FILE = '{"apiseal_keyring":1,"wrap":{"alg":"raw"},"sealed":"as1.W.AQNAQUJDREVGR0hJSktMTU5PUFFSU1RVVleW1odknkZMxB0tGK7mGJAUL7HUxIi4QaCJgRqPWZA9rlK8UEEPqvRoDwgDEjUQLvezZLzks6G3eEgyISavHWjgUT4hqBidssT6jyx_UVqG7iFJi2POSmd4Byes-nAv4u8mCYnstKAXktyprVDkT8gSbqzdX0H_zEGgUPeB_K8Au360UAWgbNvnbaZNYQCyhr69ZU7uESy9_CLu_ccyL6ri9bsVzLdHFXK8YwwrY7y0zQx2sgYDbWSgHToaD-BDVm8vWuSWM2Ze7B-_qVAwbHKjXbyeVE9dfd169vONztDUz70AwNsus9bszPfPpGmWOsmGrTVgTr69IkfUA18TnKVyDy6Cyd8U14xO3o__AZGtyg"}'
K2_FILE = '{"apiseal_keyring":1,"wrap":{"alg":"argon2id","v":19,"m":65536,"t":3,"p":4,"salt":"ICEiIyQlJicoKSorLC0uLw"},"sealed":"as1.W.AQNAQUJDREVGR0hJSktMTU5PUFFSU1RVVldse4pyWABqHF0QPwPUIK8jXnOUEykLKHulAClANFlEm5GLXL0ODT4i5YcKYSO8LJ1mor58P70I21weM5cYDSRpm92axUzpEFxkuvvg74MKtM94_2PgfwHc6nJn7lLQ6LAPaYY2BwY39C6waW96CKQmSwFwD7mWMmL-MijqjfhpkYLJzGzSXVN2Uj1kcWO2YKmCDYav9YvHNUfGkgL1ODPIKvLsJ5l5iyJGisTZkIPQ7wPn696MZFpVrWfmd8yEFCh3Iz3tI4WSVncxU8aCD2r9L4MiyYAfY_meYyL69xlkmNkO9PbvFX-C6teIwwc17kIlLDZ5RTUcGHGa7JWK2e56B8Ypeq_jml2nUYWNHCO_nQ"}'


def check_keyring_steps(wrapping_key: bytes, wrap_text: str, root_key: str, key: str, com: str) -> None:
    derived = crypto.context_key(wrapping_key, "krg", 1, "W", keyring.wrap_context("orders", wrap_text))
    assert derived.hex() == root_key
    assert crypto.kdf(derived, "key", SALT + b"\1\3").hex() == key
    assert crypto.kdf(derived, "com", SALT + keyring.sealed_aad()).hex() == com


def check_opened(opened: Ring) -> None:
    assert opened.rev == 7 and opened.primaries == {"seal": ["k1"]}
    assert list(opened.keys.values()) == [Key("k1", SECRET)]


def test_k3() -> None:
    """The file of vectors shared with the other implementation: derived keys."""
    case = json.loads((Path(__file__).parent.parent / "vectors" / "keyring.json").read_text())["derived"]

    def load(text: str) -> Ring:
        content = json.loads(text)
        for member in ("apiseal_keyring_clear", "ring"):
            del content[member]
        return keyring.read_content(parse(json.dumps(content).encode()), bytes(32), 0)

    whole, context = load(case["ring"]), case["context"]
    for export in case["exported"]:
        expected = bytes.fromhex(export["K_ctx"])
        assert whole.context_key(whole.keys[export["kid"]], context) == expected
        assert load(export["ring"]).keys[export["kid"]].secret == expected


def test_k1() -> None:
    assert crypto.enc(keyring.wrap_context("orders", RAW_WRAP)).hex() == (
        "0000000300000007707572706f73650000000f6170697365616c2d6b657972696e670000000472696e67"
        "000000066f726465727300000004777261700000000d7b22616c67223a22726177227d"
    )
    check_keyring_steps(
        WRAPPING_KEY,
        RAW_WRAP,
        "57de53ef28cfdb7b1e84d6020d81710da5acf4a2ef9d7727bff0fff51147c147",
        "2a470429e009710cc736e3b6e21828485c9205e23305b972d44145a837c49c13",
        "96d687649e464cc41d2d18aee61890142fb1d4c488b841a089811a8f59903dae",
    )
    assert len(PLAINTEXT) == 201 and len(crypto.pad(PLAINTEXT)) == 224
    assert keyring.seal_keyring(PLAINTEXT, "orders", WRAPPING_KEY, RAW_WRAP, SALT) == K1_FILE
    check_opened(open_keyring(K1_FILE, "orders", wrapping_key=WRAPPING_KEY))


def test_k2() -> None:
    wrap = parse(ARGON_WRAP.encode())
    assert canonical(wrap) == ARGON_WRAP_J
    wrapping_key = keyring.unwrap(wrap, b"correct horse battery staple\n", None, 16777216)
    assert wrapping_key.hex() == "1d9b2c0bb528c105854caa0bd9210780c17781dcc0a86fe398b04f5622ad744d"
    check_keyring_steps(
        wrapping_key,
        ARGON_WRAP_J,
        "3398cf237485f0740cccb7e311003cc18660aef379b737cb65ab582db7f41f78",
        "5be56cf0063d9a803d6abcca85786e7cb6391436d6ce158a5222ee12e96e1894",
        "6c7b8a7258006a1c5d103f03d420af235e739413290b287ba50029403459449b",
    )
    assert keyring.seal_keyring(PLAINTEXT, "orders", wrapping_key, ARGON_WRAP, SALT) == K2_FILE
    check_opened(open_keyring(K2_FILE, "orders", passphrase=b"correct horse battery staple"))


# Signing keys and what is reserved for later


def test_a6() -> None:
    made = crypto.context_key(SECRET, "sig", 0x30, "k1", {"dir": "req", "partner": "p1"})
    assert made.hex() == "0af9d248de8addf02a034c79557f814d93b875a44e5cde19680110a826d900c6"


def test_a3() -> None:
    made = crypto.context_key(SECRET, "det", 1, "k1", {"purpose": "users.email", "tenant": "acme"})
    assert made.hex() == "657d80a647d411bcfe9a9177fa333a54698ce908b09fe752fc77d29958b18863"
    aad = crypto.token_aad(1, 0x13, crypto.position(0x13, (), "email"), b"")
    assert aad.hex() == "01130000000a0400000005656d61696c00000000"
    plaintext = crypto.pad('"a@example.com"')
    salt = crypto.kdf(made, "siv", aad + plaintext)[:24]
    key, com = crypto.kdf(made, "key", salt + b"\x01\x13"), crypto.kdf(made, "com", salt + aad)
    assert key.hex() == "25ea66339e7a6f5434841f45fe45e0296e516d84f0b3445f3b09be4f63cd90d3"
    assert com.hex() == "43c5df82ec49174f3440efbd993833f843e0b3be794ec9e90454dd8766b100ab"
    assert crypto.seal_token(made, "k1", 1, 0x13, salt, plaintext, aad) == (
        "as1.k1.ARPowI0xLFpnxkj46v_l6GroaXnImZfnlJ1Dxd-C7EkXTzRA772ZODP4Q-CzvnlOyekEVN2HZrEAqw3QWfaSepbk4vM0VlJNJTgycap9abXtNXJYOEVuWn-ATApLxQjRd9lNMZFM_7nuNg"
    )


def test_a5() -> None:
    made = crypto.context_key(SECRET, "idx", 0x20, "k1", {"tenant": "acme"})
    assert made.hex() == "4a80be7c46b022ec908e33e8d57173a5dca99a5ad35543fa72cf67d384826ed8"
    data = (16).to_bytes(2, "big") + crypto.lp(b"email") + crypto.lp(b"raw") + b"a@example.com"
    index = crypto.kdf(made, "idx", data)[:2]
    assert index.hex() == "e64e" and crypto.b64(index) == "5k4"
