"""The shared vectors of fields, keyrings and paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import apiseal
import pytest
from vectors import content, field_keyring, load


class Pairs(Mapping):
    """A mapping whose names may stand twice, which no dict can say."""

    def __init__(self, pairs: list) -> None:
        self.pairs = [tuple(pair) for pair in pairs]

    def items(self) -> list:
        return self.pairs

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, name: str) -> str:
        return dict(self.pairs)[name]


@pytest.mark.parametrize("case", load("fields.json")["cases"], ids=lambda case: case["name"])
def test_fields(case: dict) -> None:
    cipher = apiseal.FieldCipher(field_keyring(case["keys"]), case["policy"], clock=lambda: case.get("now", 0))
    for convert in (str, str.encode):
        document, encrypted = convert(case["document"]), convert(case["encrypted"])
        assert cipher.decrypt(encrypted, context=case["context"]) == document
        sealed = cipher.encrypt(document, context=case["context"])
        assert type(sealed) is type(document) and sealed != encrypted
        assert cipher.decrypt(sealed, context=case["context"]) == document
    if case["document"].startswith("{"):
        value = json.loads(case["document"])
        assert cipher.decrypt(cipher.encrypt(value, context=case["context"]), context=case["context"]) == value
    # What is drawn at random is as long as in the vector.
    assert len(sealed) == len(encrypted)


def negative_cases() -> list:
    cases = load("negative.json")["cases"]
    return [pytest.param(case, id=f"{case['case']}-{at}") for at, case in enumerate(cases)]


def test_there_are_many_negative_cases() -> None:
    assert len(negative_cases()) > 200


@pytest.mark.parametrize("case", negative_cases())
def test_negative(case: dict) -> None:
    document = case["document"]
    data = document["text"].encode() if "text" in document else content(document)
    expected = case["expected"]

    def run() -> bytes:
        cipher = apiseal.FieldCipher(field_keyring(case["keys"]), case["policy"], clock=lambda: case["now"])
        return getattr(cipher, case["operation"])(data, context=Pairs(case["context"]))

    if "code" in expected:
        with pytest.raises(apiseal.ApisealError) as refused:
            run()
        assert (refused.value.code, refused.value.name) == (expected["code"], expected["error"]), case["what"]
    else:
        out = run()
        if case["operation"] == "decrypt" and isinstance(expected["ok"], str):
            assert out == expected["ok"].encode(), case["what"]


def jsonpath_cases() -> list:
    return [pytest.param(case, id=case["name"]) for case in load("jsonpath.json")["tests"]]


@pytest.mark.parametrize("case", jsonpath_cases())
def test_jsonpath(case: dict) -> None:
    if case.get("invalid_selector"):
        with pytest.raises(apiseal.ArgumentError) as refused:
            apiseal.locate("{}", case["selector"])
        assert refused.value.code == 101
        return
    text = case["document_text"] if "document_text" in case else json.dumps(case["document"], ensure_ascii=False)
    found = apiseal.locate(text, case["selector"])
    assert found == apiseal.locate(text.encode(), case["selector"]), "offsets count bytes, also for a str"
    assert sorted(own.path for own in found) == sorted(case["result_paths"])
    values = [text.encode()[own.start : own.end].decode() for own in found]
    if "result_texts" in case:
        assert sorted(values) == sorted(case["result_texts"])
    else:
        told = [json.dumps(json.loads(value), sort_keys=True) for value in values]
        assert sorted(told) == sorted(json.dumps(value, sort_keys=True) for value in case["result"])


VECTORS = load("keyring.json")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_keyrings(case: dict) -> None:
    wrap: dict = {"passphrase": case["passphrase"]} if "passphrase" in case else {}
    wrap = wrap or {"wrapping_key": bytes.fromhex(case["wrapping_key"])}
    file = case["file"].encode()
    ring = apiseal.Keyring.open(file, VECTORS["ring"], **wrap)
    assert [(key.kid, key.purpose, key.suite, key.state) for key in ring.keys] == [
        ("k1", "seal", "aes-256-gcm", "active")
    ]
    assert ring.name == VECTORS["ring"]
    for name, other in [
        ("other", wrap),
        (VECTORS["ring"], {"wrapping_key": b"\x01" * 32}),
        (VECTORS["ring"], {"passphrase": "no"}),
    ]:
        if name == VECTORS["ring"] and "passphrase" in other and "passphrase" in case:
            continue  # half a second each: the wrapping key of the other vector shows the same
        with pytest.raises(apiseal.KeyringError) as refused:
            apiseal.Keyring.open(file, name, **other)
        assert refused.value.code in (406, 410)
    with pytest.raises(apiseal.KeyringError) as refused:
        apiseal.Keyring.open(file, VECTORS["ring"], **wrap, min_rev=ring.rev + 1)
    assert refused.value.code == 407
