"""Policy files and their refusals at load (section 14). A test oracle, not for use."""

from __future__ import annotations

import calendar
import json
import re
from dataclasses import dataclass

from .crypto import ELEMENTS, EXACT, FIELDS_LIMIT, NAMED, Location, Refused, is_kid
from .jsonpath import Call, Literal, Name, Query, Wildcard, compile_iregexp, parse_query, parts
from .strict_json import Node, parse

MODES = {"exact": EXACT, "elements": ELEMENTS, "named": NAMED}
TYPES = {"string", "number", "integer", "boolean", "null", "object", "array"}
MAX_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class Relative:
    levels: int
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Bind:
    target: Location | Relative
    label: str | None = None


@dataclass(frozen=True)
class Rule:
    path: Query
    mode: int
    label: str | None
    binds: tuple[Bind, ...]
    occurs: str | tuple[str, int]
    types: frozenset[str] | None
    keys: frozenset[str] | str | None  # None: absent; "any"
    padding: str | int
    nested: bool
    plain_until: int | None  # Unix seconds; None without `migrate`


@dataclass(frozen=True)
class Policy:
    document_layout: bool
    header: str
    bind_whole: bool
    binds: tuple[Bind, ...]
    keep_unselected: bool
    rules: tuple[Rule, ...]


def fault(why: str) -> Refused:
    return Refused("PolicyFile", why)


def load_policy(source: dict | str | bytes) -> Policy:
    text = json.dumps(source) if isinstance(source, dict) else source
    try:
        root = parse(text.encode() if isinstance(text, str) else text)
    except (Refused, UnicodeEncodeError) as error:
        raise fault(str(error)) from None
    read_members(root, {"apiseal_policy", "id", "rules"}, {"layout", "header", "bind", "unselected"})
    if read_integer(root.get("apiseal_policy")) != 1:
        raise fault("apiseal_policy")
    read_text(root.get("id"))
    document_layout = read_choice(root.get("layout"), {"token", "document"}, "token") == "document"
    if document_layout != (root.get("bind") is not None) or (root.get("header") and not document_layout):
        raise fault("bind or header, and layout")
    header = read_text(root.get("header"), 256) if root.get("header") else "_seal"
    keep = read_choice(root.get("unselected"), {"keep"}, None) is not None
    entries = read_items(root.get("rules"), 1, 1024)
    rules = tuple(read_rule(entry, document_layout, header) for entry in entries)
    bind_whole, binds = read_document_binds(root.get("bind"), header) if document_layout else (False, ())
    check_overlaps(rules)
    return Policy(document_layout, header, bind_whole, binds, keep, rules)


def read_rule(node: Node, document_layout: bool, header: str) -> Rule:
    optional = {"position", "label", "movable", "occurs", "types", "keys", "padding", "nested", "migrate", "mask"}
    read_members(node, {"path"} if document_layout else {"path", "bind"}, optional | (set() if document_layout else {"selection"}))
    path = read_query(node.get("path"))
    mode = MODES[read_choice(node.get("position"), set(MODES), "exact")]
    movable = read_boolean(node.get("movable"))
    if document_layout:
        if mode != EXACT or not path.segments or starts_with(path, header):
            raise fault("rule of layout document")
    elif path.value_dependent != (node.get("selection") is not None):
        raise fault("selection")
    read_choice(node.get("selection"), {"unauthenticated"}, None)
    if (mode == EXACT and node.get("movable") is not None) or (mode == ELEMENTS and not path.segments):
        raise fault("movable or position")
    check_patterns(path)
    if (mode == NAMED) != (node.get("label") is not None):
        raise fault("label")
    label = read_text(node.get("label"), 1024) if mode == NAMED else None
    binds = read_token_binds(node.get("bind"), path, mode, label) if not document_layout else ()
    if mode == NAMED and not path.singular and not (movable and binds):
        raise fault("named path")
    if mode == ELEMENTS and not binds and not movable:
        raise fault("elements without bind")
    types = node.get("types")
    if types:
        types = read_distinct(types)
        if not types <= TYPES:
            raise fault("types")
    until = read_migrate(node.get("migrate"))
    if until is not None and not types:
        raise fault("migrate without types")
    read_mask(node.get("mask"))
    return Rule(
        path,
        mode,
        label,
        binds,
        read_occurs(node.get("occurs"), path),
        types or None,
        read_keys(node.get("keys")),
        read_padding(node.get("padding")),
        read_boolean(node.get("nested")),
        until,
    )


