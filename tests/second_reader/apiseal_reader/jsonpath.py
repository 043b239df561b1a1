"""RFC 9535 queries with the record of what filters visit (section 15), and I-Regexp (RFC 9485). A test oracle, not for use."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from .crypto import Location
from .strict_json import Node, walk


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Index:
    index: int


@dataclass(frozen=True)
class Slice:
    start: int | None
    end: int | None
    step: int | None


@dataclass(frozen=True)
class Wildcard:
    pass


@dataclass(frozen=True)
class Filter:
    test: object


@dataclass(frozen=True)
class Segment:
    descendant: bool
    selectors: tuple
    spaced: bool = field(default=False, compare=False)  # white space just inside the brackets


@dataclass(frozen=True)
class Query:
    absolute: bool
    segments: tuple[Segment, ...]

    @property
    def singular(self) -> bool:
        return all(
            not s.descendant and len(s.selectors) == 1 and isinstance(s.selectors[0], (Name, Index)) for s in self.segments
        )

    @property
    def value_dependent(self) -> bool:
        def depends(selector: object) -> bool:
            if isinstance(selector, Slice):
                return any(part is not None and part < 0 for part in (selector.start, selector.end, selector.step))
            return isinstance(selector, Filter) or (isinstance(selector, Index) and selector.index < 0)

        return any(depends(selector) for segment in self.segments for selector in segment.selectors)

    @property
    def has_descendant(self) -> bool:
        return any(segment.descendant for segment in self.segments)

    def location(self) -> Location | None:
        """The one location of a singular query without negative indices."""
        if not self.singular or self.value_dependent:
            return None
        steps = [segment.selectors[0] for segment in self.segments]
        return tuple(step.name if isinstance(step, Name) else step.index for step in steps)


@dataclass(frozen=True)
class Literal:
    value: object


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple


@dataclass(frozen=True)
class Compare:
    operator: str
    left: object
    right: object


@dataclass(frozen=True)
class Not:
    test: object


@dataclass(frozen=True)
class Junction:
    operator: str
    tests: tuple


VALUE, LOGICAL, NODES = "value", "logical", "nodes"
FUNCTIONS = {
    "length": ((VALUE,), VALUE),
    "count": ((NODES,), VALUE),
    "match": ((VALUE, VALUE), LOGICAL),
    "search": ((VALUE, VALUE), LOGICAL),
    "value": ((NODES,), VALUE),
}
MAX_INTEGER = 2**53 - 1

SHORTHAND = re.compile("[A-Za-z_\u0080-\ud7ff\ue000-\U0010ffff][A-Za-z0-9_\u0080-\ud7ff\ue000-\U0010ffff]*")
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
NUMBER = re.compile(r"(?:-0|0|-?[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
FUNCTION = re.compile(r"([a-z][a-z_0-9]*)\(")
SINGLE = re.compile(r"'((?:[^'\\\x00-\x1f]|\\(?:['\\/bfnrt]|u[0-9a-fA-F]{4}))*)'")
DOUBLE = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
ESCAPE = re.compile(r"\\(?:u(....)|(.))")
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parse_query(text: str) -> Query:
    """Raises ValueError for anything that is not a well-formed and well-typed query."""
    parser = _Parser(text)
    query = parser.query()
    if not query.absolute or parser.at != len(text):
        raise parser.error()
    return query


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def error(self) -> ValueError:
        return ValueError(f"query, at character {self.at}")

    def skip(self) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t", "\n", "\r"):
            self.at += 1

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> bool:
        found = self.peek(text)
        self.at += len(text) if found else 0
        return found

    def take_spaced(self, text: str) -> bool:
        """`text` after optional white space; nothing is consumed if it is not there."""
        before = self.at
        self.skip()
        if self.take(text):
            return True
        self.at = before
        return False

    def match(self, pattern: re.Pattern) -> re.Match | None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match

    def query(self) -> Query:
        absolute = self.take("$")
        if not absolute and not self.take("@"):
            raise self.error()
        segments = []
        while True:
            before = self.at
            self.skip()
            if not (self.peek("[") or self.peek(".")):
                self.at = before
                return Query(absolute, tuple(segments))
            segments.append(self.segment())

    def segment(self) -> Segment:
        descendant = self.take("..")
        dot = not descendant and self.take(".")
        if not dot and self.take("["):
            start = self.at
            selectors = [self.selector()]
            while self.take_spaced(","):
                selectors.append(self.selector())
            if not self.take_spaced("]"):
                raise self.error()
            inside = self.text[start : self.at - 1]
            return Segment(descendant, tuple(selectors), inside != inside.strip(" \t\n\r"))
        if self.take("*"):
            return Segment(descendant, (Wildcard(),))
        name = self.match(SHORTHAND)
        if not name:
            raise self.error()
        return Segment(descendant, (Name(name[0]),))

    def selector(self) -> object:
        self.skip()
        if self.peek("'") or self.peek('"'):
            return Name(self.string())
        if self.take("*"):
            return Wildcard()
        if self.take("?"):
            return Filter(self.disjunction())
        start = self.integer()
        if not self.take_spaced(":"):
            if start is None:
                raise self.error()
            return Index(start)
        self.skip()
        end, step = self.integer(), None
        if self.take_spaced(":"):
            before = self.at
            self.skip()
            step = self.integer()
            self.at = before if step is None else self.at
        return Slice(start, end, step)

    def integer(self) -> int | None:
        match = self.match(INTEGER)
        if not match:
            return None
        if len(match[0]) > 20 or abs(int(match[0])) > MAX_INTEGER:
            raise self.error()
        return int(match[0])

    def string(self) -> str:
        match = self.match(SINGLE) or self.match(DOUBLE)
        if not match:
            raise self.error()
        text = ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else ESCAPES.get(m[2], m[2]), match[1])
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")  # UnicodeDecodeError is a ValueError

    def disjunction(self) -> object:
        return self.junction("||", lambda: self.junction("&&", self.basic))

    def junction(self, operator: str, part) -> object:
        tests = [part()]
        while self.take_spaced(operator):
            tests.append(part())
        return tests[0] if len(tests) == 1 else Junction(operator, tuple(tests))

    def basic(self) -> object:
        self.skip()
        negated = self.take("!")
        self.skip()
        if self.take("("):
            test = self.disjunction()
            if not self.take_spaced(")"):
                raise self.error()
            return Not(test) if negated else test
        left = self.operand()
        operator = None
        if not negated:
            operator = next((o for o in ("==", "!=", "<=", ">=", "<", ">") if self.take_spaced(o)), None)
        if operator:
            self.skip()
            right = self.operand()
            if not all(is_comparable(side) and not has_inner_space(side) for side in (left, right)):
                raise self.error()
            return Compare(operator, left, right)
        if not (isinstance(left, Query) or (isinstance(left, Call) and FUNCTIONS[left.name][1] == LOGICAL)):
            raise self.error()
        return Not(left) if negated else left

    def operand(self) -> object:
        if self.peek("$") or self.peek("@"):
            return self.query()
        if self.peek("'") or self.peek('"'):
            return Literal(self.string())
        function = self.match(FUNCTION)
        if function:
            return self.call(function[1])
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.take(word):
                return Literal(value)
        number = self.match(NUMBER)
        if not number:
            raise self.error()
        return Literal(float(number[0]))

    def call(self, name: str) -> Call:
        if name not in FUNCTIONS:
            raise self.error()
        arguments = []
        if not self.take_spaced(")"):
            while True:
                self.skip()
                arguments.append(self.operand())
                if not self.take_spaced(","):
                    break
            if not self.take_spaced(")"):
                raise self.error()
        kinds = FUNCTIONS[name][0]
        if len(arguments) != len(kinds):
            raise self.error()
        for kind, argument in zip(kinds, arguments):
            if not (isinstance(argument, Query) if kind == NODES else is_comparable(argument)):
                raise self.error()
        return Call(name, tuple(arguments))


def parts(part: object) -> list:
    """What a query, segment, selector or expression is made of."""
    if isinstance(part, (Query, Segment)):
        return list(part.segments if isinstance(part, Query) else part.selectors)
    if isinstance(part, (Filter, Not)):
        return [part.test]
    if isinstance(part, Compare):
        return [part.left, part.right]
    return list(part.tests if isinstance(part, Junction) else part.arguments if isinstance(part, Call) else ())


def is_comparable(operand: object) -> bool:
    if isinstance(operand, Query):
        return operand.singular
    return isinstance(operand, Literal) or FUNCTIONS[operand.name][1] == VALUE


def has_inner_space(operand: object) -> bool:
    """The rule `singular-query` of RFC 9535, which comparisons take, has no white space inside brackets."""
    return isinstance(operand, Query) and any(segment.spaced for segment in operand.segments)


# Evaluation

NOTHING = object()
Nodes = list[tuple[Location, Node]]


class Evaluator:
    """Evaluates queries on one document and records what their filters visit."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.visited: set[Location] = set()  # the final node lists of all queries inside filters

    def select(self, query: Query) -> Nodes:
        return self.run(query, [((), self.root)], inside_filter=False)

    def run(self, query: Query, nodes: Nodes, inside_filter: bool) -> Nodes:
        for segment in query.segments:
            if segment.descendant:
                nodes = [below for location, node in nodes for below in walk(node, location)]
            nodes = [child for at in nodes for selector in segment.selectors for child in self.apply(selector, *at)]
        if inside_filter:
            self.visited.update(location for location, _ in nodes)
        return nodes

    def apply(self, selector: object, location: Location, node: Node) -> Nodes:
        children = [(location + (step,), child) for step, child in node.children()]
        if isinstance(selector, Name):
            return [child for child in children if child[0][-1] == selector.name]
        if isinstance(selector, Wildcard):
            return children
        if isinstance(selector, Filter):
            return [child for child in children if self.holds(selector.test, child)]
        count = len(node.items)
        if isinstance(selector, Index):
            index = selector.index + count if selector.index < 0 else selector.index
            return [children[index]] if 0 <= index < count else []
        return [children[index] for index in slice_indices(selector, count)]

    def holds(self, test: object, current: tuple[Location, Node]) -> bool:
        if isinstance(test, Junction):
            # from left to right; what need not be evaluated visits nothing
            results = (self.holds(part, current) for part in test.tests)
            return all(results) if test.operator == "&&" else any(results)
        if isinstance(test, Not):
            return not self.holds(test.test, current)
        if isinstance(test, Query):
            return bool(self.nodes(test, current))
        if isinstance(test, Call):
            text, pattern = (self.value(argument, current) for argument in test.arguments)
            if not (isinstance(text, str) and isinstance(pattern, str)):
                return False
            compiled = compile_iregexp(pattern)
            if compiled is None:
                return False
            return bool(compiled.fullmatch(text) if test.name == "match" else compiled.search(text))
        return compare(test.operator, self.value(test.left, current), self.value(test.right, current))

    def nodes(self, query: Query, current: tuple[Location, Node]) -> Nodes:
        return self.run(query, [((), self.root) if query.absolute else current], inside_filter=True)

    def value(self, operand: object, current: tuple[Location, Node]) -> object:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Query):
            nodes = self.nodes(operand, current)
            return plain(nodes[0][1]) if nodes else NOTHING
        if operand.name == "length":
            value = self.value(operand.arguments[0], current)
            return float(len(value)) if isinstance(value, (str, list, dict)) else NOTHING
        nodes = self.nodes(operand.arguments[0], current)
        if operand.name == "count":
            return float(len(nodes))
        return plain(nodes[0][1]) if len(nodes) == 1 else NOTHING


