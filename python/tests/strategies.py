"""Documents with hostile numbers, escapes and white space, values of Python, and policies that fit them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import apiseal
from hypothesis import strategies as st

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t\r\n ", "  "])
HOSTILE = [
    "0",
    "-0",
    "-0.0",
    "1.10",
    "1E400",
    "1e-400",
    "9007199254740993",
    "1" * 30,
    "0.1e1",
    "100e-2",
    "5e-324",
    "1e+2",
]
NUMBER = st.sampled_from(HOSTILE) | st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?\Z")
PIECE = st.one_of(
    st.characters(min_codepoint=0x20, exclude_characters='"\\', exclude_categories=["Cs"]),
    st.sampled_from(
        ["\\n", "\\/", "/", "\\\\", '\\"', "\\u0000", "\\u00e9", "\\u00E9", "\\ud83d\\ude00", "\u2028", "as1.", "\x7f"]
    ),
)
STRING = st.lists(PIECE, max_size=12).map(lambda pieces: '"' + "".join(pieces) + '"')
SCALAR = st.one_of(NUMBER, STRING, st.sampled_from(["true", "false", "null"]))
NAME = st.sampled_from(
    ["a", "b", "id", "card", "", "a/b~c", "'", '"', "\\", "\u00e9", "e\u0301", "\U0001f600", "0"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@st.composite
def _object(draw: Any, children: st.SearchStrategy[str], least: int = 0) -> str:
    members = draw(st.dictionaries(NAME, children, min_size=least, max_size=5))
    parts = []
    for name, value in members.items():
        spelled = json.dumps(name, ensure_ascii=draw(st.booleans()))
        parts.append(draw(SPACE) + spelled + draw(SPACE) + ":" + draw(SPACE) + value + draw(SPACE))
    return "{" + ",".join(parts) + "}"


@st.composite
def _array(draw: Any, children: st.SearchStrategy[str]) -> str:
    return "[" + ",".join(draw(SPACE) + item + draw(SPACE) for item in draw(st.lists(children, max_size=4))) + "]"


VALUE = st.recursive(SCALAR, lambda children: _object(children) | _array(children), max_leaves=12)
"""The JSON text of any value."""

OBJECT = st.builds(lambda a, body, b: a + body + b, SPACE, _object(VALUE, least=1), SPACE)
"""The JSON text of an object with a member."""

EXACT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(NAME, children, max_size=4),
    max_leaves=12,
)
"""Values of Python whose JSON text says all of them."""

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).map(
    lambda own: own if own.as_tuple().exponent else own + Decimal("0.0")
)
"""Decimals that have a fraction or an exponent in JSON."""


@dataclass(frozen=True)
class Case:
    document: str
    policy: dict[str, Any]

    @property
    def is_token_layout(self) -> bool:
        return self.policy["layout"] == "token"


def places(document: str) -> list[tuple]:
    """Where the values of a document are, as tuples of names and indices. The root is left out."""
    from apiseal_reader.strict_json import parse, walk

    return [place for place, _ in walk(parse(document.encode())) if place]


def path(place: tuple) -> str:
    steps = [
        str(step) if isinstance(step, int) else json.dumps(step, ensure_ascii=True).replace("\\u007f", "\x7f")
        for step in place
    ]
    return "$" + "".join(f"[{step}]" for step in steps)


def related(one: tuple, other: tuple) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


@st.composite
def cases(draw: Any) -> Case:
    """A document, and a policy that selects some of its values and binds them to others."""
    document = draw(OBJECT)
    all_places = places(document)
    chosen: list[tuple] = []
    for place in draw(st.lists(st.sampled_from(all_places), min_size=1, max_size=4)):
        if not any(related(place, own) for own in chosen):
            chosen.append(place)
    free = [place for place in all_places if not any(related(place, own) for own in chosen)]
    bound = [
        path(place) for place in draw(st.lists(st.sampled_from(free), max_size=2, unique=True) if free else st.just([]))
    ]
    # Two bound members, one inside the other, are refused.
    bound = bound[:1]
    layout = draw(st.sampled_from(["token", "document"]))
    # A text that begins as a token does is refused unless the rule says that it may.
    rules: list[dict[str, Any]] = [{"path": path(place), "nested": True} for place in chosen]
    policy: dict[str, Any] = {"apiseal_policy": 1, "id": "made", "layout": layout, "rules": rules, "unselected": "keep"}
    if layout == "document":
        policy["bind"] = draw(st.sampled_from([["$"], bound]))
    else:
        for rule in rules:
            rule["bind"] = bound
    return Case(document, policy)


def outside(document: bytes, spans: list[tuple[int, int]]) -> list[bytes]:
    """What stands between the spans."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(document)]
    return [document[end:start] for end, start in zip(ends, starts, strict=True)]


def selected(document: str | bytes, policy: dict[str, Any]) -> list[tuple[int, int]]:
    found = [own for rule in policy["rules"] for own in apiseal.locate(document, rule["path"])]
    return sorted((own.start, own.end) for own in found)