# Members of a rule


def read_occurs(node: Node | None, path: Query) -> str | tuple[str, int]:
    if node is None:
        return "required"
    if node.kind == "string":
        choice = read_choice(node, {"required", "optional", "each"}, None)
        if choice == "each" and each_split(path) is None:
            raise fault("each")
        return choice
    read_members(node, set(), {"exactly", "at_least"})
    if len(node.members) != 1:
        raise fault("occurs")
    return node.members[0].name, read_integer(node.members[0].node, 1, FIELDS_LIMIT)


def each_split(path: Query) -> int | None:
    """The number of segments up to and including the last wildcard, if `each` fits the path."""
    with_wildcard = [i for i, segment in enumerate(path.segments) if Wildcard() in segment.selectors]
    if not with_wildcard or path.value_dependent:
        return None
    last = with_wildcard[-1]
    if len(path.segments[last].selectors) != 1 or not Query(True, path.segments[last + 1 :]).singular:
        return None
    return last + 1


def read_keys(node: Node | None) -> frozenset[str] | str | None:
    if node is None or node.kind == "string":
        return read_choice(node, {"any"}, None)
    kids = read_distinct(node)
    if not all(is_kid(kid) for kid in kids):
        raise fault("keys")
    return kids


def read_padding(node: Node | None) -> str | int:
    if node is None or node.kind == "string":
        return read_choice(node, {"default", "none"}, "default")
    read_members(node, {"multiple"}, set())
    return read_integer(node.get("multiple"), 2, 65536)


def read_migrate(node: Node | None) -> int | None:
    if node is None:
        return None
    read_members(node, {"accept_plain", "until"}, set())
    if not read_boolean(node.get("accept_plain")):
        raise fault("accept_plain")
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", read_text(node.get("until")))
    if not match:
        raise fault("until")
    year, month, day = map(int, match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if not (1 <= month <= 12 and 1 <= day <= days[month - 1]):
        raise fault("until")
    return calendar.timegm((year, month, day, 0, 0, 0)) if year else -(2**63)


def read_mask(node: Node | None) -> None:
    if node is None or node.kind == "string":
        read_choice(node, {"remove"}, None)
        return
    read_members(node, {"keep_last"}, set())
    read_integer(node.get("keep_last"), 1, 64)


# Bind


def read_document_binds(node: Node, header: str) -> tuple[bool, tuple[Bind, ...]]:
    texts = [read_text(item) for item in read_items(node)]
    if texts == ["$"]:
        return True, ()
    if len(set(texts)) != len(texts):
        raise fault("bind twice")
    binds = tuple(Bind(read_absolute(item)) for item in node.items)
    if any(bind.target[0] == header for bind in binds):
        raise fault("bind of the header")
    return False, binds


def read_token_binds(node: Node, path: Query, mode: int, label: str | None) -> tuple[Bind, ...]:
    if not path.segments and read_items(node):
        raise fault("bind of a rule for $")
    if mode == NAMED:
        binds = []
        for item in read_items(node):
            read_members(item, {"label", "path"}, set())
            binds.append(Bind(read_absolute(item.get("path")), read_text(item.get("label"), 1024)))
        labels = [bind.label for bind in binds] + [label]
        paths = [item.get("path").text for item in node.items]
        if len(set(labels)) != len(labels) or len(set(paths)) != len(paths):
            raise fault("label or path twice")
        return tuple(binds)
    texts = [read_text(item) for item in read_items(node)]
    if len(set(texts)) != len(texts):
        raise fault("bind twice")
    binds = []
    for text, item in zip(texts, node.items):
        if not text.startswith("$"):
            binds.append(Bind(read_relative(text, path)))
            continue
        target = read_absolute(item)
        if mode == ELEMENTS and any(isinstance(step, int) for step in target):
            raise fault("index in a bind of elements")
        binds.append(Bind(target))
    return tuple(binds)


def read_absolute(node: Node) -> Location:
    location = read_query(node).location()
    if not location:
        raise fault("bind")
    return location


def read_relative(text: str, path: Query) -> Relative:
    match = re.fullmatch(r"([1-9][0-9]*)((?:/(?:[^~/]|~[01])*)+)", text, re.DOTALL)
    if not match:
        raise fault("relative pointer")
    levels = int(match[1]) if len(match[1]) <= 4 else 10**4
    if levels > 4096 or (levels > len(path.segments) and not path.has_descendant):
        raise fault("levels")
    tokens = match[2][1:].split("/")
    return Relative(levels, tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens))