def slice_indices(selector: Slice, count: int) -> list[int]:
    """RFC 9535, section 2.3.4.2.2."""
    step = 1 if selector.step is None else selector.step
    if step == 0:
        return []
    start = selector.start if selector.start is not None else (0 if step > 0 else count - 1)
    end = selector.end if selector.end is not None else (count if step > 0 else -count - 1)
    start, end = (part if part >= 0 else count + part for part in (start, end))
    if step > 0:
        return list(range(min(max(start, 0), count), min(max(end, 0), count), step))
    return list(range(min(max(start, -1), count - 1), min(max(end, -1), count - 1), step))


def plain(node: Node) -> object:
    """The value as Python data; numbers as doubles."""
    if node.kind == "object":
        return {member.name: plain(member.node) for member in node.members}
    if node.kind == "array":
        return [plain(item) for item in node.items]
    if node.kind == "number":
        return float(node.text)
    return {"true": True, "false": False, "null": None}[node.text] if node.kind != "string" else node.text


def equal(left: object, right: object) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    return left is right if left is NOTHING else left == right


def compare(operator: str, left: object, right: object) -> bool:
    def less(a: object, b: object) -> bool:
        return type(a) is type(b) and isinstance(a, (float, str)) and a < b

    return {
        "==": equal(left, right),
        "!=": not equal(left, right),
        "<": less(left, right),
        ">": less(right, left),
        "<=": less(left, right) or equal(left, right),
        ">=": less(right, left) or equal(left, right),
    }[operator]


