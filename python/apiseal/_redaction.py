"""Values and texts of a program, without what policies protect: for logs.

What is recognised:

- dicts and other mappings, lists, tuples, sets, named tuples, dataclasses, attrs classes and Pydantic models: each is masked
  as a document, and so is each one inside of another;
- JSON objects and arrays in texts and in bytes, also in a text inside of a document;
- encrypted tokens anywhere in a text.

What begins like a document in a text and cannot be read (JSON that is cut off or malformed, a dict as Python prints it)
is masked to the end of the text: nobody can tell where it ends. All before a `}` that closes nothing is masked too. Any other
object becomes the text that it prints. What is too deep, too large, refers to itself, or raises an exception is masked as a
whole.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import numbers
import re
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from apiseal._core import Redactor

__all__ = ["MASK", "Masker", "redactors_of"]

_Masked = TypeVar("_Masked")

MASK = "[redacted]"

_DEPTH = 32
_NODES = 10_000
_CHARACTERS = 262_144
_CHAIN = 16

_TOKEN = re.compile(r"as1[a-z]?\.[A-Za-z0-9_.-]{8,}")
_BRACKET = re.compile(r"[\[{]")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_]\w*\}")
_LITERAL = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN|true|false|null|True|False|None"
_BEGINS_ARRAY = re.compile(rf"""\[\s*(?:[\[\]{{"'(]|(?:{_LITERAL})\s*(?:[,\]]|$))""")
_PLAIN = (numbers.Number, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
_READ = json.JSONDecoder().raw_decode
_FRAMES = re.compile(
    r"(?:Stack \(most recent call last\):\n)?"
    # Each line in one way only, by looking ahead: else a text that is no stack takes time without end.
    r"(?:(?= {2}File \"[^\n]*\", line \d+, in )[^\n]*(?:\n {4}[^\n]*(?:\n {4}[ ^~]*)?)?(?:\n|\Z))*"
)
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def redactors_of(policies: Iterable[Any]) -> tuple[Redactor, ...]:
    """Redactors as they are, and one for each policy: a Policy, dict, JSON text or path."""
    made = tuple(one if isinstance(one, Redactor) else Redactor(one) for one in policies)
    if not made:
        raise TypeError("state at least one policy or Redactor")
    return made


class _LimitError(Exception):
    """A value is too large to be masked bit by bit."""


class _Shown:
    """An object as it would have been printed, masked."""

    def __init__(self, text: str, form: str) -> None:
        self.text = text
        self.form = form

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.form


class _Object(dict[str, Any]):
    """A mapping that prints as JSON, so that it can be read again within a message."""

    def __repr__(self) -> str:
        return _json(self)

    __str__ = __repr__


class _Array(list[Any]):
    """As `_Object`."""

    def __repr__(self) -> str:
        return _json(self)

    __str__ = __repr__


class Masker:
    """Masks one record: its limits hold for all that is given to it."""

    def __init__(self, redactors: tuple[Redactor, ...]) -> None:
        self._redactors = redactors
        self._nodes = _NODES
        self._characters = _CHARACTERS

    def text(self, text: str) -> str:
        """A text without protected values."""
        return self._guarded(lambda: self._text(text, 0))

    def tokens(self, text: str) -> str:
        """A text without encrypted tokens: for one whose documents were masked before."""
        return _TOKEN.sub(MASK, text)

    def frames(self, text: str) -> str:
        """What `traceback` prints of a stack, each line by itself; any other text as one, since documents have many lines."""
        if not _FRAMES.fullmatch(text):
            return self.text(text)
        return "\n".join(self.text(line) for line in text.split("\n"))

    def plain(self, value: Any) -> Any:
        """A value without protected values, of dicts, lists, texts and plain values of the standard library."""
        return self._guarded(lambda: _finish(self._value(value), shown=False))

    def shown(self, value: Any) -> Any:
        """As `plain`; whatever is no plain value prints as it did, containers as JSON."""
        return self._guarded(lambda: _finish(self._value(value), shown=True))

    def error(self, error: BaseException, frames: Any) -> str:
        """What an exception and those behind it print. Lines of source code stay as they are; local values are not shown."""
        return self._guarded(
            lambda: self._traceback(traceback.TracebackException(type(error), error, frames, compact=True), _CHAIN)
        ).rstrip("\n")

    def _guarded(self, masked: Callable[[], _Masked]) -> _Masked | str:
        try:
            return masked()
        except Exception:  # noqa: BLE001 - what cannot be masked bit by bit is masked as a whole
            return MASK

    def _text(self, text: str, depth: int) -> str:
        self._characters -= len(text)
        if self._characters < 0 or depth > _DEPTH:
            raise _LimitError
        pieces: list[str] = []
        at = 0
        while found := _BRACKET.search(text, at):
            _append(pieces, text[at : found.start()])
            masked, at = self._bracket(text, found.start(), depth)
            pieces.append(masked)
        _append(pieces, text[at:])
        return self.tokens("".join(pieces))

    def _bracket(self, text: str, start: int, depth: int) -> tuple[str, int]:
        """What stands in place of what begins at a bracket, and where it ends."""
        if text[start] == "[" and not _BEGINS_ARRAY.match(text, start):
            return "[", start + 1
        if placeholder := _PLACEHOLDER.match(text, start):
            return placeholder[0], placeholder.end()
        try:
            value, end = _READ(text, start)
        except (ValueError, RecursionError):
            # The search ends here: many brackets would otherwise take time that grows with their square.
            return MASK, len(text)
        return (self._document(text[start:end], value, depth) if value else text[start:end]), end

    def _document(self, text: str, value: Any, depth: int) -> str:
        """A JSON text. It stays byte for byte what it was where nothing is masked, or nothing inside of inner documents."""
        own = text
        for redactor in self._redactors:
            own = redactor.redact(own)
            if own == '{"redacted":"unreadable"}' and own != text:
                return MASK
        masked = _finish(self._value(value, depth + 1), shown=False)
        if masked == value:
            return text
        return own if json.loads(own) == masked else _json(masked)

    def _value(self, value: Any, depth: int = 0) -> Any:
        exact, own = self._normal(value, depth, frozenset())
        return self._masked(exact, own)

    def _normal(self, value: Any, depth: int, above: frozenset[int]) -> tuple[Any, Any]:
        """A value in two forms of one shape: as JSON, with null in place of what is no text, and as it may be shown."""
        self._nodes -= 1
        if self._nodes < 0:
            raise _LimitError
        if value is None or type(value) in (bool, int, float):
            return None, value
        if isinstance(value, str):
            text = str(value)
            return (text if _is_unicode(text) else None), self._text(text, depth)
        if isinstance(value, bytes | bytearray | memoryview):
            return None, self._bytes(bytes(value), depth)
        if isinstance(value, _PLAIN):
            return None, value
        if depth > _DEPTH or id(value) in above:
            return None, MASK
        above = above | {id(value)}
        if (members := _members(value)) is not None:
            return self._normal_members(members, depth, above)
        if isinstance(value, list | tuple | AbstractSet):
            both = [self._normal(item, depth + 1, above) for item in value]
            return [exact for exact, _ in both], [own for _, own in both]
        return None, _Shown(self._text(str(value), depth), self._text(repr(value), depth))

    def _normal_members(self, members: Mapping[Any, Any], depth: int, above: frozenset[int]) -> tuple[Any, Any]:
        exact, own = {}, {}
        for key, value in members.items():
            name = _name(key)
            if name in exact:
                return None, MASK
            exact[name], own[name] = self._normal(value, depth + 1, above)
        return exact, own

    def _bytes(self, value: bytes, depth: int) -> bytes:
        try:
            return self._text(value.decode(), depth).encode()
        except UnicodeDecodeError:
            return MASK.encode()

    def _masked(self, exact: Any, own: Any) -> Any:
        """Masks a container as a document, then each container in it that is left."""
        if not isinstance(exact, dict | list) or isinstance(own, str):
            return own
        for redactor in self._redactors:
            own = _merged(exact, redactor.redact(exact), own)  # type: ignore[type-var]
        if isinstance(own, str):
            return own
        places: Iterable[Any] = exact if isinstance(exact, dict) else range(len(exact))
        for place in places:
            own[place] = self._masked(exact[place], own[place])
        return own

    def _traceback(self, error: traceback.TracebackException, left: int) -> str:
        if left == 0:
            return MASK + "\n"
        text = ""
        if error.__cause__ is not None:
            text = self._traceback(error.__cause__, left - 1) + _CAUSE
        elif error.__context__ is not None and not error.__suppress_context__:
            text = self._traceback(error.__context__, left - 1) + _CONTEXT
        if error.stack:
            text += "Traceback (most recent call last):\n" + "".join(error.stack.format())
        text += self.text("".join(error.format_exception_only())).rstrip("\n") + "\n"
        for inner in getattr(error, "exceptions", None) or ():
            nested = self._traceback(inner, left - 1)
            text += "".join(f"  | {line}\n" for line in nested.splitlines())
        return text


def _append(pieces: list[str], text: str) -> None:
    """Adds what lies between documents. A bracket that closes nothing ends a document whose beginning was cut off."""
    _, bracket, rest = text.rpartition("}")
    if bracket:
        pieces[:] = [MASK]
    pieces.append(rest)


def _members(value: Any) -> Mapping[Any, Any] | None:
    """The members of a mapping, or of an object that declares fields; read without calling methods of its own."""
    if isinstance(value, Mapping):
        return value
    kind = type(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=True))
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif isinstance(fields := getattr(kind, "__attrs_attrs__", None), tuple):
        names = [field.name for field in fields]
    elif isinstance(fields := getattr(kind, "__pydantic_fields__", None), dict):
        names = [*fields, *(getattr(value, "__pydantic_extra__", None) or ())]
    else:
        return None
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _name(key: Any) -> str:
    """The name of a member, as JSON writes it; bytes, which it does not, as their text."""
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, bytes):
        return key.decode("utf-8", "backslashreplace")
    if type(key) in (bool, int, float) or key is None:
        return json.dumps(key)
    name = str.__str__(key) if isinstance(key, str) else str(key)
    return name if _is_unicode(name) else name.encode("utf-8", "backslashreplace").decode()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _merged(exact: Any, redacted: Any, own: Any) -> Any:
    """`own` with the masks that a redactor put where `exact` was. Of two masks on one value the one that shows less."""
    if isinstance(own, str) and isinstance(exact, dict | list):
        return own
    if isinstance(exact, dict):
        if not isinstance(redacted, dict) or redacted.keys() != exact.keys():
            return MASK
        return {name: _merged(exact[name], redacted[name], own[name]) for name in exact}
    if isinstance(exact, list):
        if not isinstance(redacted, list) or len(redacted) != len(exact):
            return MASK
        return [_merged(*three) for three in zip(exact, redacted, own, strict=True)]
    if redacted == exact:
        return own
    return redacted if own in (exact, redacted) or exact is None else MASK


def _finish(own: Any, *, shown: bool) -> Any:
    """What was masked, in types that are printed; names of members may be documents and tokens too."""
    if isinstance(own, dict):
        members = {_masked_name(name): _finish(value, shown=shown) for name, value in own.items()}
        return _Object(members) if shown else members
    if isinstance(own, list):
        items = [_finish(value, shown=shown) for value in own]
        return _Array(items) if shown else items
    return own.text if isinstance(own, _Shown) and not shown else own


def _masked_name(name: str) -> str:
    if "{" in _PLACEHOLDER.sub("", name) or name.lstrip()[:1] == "[":
        return MASK
    return _TOKEN.sub(MASK, name)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