def check_overlaps(rules: tuple[Rule, ...]) -> None:
    locations = [location for rule in rules if (location := rule.path.location()) is not None]
    for i, location in enumerate(locations):
        if any(related(location, other) for other in locations[:i]):
            raise fault("rules overlap")


def related(one: Location, other: Location) -> bool:
    """Equal, or one contains the other."""
    size = min(len(one), len(other))
    return one[:size] == other[:size]


# Shapes of JSON


def read_members(node: Node, required: set[str], optional: set[str]) -> None:
    names = {member.name for member in node.members}
    if node.kind != "object" or not required <= names <= required | optional:
        raise fault(f"members {sorted(names)}")


def read_items(node: Node, least: int = 0, most: int | None = None) -> list[Node]:
    if node.kind != "array" or len(node.items) < least or (most is not None and len(node.items) > most):
        raise fault("array")
    return node.items


def read_text(node: Node, most: int | None = None) -> str:
    if node.kind != "string" or not node.text or (most is not None and len(node.text.encode()) > most):
        raise fault("string")
    return node.text


def read_distinct(node: Node) -> frozenset[str]:
    texts = [read_text(item) for item in read_items(node, 1)]
    if len(set(texts)) != len(texts):
        raise fault("not distinct")
    return frozenset(texts)


def read_choice(node: Node | None, choices: set[str], default: str | None) -> str | None:
    if node is None:
        return default
    if node.kind != "string" or node.text not in choices:
        raise fault("choice")
    return node.text


def read_boolean(node: Node | None) -> bool:
    if node is not None and node.kind != "boolean":
        raise fault("boolean")
    return node is not None and node.text == "true"


def read_integer(node: Node, least: int = 0, most: int = MAX_INTEGER) -> int:
    number = integer_of(node)
    if number is None or not least <= number <= most:
        raise fault("integer")
    return number


def integer_of(node: Node) -> int | None:
    """The value of an integer of section 2, else None."""
    if node.kind != "number" or not node.text.isdigit() or len(node.text) > 16 or int(node.text) > MAX_INTEGER:
        return None
    return int(node.text)


def read_query(node: Node) -> Query:
    text = read_text(node)
    if len(text.encode()) > 4096:
        raise fault("path too long")
    try:
        return parse_query(text)
    except ValueError as error:
        raise fault(str(error)) from None


def starts_with(path: Query, name: str) -> bool:
    return Name(name) in path.segments[0].selectors


def check_patterns(part: object) -> None:
    """Refuses a literal pattern that is not an I-Regexp, anywhere inside a query."""
    if isinstance(part, Call) and part.name in ("match", "search") and isinstance(part.arguments[1], Literal):
        pattern = part.arguments[1].value
        if isinstance(pattern, str) and compile_iregexp(pattern) is None:
            raise fault("I-Regexp")
    for inner in parts(part):
        check_patterns(inner)