# I-Regexp, translated to `re`

CATEGORIES = {"L": "lmotu", "M": "cen", "N": "dlo", "P": "cdefios", "Z": "lps", "S": "ckmo", "C": "cfno"}
SINGLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@lru_cache(maxsize=None)
def compile_iregexp(pattern: str) -> re.Pattern | None:
    """None if the pattern is not an I-Regexp: `match` and `search` are then false."""
    translator = _IRegexp(pattern)
    try:
        translated = translator.alternatives()
        if translator.at != len(pattern):
            return None
        return re.compile(translated)
    except (ValueError, IndexError, re.error, OverflowError):
        return None


class _IRegexp:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def next(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def alternatives(self) -> str:
        branches = [self.branch()]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.branch())
        return "(?:" + "|".join(branches) + ")"

    def branch(self) -> str:
        out = ""
        while self.peek() not in ("", "|", ")"):
            out += self.atom() + self.quantifier()
        return out

    def quantifier(self) -> str:
        match = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}").match(self.pattern, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def atom(self) -> str:
        char = self.next()
        if char == "(":
            inner = self.alternatives()
            if self.next() != ")":
                raise ValueError
            return inner
        if char == ".":
            return r"[^\n\r]"
        if char == "[":
            return self.char_class()
        if char == "\\":
            return "[" + self.escape() + "]"
        if char in "*+?{}]":
            raise ValueError
        if char in "^$":
            return r"(?:\A)" if char == "^" else r"(?:\Z)"
        return re.escape(char)

    def escape(self) -> str:
        """The inside of a class of `re`."""
        char = self.next()
        if char in "pP":
            match = re.compile(r"\{([A-Z])([a-z]?)\}").match(self.pattern, self.at)
            if not match or match[1] not in CATEGORIES or match[2] not in CATEGORIES[match[1]]:
                raise ValueError
            self.at = match.end()
            return category(match[1] + match[2], char == "P")
        if char not in "()*+-.?[\\]^nrt{|}":
            raise ValueError
        return re.escape(SINGLE_ESCAPES.get(char, char))

    def char_class(self) -> str:
        out = "[^" if self.peek() == "^" else "["
        self.at += len(out) - 1
        empty = True
        while self.peek() != "]":
            if self.peek() == "-":
                self.at += 1
                if not empty and self.peek() != "]":
                    raise ValueError
                out += "\\-"
            elif self.pattern.startswith(("\\p", "\\P"), self.at):
                self.at += 1
                out += self.escape()
            else:
                out += self.class_char()
                if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                    self.at += 1
                    out += "-" + self.class_char()
            empty = False
        self.at += 1
        if empty:
            raise ValueError
        return out + "]"

    def class_char(self) -> str:
        char = self.next()
        if char == "\\":
            if self.peek() in ("p", "P"):
                raise ValueError
            return self.escape()
        if char in "-[]":
            raise ValueError
        return re.escape(char)


@lru_cache(maxsize=None)
def category(name: str, complement: bool) -> str:
    points = [
        point
        for point in range(sys.maxunicode + 1)
        if not 0xD800 <= point <= 0xDFFF and unicodedata.category(chr(point)).startswith(name) != complement
    ]
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
