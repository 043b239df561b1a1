"""Documents as dict and list: what goes in comes out, integers and decimals exactly."""

from __future__ import annotations

import enum
import json
import sys
from collections import OrderedDict, defaultdict
from decimal import Decimal
from typing import Any

import apiseal
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import DECIMALS, EXACT, NAME

CONTEXT = {"purpose": "plain"}
POLICY = {
    "apiseal_policy": 1,
    "id": "plain",
    "rules": [{"path": "$['value']", "bind": ["$.id"], "nested": True}],
    "unselected": "keep",
}
CIPHER = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY)


def there_and_back(document: Any, **options: Any) -> Any:
    sealed = CIPHER.encrypt(document, context=CONTEXT)
    assert type(sealed) is dict
    return CIPHER.decrypt(sealed, context=CONTEXT, **options)


def same(one: Any, other: Any) -> bool:
    """Equal in type as well, everywhere: 1 == 1.0 == True."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(EXACT, st.dictionaries(NAME.filter(lambda name: name not in ("id", "value", "_seal")), EXACT, max_size=3))
def test_values_come_back_with_their_types_and_in_their_order(value: Any, rest: dict) -> None:
    document = {"id": 1, "value": value, **rest}
    assert same(there_and_back(document), document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back(number: float) -> None:
    opened = there_and_back({"id": 1, "value": number, "clear": number})
    assert repr(opened["value"]) == repr(opened["clear"]) == repr(number)


@given(DECIMALS)
def test_decimals_come_back_with_their_digits(number: Decimal) -> None:
    # A Decimal goes in: decimals come out, without being asked for.
    opened = there_and_back({"id": 1, "value": number, "clear": Decimal("1.10")})
    assert str(opened["value"]) == str(number) and str(opened["clear"]) == "1.10"


def test_decimals_are_given_where_they_are_asked_for() -> None:
    document = {"id": 1, "value": 1.5, "clear": 2.25}
    assert same(there_and_back(document), document)
    assert same(there_and_back(document, decimals=True), {"id": 1, "value": Decimal("1.5"), "clear": Decimal("2.25")})


def test_the_text_of_a_value_is_compact_and_standard() -> None:
    document = {"id": 1, "text": 'é"\\/\n\t\r\x00\x7f\u2028😀', "all": [True, False, None, 1, 1.5, [], {}]}
    value = apiseal.ValueCipher(apiseal.Keyring.generate(), "text")
    token = value.encrypt(document, bind={}, context=CONTEXT)
    written = value.decrypt_json(token, bind={}, context=CONTEXT)
    assert written == json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class Colour(enum.IntEnum):
    RED = 7
    HUGE = 10**30


class Name(str, enum.Enum):
    CARD = "value"


class Number(int):
    def __str__(self) -> str:
        return '"x"'

    def __repr__(self) -> str:
        return '"x"'

    def __int__(self) -> int:
        return 5

    def __index__(self) -> int:
        return 5


class Money(Decimal):
    def __str__(self) -> str:
        return '0,"admin":true'

    def is_finite(self) -> bool:
        raise AssertionError("never asked")


class Half(float):
    def __repr__(self) -> str:
        return '0,"admin":true'


@pytest.mark.parametrize(
    "value, plain",
    [
        (Colour.RED, 7),
        (Colour.HUGE, 10**30),
        (Name.CARD, "value"),
        (Number(3), 3),
        (Number(-(10**25)), -(10**25)),
        (Money("1.10"), Decimal("1.10")),
        (Half(0.5), 0.5),
        (True, True),
        ((1, (2,)), [1, [2]]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (defaultdict(list, a=[1]), {"a": [1]}),
    ],
    ids=repr,
)
def test_subclasses_are_written_as_what_they_hold(value: Any, plain: Any) -> None:
    opened = there_and_back({"id": 1, "value": value, "clear": value})
    assert same(opened, {"id": 1, "value": plain, "clear": plain})


def test_names_may_be_subclasses_of_str() -> None:
    assert there_and_back({"id": 1, Name.CARD: 2}) == {"id": 1, "value": 2}


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")]
)
def test_what_is_no_number_in_json_is_refused(number: Any) -> None:
    with pytest.raises(apiseal.DocumentError, match="neither NaN nor infinity") as refused:
        CIPHER.encrypt({"id": 1, "value": number}, context=CONTEXT)
    assert refused.value.code == 300


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), {1}, object(), 1j, range(3), (n for n in [1]), lambda: None, type]
)
def test_what_has_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        CIPHER.encrypt({"id": 1, "value": value}, context=CONTEXT)


@pytest.mark.parametrize("name", [1, None, True, 1.5, b"id", ("a",)])
def test_names_are_str(name: Any) -> None:
    # json.dumps would make `1` and `None` of them, which may stand there already.
    with pytest.raises(TypeError, match="str as the name of a member"):
        CIPHER.encrypt({"id": 1, "value": 2, name: 3}, context=CONTEXT)


@pytest.mark.parametrize(
    "document", ['{"id":1,"value":"\ud800"}', {"id": 1, "value": "\ud800"}, {"id": 1, "value": 1, "\udfff": 1}]
)
def test_lone_surrogates_are_refused(document: Any) -> None:
    with pytest.raises(apiseal.DocumentError, match="lone surrogate") as refused:
        CIPHER.encrypt(document, context=CONTEXT)
    assert refused.value.code == 300


@pytest.mark.parametrize("levels", [130, 1024, 1025, 50_000])
def test_lesson_f21_deep_nesting_is_refused(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels):
        deep = [deep]
    with pytest.raises(apiseal.LimitError) as refused:
        CIPHER.encrypt({"id": 1, "value": deep}, context=CONTEXT)
    assert refused.value.code == 311


def test_a_list_that_holds_itself_is_refused() -> None:
    ring: list = []
    ring.append(ring)
    with pytest.raises(apiseal.LimitError):
        CIPHER.encrypt({"id": 1, "value": ring}, context=CONTEXT)


def test_integers_beyond_the_digits_that_python_prints() -> None:
    huge = 10**5000
    # Printing takes quadratic time, against which Python has a limit of its own.
    with pytest.raises(ValueError, match="digits"):
        CIPHER.encrypt({"id": 1, "value": huge}, context=CONTEXT)
    text = '{"id":1,"value":1' + "0" * 5000 + "}"
    sealed = CIPHER.encrypt(text, context=CONTEXT)
    assert CIPHER.decrypt(sealed, context=CONTEXT) == text
    with pytest.raises(ValueError, match="digits"):
        CIPHER.decrypt(json.loads(sealed), context=CONTEXT)
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(6000)
    try:
        assert there_and_back({"id": 1, "value": huge})["value"] == huge
    finally:
        sys.set_int_max_str_digits(limit)


def test_nobody_changes_a_dict_while_it_is_written() -> None:
    document: dict = {}

    class Evil:
        @property
        def __class__(self) -> type:
            document.clear()
            return int

    class EvilNumber(int):
        def __index__(self) -> int:
            document.clear()
            return 1

        __int__ = __index__

    class EvilDecimal(Decimal):
        def __str__(self) -> str:
            document.clear()
            return "1"

        def is_finite(self) -> bool:
            document.clear()
            return True

    for evil in (EvilNumber(10**30), EvilDecimal("1.1")):
        document.update({"id": 1, "value": 2, "evil": evil, "last": 3})
        assert len(CIPHER.encrypt(document, context=CONTEXT)) == 4
        document.clear()
    document.update({"id": 1, "value": 2, "evil": Evil(), "last": 3})
    with pytest.raises(TypeError, match="not Evil"):
        CIPHER.encrypt(document, context=CONTEXT)


def test_the_document_that_went_in_is_not_changed() -> None:
    document = {"id": 1, "value": [1, {"a": 2}]}
    CIPHER.encrypt(document, context=CONTEXT)
    assert document == {"id": 1, "value": [1, {"a": 2}]}


def test_a_list_is_a_document_as_well() -> None:
    policy = {"apiseal_policy": 1, "id": "list", "rules": [{"path": "$[*].pan", "bind": ["1/id"]}]}
    cipher = apiseal.FieldCipher(apiseal.Keyring.generate(), policy)
    document = [{"id": 1, "pan": "4111"}, {"id": 2, "pan": "4222"}]
    sealed = cipher.encrypt(document, context=CONTEXT)
    assert type(sealed) is list and cipher.decrypt(sealed, context=CONTEXT) == document
