"""What is logged with a protected value in it, in every way that was thought of: messages, arguments, exceptions."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import sys
import types
import uuid
from typing import Any, NamedTuple

import pydantic

CARD = "4111111111111111"
POLICY = {
    "apiseal_policy": 1,
    "id": "orders.v1",
    "rules": [
        {"path": "$.card", "bind": []},
        {"path": "$..pan", "bind": [], "mask": {"keep_last": 4}, "occurs": "optional"},
        {"path": "$.lines[*].note", "bind": [], "occurs": "optional"},
    ],
}


@dataclasses.dataclass
class Order:
    id: int
    card: str


class Model(pydantic.BaseModel):
    id: int
    card: str


class Point(NamedTuple):
    id: int
    card: str


class Printed:
    def __str__(self) -> str:
        return json.dumps({"card": CARD})

    __repr__ = __str__


class Raises:
    def __str__(self) -> str:
        raise RuntimeError(CARD)

    __repr__ = __str__


class Name(str, enum.Enum):
    CARD = "card"


class Word(enum.Enum):
    CARD = "card"


class Other(str):
    def __str__(self) -> str:
        return "other"

    __repr__ = __str__


class HostileDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError(CARD)


DOCUMENT = {"id": 7, "card": CARD, "total": decimal.Decimal("1.10")}
TOKEN = "as1.k-qczZiLgCBw14." + "A" * 120
MESSAGES: dict[str, tuple[Any, ...]] = {
    "dict as message": (DOCUMENT,),
    "dict as argument": ("order %s", DOCUMENT),
    "dict as argument, its repr": ("order %r", DOCUMENT),
    "one dict, by name": ("card %(card)s of %(id)s", DOCUMENT),
    "tuple of arguments": ("%s: %s and %s", 1, DOCUMENT, "x"),
    "inner dict": ("%s", {"request": {"body": [DOCUMENT]}}),
    "list": ("%s", [1, DOCUMENT]),
    "tuple": ("%s %s", (1, DOCUMENT), 2),
    "mapping proxy": ("%s %s", types.MappingProxyType(DOCUMENT), 2),
    "chain map": ("%s %s", collections.ChainMap({}, DOCUMENT), 2),
    "deque, as it prints": ("%s", collections.deque([DOCUMENT])),
    "dataclass": ("%s", Order(7, CARD)),
    "pydantic": ("%s", Model(id=7, card=CARD)),
    "named tuple": ("%s %s", Point(7, CARD), 2),
    "object that prints JSON": ("%s", Printed()),
    "object that prints JSON, its repr": ("%r", Printed()),
    "JSON text as message": (json.dumps({"card": CARD}),),
    "JSON text in a message": (f"got {json.dumps({'card': CARD})} from peer",),
    "JSON text as argument": ("got %s from peer", json.dumps({"card": CARD})),
    "JSON bytes as argument": ("got %s from peer", json.dumps({"card": CARD}).encode()),
    "JSON bytearray as argument": ("got %s from peer", bytearray(json.dumps({"card": CARD}).encode())),
    "JSON in JSON": ("%s", json.dumps({"body": json.dumps({"card": CARD})})),
    "JSON in JSON in a dict": ("%s", {"body": json.dumps({"x": json.dumps({"card": CARD})})}),
    "JSON made by the message": ('{"id": %d, "card": "%s"}', 7, CARD),
    "JSON over several arguments": ("%s%s", '{"card": "' + CARD, '"}'),
    "JSON that is cut off": (json.dumps({"id": 1, "card": CARD})[:-1],),
    "JSON that is cut off in front": (json.dumps({"card": CARD, "a": {"b": 1}, "c": 1})[1:],),
    "JSON that is cut off in front, as argument": ("got %s and more", json.dumps({"a": [], "card": CARD})[2:]),
    "JSON that is malformed": ('{"id": 1,, "card": "' + CARD + '"}',),
    "JSON with a member twice": ('{"card": "' + CARD + '", "card": 1}',),
    "JSON with NaN": ('{"a": NaN, "card": "' + CARD + '"}',),
    "JSON that is escaped": (json.dumps(json.dumps({"card": CARD})),),
    "dict as Python prints it": (f"got { ({'card': CARD}) } in 3 ms",),
    "members without quotes": ("{card: " + CARD + "}",),
    "two documents": (f"{json.dumps({'a': 1})} {json.dumps({'card': CARD})}",),
    "number instead of text": ("%s", {"card": int(CARD)}),
    "object instead of text": ("%s", {"card": {"number": CARD}}),
    "plain object instead of text": ("%s", {"card": decimal.Decimal(CARD)}),
    "bytes instead of text": ("%s", {"card": CARD.encode()}),
    "key that is JSON": ("%s", {json.dumps({"card": CARD}): 1}),
    "key that is JSON behind a text": ("%s", {"got " + json.dumps({"card": CARD}): 1}),
    "key that is an array behind a text": ("%s", {"got " + json.dumps([{"card": CARD}]): 1}),
    "key of bytes": ("%s", {b"id": 7, b"card": CARD}),
    "key that is a member of an enumeration of texts": ("%s", {Name.CARD: CARD}),
    "key that is a member of an enumeration": ("%s", {Word.CARD: CARD}),
    "key that prints otherwise": ("%s", {Other("card"): CARD}),
    "keys that fall together, one of bytes": ("%s", {b"a": 1, "a": CARD, "card": CARD}),
    "rule with a wildcard": ("%s", {"lines": [{"note": "x"}, {"note": CARD}]}),
    "lone surrogate beside": ("%s", {"a": "\ud800", "card": CARD}),
    "NaN beside": ("%s", {"a": float("nan"), "card": CARD}),
    "odd keys beside": ("%s", {1: "a", None: "b", False: "c", (1, 2): "d", "card": CARD}),
    "keys that fall together": ("%s", {1: {"card": CARD}, "1": 2}),
    "date beside": ("%s", {"at": datetime.datetime(2026, 1, 1), "id": uuid.UUID(int=7), "card": CARD}),
    "too few arguments": ("%s %s", CARD),
    "too many arguments": ("%s", CARD, CARD),
    "arguments of the wrong type": ("%d %s", DOCUMENT, CARD),
    "str that raises": ("%s", Raises()),
    "hostile dict": ("%s %s", HostileDict(card=CARD), 1),
    "exception as argument": ("failed: %s", ValueError(DOCUMENT)),
    "exception as message": (ValueError(json.dumps({"card": CARD})),),
}


def fail(depth: int = 0) -> None:
    card = CARD  # noqa: F841 - a local variable that some handlers print
    if depth:
        fail(depth - 1)
    raise ValueError({"card": CARD})


def chained() -> None:
    try:
        fail()
    except ValueError as error:
        try:
            raise KeyError(json.dumps({"card": CARD}))
        except KeyError:
            raise RuntimeError(f"body {json.dumps({'card': CARD})}") from error


def in_context() -> None:
    try:
        fail()
    except ValueError:
        fail()


def noted() -> None:
    error = ValueError("x")
    error.__notes__ = [json.dumps({"card": CARD})]
    raise error


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError(CARD)


def hostile() -> None:
    raise Hostile(CARD)


def endless() -> None:
    one, other = ValueError({"card": CARD}), ValueError({"card": CARD})
    one.__cause__, other.__cause__ = other, one
    raise one


def long_chain() -> None:
    error: Exception = ValueError({"card": CARD})
    for _ in range(200):
        outer = ValueError({"card": CARD})
        outer.__cause__, error = error, outer
    raise error


FAILURES = [fail, lambda: fail(50), chained, in_context, noted, hostile, endless, long_chain]
if sys.version_info >= (3, 11):

    def group() -> None:
        raise ExceptionGroup(  # noqa: F821
            "several " + json.dumps({"card": CARD}), [ValueError({"card": CARD}), KeyError(1)]
        )

    FAILURES.append(group)
