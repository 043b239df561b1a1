"""Documents as bytes and str: byte for byte what they were, but for the values that a policy selects."""

from __future__ import annotations

from typing import Any

import apiseal
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import OBJECT, Case, cases, outside, selected

CONTEXT = {"purpose": "documents"}
KEYRING = apiseal.Keyring.generate()


@given(cases(), st.sampled_from([str, str.encode]))
def test_lesson_f1_a_document_comes_back_byte_for_byte(case: Case, convert: Any) -> None:
    cipher = apiseal.FieldCipher(KEYRING, case.policy)
    document = convert(case.document)
    sealed = cipher.encrypt(document, context=CONTEXT)
    assert type(sealed) is type(document)
    opened = cipher.decrypt(sealed, context=CONTEXT)
    assert type(opened) is type(document) and opened == document


@given(cases().filter(lambda case: case.is_token_layout))
def test_lesson_f1_every_byte_outside_of_the_spans_is_unchanged(case: Case) -> None:
    cipher = apiseal.FieldCipher(KEYRING, case.policy)
    document = case.document.encode()
    sealed = cipher.encrypt(document, context=CONTEXT)
    before, after = selected(document, case.policy), selected(sealed, case.policy)
    assert len(before) == len(after) == len(case.policy["rules"])
    assert outside(document, before) == outside(sealed, after)
    # What stands in the spans is one token each.
    assert all(sealed[start:end].startswith(b'"as1.') for start, end in after)


@given(cases().filter(lambda case: not case.is_token_layout))
def test_a_document_of_layout_document_has_one_member_more(case: Case) -> None:
    cipher = apiseal.FieldCipher(KEYRING, case.policy)
    sealed = cipher.encrypt(case.document.encode(), context=CONTEXT)
    header = min(apiseal.inspect(sealed), key=lambda own: own.start)
    assert header.part == "header" and sealed[header.start : header.end].startswith(b'"as1d.')
    before, after = selected(case.document, case.policy), selected(sealed, case.policy)
    kept, made = outside(case.document.encode(), before), outside(sealed, after)
    # The header stands behind the first brace, with its name and its comma.
    first = made[0][: made[0].index(b"{") + 1] + made[0][header.end + 1 :]
    assert [first, *made[1:]] == kept


@given(OBJECT)
def test_a_document_without_a_selected_value_is_the_same(document: str) -> None:
    rules = [{"path": "$['no such member at all']", "bind": [], "occurs": "optional"}]
    cipher = apiseal.FieldCipher(KEYRING, {"apiseal_policy": 1, "id": "none", "rules": rules, "unselected": "keep"})
    for own in (document, document.encode()):
        assert cipher.encrypt(own, context=CONTEXT) == own
        assert cipher.decrypt(own, context=CONTEXT) == own


@pytest.mark.parametrize("convert", [bytearray, memoryview, lambda own: memoryview(bytearray(own))])
def test_other_bytes_are_taken_as_bytes(convert: Any, cipher: apiseal.FieldCipher, context: dict) -> None:
    document = b'{"id": 1, "card": "\xc3\xa9"}'
    sealed = cipher.encrypt(convert(document), context=context)
    assert type(sealed) is bytes
    assert cipher.decrypt(convert(sealed), context=context) == document


def test_a_view_with_steps_is_read_in_its_order(cipher: apiseal.FieldCipher, context: dict) -> None:
    document = b'{"id":1,"card":"x"}'
    spread = memoryview(bytes(byte for own in document for byte in (own, 0)))[::2]
    assert cipher.decrypt(cipher.encrypt(spread, context=context), context=context) == document


def test_what_is_changed_afterwards_changes_nothing(cipher: apiseal.FieldCipher, context: dict) -> None:
    document = bytearray(b'{"id": 1, "card": "x"}')
    sealed = cipher.encrypt(document, context=context)
    document[7:8] = b"2"
    assert cipher.decrypt(sealed, context=context) == b'{"id": 1, "card": "x"}'


def test_subclasses_of_str_and_bytes_give_plain_ones(cipher: apiseal.FieldCipher, context: dict) -> None:
    class Text(str):
        def __str__(self) -> str:
            return "{}"

        def encode(self, *_: Any) -> bytes:  # never asked
            return b"{}"

    class Bytes(bytes):
        def __bytes__(self) -> bytes:
            return b"{}"

    sealed = cipher.encrypt(Text('{"id":1,"card":"x"}'), context=context)
    assert type(sealed) is str and cipher.decrypt(Text(sealed), context=context) == '{"id":1,"card":"x"}'
    sealed = cipher.encrypt(Bytes(b'{"id":1,"card":"x"}'), context=context)
    assert type(sealed) is bytes and cipher.decrypt(Bytes(sealed), context=context) == b'{"id":1,"card":"x"}'


def test_case_1_a_token_that_was_moved_does_not_open(context: dict) -> None:
    policy = {"apiseal_policy": 1, "id": "two", "rules": [{"path": "$['a','b']", "bind": []}]}
    cipher = apiseal.FieldCipher(KEYRING, policy)
    sealed = cipher.encrypt({"a": "1", "b": "2"}, context=context)
    with pytest.raises(apiseal.RejectedError):
        cipher.decrypt({"a": sealed["b"], "b": sealed["a"]}, context=context)


@pytest.mark.parametrize(
    "value", [None, "", [], {}, True, False, 0, "4111", "true", "null", -1, 10**30, [None], {"a": []}]
)
def test_lesson_f5_lesson_f6_every_type_comes_back(value: Any, cipher: apiseal.FieldCipher, context: dict) -> None:
    document = {"id": 1, "card": value}
    sealed = cipher.encrypt(document, context=context)
    assert isinstance(sealed["card"], str) and sealed["card"].startswith("as1.")
    opened = cipher.decrypt(sealed, context=context)
    assert opened == document and type(opened["card"]) is type(value)


def test_lesson_f7_lesson_f8_every_change_of_a_token_is_refused(cipher: apiseal.FieldCipher, context: dict) -> None:
    sealed = cipher.encrypt('{"id":1,"card":"4111"}', context=context)
    (place,) = apiseal.locate(sealed, "$.card")
    # Of a token in ASCII, bytes are characters. Each is replaced by its neighbour in the alphabet.
    for at in range(place.start + 1, place.end - 1):
        other = "B" if sealed[at] == "A" else "A"
        with pytest.raises(apiseal.ApisealError) as refused:
            cipher.decrypt(sealed[:at] + other + sealed[at + 1 :], context=context)
        assert refused.value.code in (213, 221, 401, 404, 500, 501)
    for end in range(place.start + 1, place.end - 1):
        with pytest.raises(apiseal.ApisealError):
            cipher.decrypt(sealed[:end] + sealed[place.end - 1 :], context=context)
