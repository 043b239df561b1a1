"""JSON input with offsets (section 13) and the canonical text J (section 7). A test oracle, not for use.

Offsets count characters of the decoded text; UTF-8 is one to one, so character order is byte order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .crypto import DOCUMENT_LIMIT, Location, Refused

MAX_DEPTH = 128
SPACE = re.compile(r"[ \t\n\r]*")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
ESCAPE = re.compile(r"\\(?:u(....)|(.))")
PLAIN_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass
class Member:
    name: str
    start: int
    node: Node
    comma: int = -1  # offset of the comma after the member, or -1


@dataclass
class Node:
    kind: str  # object, array, string, number, boolean, null
    start: int
    end: int
    text: str = ""  # a string decoded; anything else as written
    members: list[Member] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def get(self, name: str) -> Node | None:
        return next((member.node for member in self.members if member.name == name), None)

    def step(self, step: str | int) -> Node | None:
        if isinstance(step, str):
            return self.get(step)
        return self.items[step] if 0 <= step < len(self.items) else None

    def children(self) -> list[tuple[str | int, Node]]:
        return [(member.name, member.node) for member in self.members] + list(enumerate(self.items))


def parse(data: bytes, depth: int = 0, space: bool = True) -> Node:
    """Exactly one JSON text; `depth` containers are already open around it."""
    if len(data) > DOCUMENT_LIMIT:
        raise Refused("LimitDocument")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("MalformedJson", "UTF-8") from None
    parser = _Parser(text, depth)
    if space:
        parser.skip()
    node = parser.value()
    if space:
        parser.skip()
    if parser.at != len(text):
        raise parser.malformed()
    return node


def walk(node: Node, location: Location = ()) -> Iterator[tuple[Location, Node]]:
    """Every node in document order."""
    yield location, node
    for step, child in node.children():
        yield from walk(child, location + (step,))


class _Parser:
    def __init__(self, text: str, depth: int) -> None:
        self.text, self.at, self.depth = text, 0, depth

    def malformed(self) -> Refused:
        return Refused("MalformedJson", f"at character {self.at}")

    def skip(self) -> None:
        self.at = SPACE.match(self.text, self.at).end()

    def take(self, char: str) -> bool:
        found = self.text.startswith(char, self.at)
        self.at += len(char) if found else 0
        return found

    def expect(self, char: str) -> None:
        if not self.take(char):
            raise self.malformed()

    def value(self) -> Node:
        start = self.at
        if self.text.startswith("{", start):
            return self.object()
        if self.text.startswith("[", start):
            return self.array()
        if self.text.startswith('"', start):
            return Node("string", start, text=self.string(), end=self.at)
        for word, kind in (("true", "boolean"), ("false", "boolean"), ("null", "null")):
            if self.take(word):
                return Node(kind, start, self.at, word)
        match = NUMBER.match(self.text, start)
        if not match:
            raise self.malformed()
        self.at = match.end()
        return Node("number", start, self.at, match[0])

    def open(self, char: str) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Refused("LimitDepth")
        self.expect(char)
        self.skip()

    def close(self, node: Node, char: str) -> Node:
        self.expect(char)
        self.depth -= 1
        node.end = self.at
        return node

    def array(self) -> Node:
        node = Node("array", self.at, 0)
        self.open("[")
        more = not self.text.startswith("]", self.at)
        while more:
            self.skip()
            node.items.append(self.value())
            self.skip()
            more = self.take(",")
        return self.close(node, "]")

    def object(self) -> Node:
        node, names = Node("object", self.at, 0), set()
        self.open("{")
        more = not self.text.startswith("}", self.at)
        while more:
            self.skip()
            start, name = self.at, self.string()
            if name in names:
                raise Refused("DuplicateName", f"at character {start}")
            names.add(name)
            self.skip()
            self.expect(":")
            self.skip()
            member = Member(name, start, self.value())
            node.members.append(member)
            self.skip()
            member.comma = self.at if self.text.startswith(",", self.at) else -1
            more = self.take(",")
        return self.close(node, "}")

    def string(self) -> str:
        match = STRING.match(self.text, self.at)
        if not match:
            raise self.malformed()
        decoded = ESCAPE.sub(
            lambda m: chr(int(m[1], 16)) if m[1] else PLAIN_ESCAPES.get(m[2], m[2]), match[0][1:-1]
        )
        try:  # joins surrogate pairs and finds lone surrogates
            decoded = decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise self.malformed() from None
        self.at = match.end()
        return decoded


# Section 7


def canonical(node: Node) -> str:
    if node.kind == "object":
        members = sorted(node.members, key=lambda member: member.name.encode("utf-16-be"))
        return "{" + ",".join(canonical_string(m.name) + ":" + canonical(m.node) for m in members) + "}"
    if node.kind == "array":
        return "[" + ",".join(canonical(item) for item in node.items) + "]"
    if node.kind == "string":
        return canonical_string(node.text)
    if node.kind == "number":
        return canonical_number(node.text)
    return node.text


def canonical_string(text: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return '"' + re.sub(r'["\\\x00-\x1f]', lambda m: short.get(m[0]) or f"\\u{ord(m[0]):04x}", text) + '"'


def canonical_number(text: str) -> str:
    sign, digits, exponent = exact = _decimal(text)
    if not digits:
        return "0"
    nearest = float(text)
    if nearest not in (0.0, float("inf"), float("-inf")):
        shortest = ecmascript(nearest)
        if _decimal(shortest) == exact:
            return shortest
    return sign + digits[0] + ("." + digits[1:] if digits[1:] else "") + "e" + exponent


def ecmascript(number: float) -> str:
    """Number-to-String for a finite number other than zero."""
    sign, digits, exponent = _decimal(repr(number))  # repr has the same shortest digits, laid out otherwise
    n, k = int(exponent) + 1, len(digits)
    if k <= n <= 21:
        body = digits + "0" * (n - k)
    elif 0 < n <= 21:
        body = digits[:n] + "." + digits[n:]
    elif -6 < n <= 0:
        body = "0." + "0" * -n + digits
    else:
        body = digits[0] + ("." + digits[1:] if k > 1 else "") + f"e{n - 1:+d}"
    return sign + body


def _decimal(text: str) -> tuple[str, str, str]:
    """Sign, significant digits, and the exponent of the first digit as a text; no digits for zero."""
    sign, whole, fraction, exponent = NUMBER.fullmatch(text).groups(default="")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return "", "", ""
    return sign, digits, _add(exponent or "0", len(whole) - 1 - leading)


def _add(text: str, delta: int) -> str:
    """A decimal integer of any length plus a small number, without converting the long one."""
    negative, digits = text.startswith("-"), text.lstrip("+-").lstrip("0")
    if len(digits) <= 40:
        return str((-1 if negative else 1) * int(digits or "0") + delta)
    head, tail = digits[:-20], int(digits[-20:]) + (-delta if negative else delta)
    if tail < 0:
        kept = head.rstrip("0")
        head = kept[:-1] + str(int(kept[-1]) - 1) + "9" * (len(head) - len(kept))
        tail += 10**20
    elif tail >= 10**20:
        kept = head.rstrip("9")
        raised = kept[:-1] + str(int(kept[-1]) + 1) if kept else "1"
        head = raised + "0" * (len(head) - len(kept))
        tail -= 10**20
    return ("-" if negative else "") + (head + f"{tail:020d}").lstrip("0")
