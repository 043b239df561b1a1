"""Results and arguments that are plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from apiseal.errors import ApisealError

__all__ = [
    "AsyncReplayStore",
    "Change",
    "Claim",
    "Diagnosis",
    "Event",
    "Explanation",
    "Finding",
    "Lenient",
    "LenientPosition",
    "Lint",
    "Location",
    "Migrated",
    "Outcome",
    "Partial",
    "Reencrypted",
    "ReplayStore",
    "RuleReport",
    "Sighting",
]


class Location(NamedTuple):
    """Where a value stands. Offsets count bytes of the UTF-8 text, also for a document that is a str."""

    path: str
    """Normalized path (RFC 9535, section 2.7)."""
    start: int
    """Byte offset of the first byte."""
    end: int
    """Byte offset behind the last byte."""


class Sighting(NamedTuple):
    """An encrypted value, or the header of a document in layout `document`."""

    path: str
    start: int
    end: int
    part: str
    """`token`, `field` or `header`."""
    key_id: str | None
    """The key, where the string tells it."""
    suite: str | None
    mode: str | None
    length: int
    """Characters of the string."""
    authenticated: bool
    """Whether it was decrypted. If not, whoever wrote the document chose what stands here."""


class Migrated(NamedTuple):
    """A decrypted document, and the paths of the values that were clear and that `migrate` let through."""

    document: Any
    accepted_plain: list[str]


class LenientPosition(NamedTuple):
    """One protected position: the exact JSON text of its value, or why it does not open."""

    path: str
    value: bytes | None
    error: ApisealError | None


class Lenient(NamedTuple):
    """What opens and what does not. Nothing was put back into the document."""

    positions: list[LenientPosition]
    bound: bool
    """Whether the values were authenticated together with what they are bound to."""


class Partial(NamedTuple):
    """Chosen positions, decrypted."""

    values: dict[str, bytes]
    """The exact JSON text of each value, by normalized path."""
    document: Any
    """The document with these values in place, in the type that went in. It cannot be decrypted further."""
    bound: bool
    """As in `Lenient`."""


class Finding(NamedTuple):
    """How far one position, or the document, came."""

    path: str | None
    key_id: str | None
    stage: str
    """`syntax`, `key`, `commitment`, `set`, `ciphertext` or `opens`."""
    fault: ApisealError | None
    candidate: int | None
    """Which of the candidate contexts it commits to."""


class Diagnosis(NamedTuple):
    """Why a document does not open. It holds no clear text."""

    findings: list[Finding]


class Reencrypted(NamedTuple):
    """A document under its new key, context or policy."""

    document: Any
    opened: int
    """Number of values that were decrypted."""
    left_clear: int
    """How many of them stayed in clear."""


class RuleReport(NamedTuple):
    """What one rule of a policy does to a sample."""

    path: str
    encrypts: list[str]
    """Normalized paths."""
    notes: list[str]


class Lint(NamedTuple):
    """What a policy does, in sentences for a person."""

    rules: list[RuleReport]
    notes: list[str]
    clear: list[tuple[str, str]]
    """Values that look sensitive and stay in clear: path and reason."""


class Event(NamedTuple):
    """One use of one key. It holds no value, no secret, and no value of a context."""

    operation: str
    """`encrypt`, `decrypt`, `decrypt_some`, `diagnose`, `sign`, `verify` or `export`."""
    policy: str
    """Id of the policy or profile."""
    rule: str | None
    key_id: str | None
    context_names: tuple[str, ...]
    context_tag: bytes | None
    """8 bytes that are equal for equal keys and contexts."""
    uses: int
    """Number of values, or of signatures."""
    accepted_plain: int
    failure: int | None
    """The code, if it failed."""


class Claim(NamedTuple):
    """One nonce to be claimed. Times are Unix seconds."""

    scope: bytes
    """32 bytes that keep nonces of different keys and profiles apart."""
    nonce: str
    principal: str
    created: int
    skew: int
    until: int
    """The nonce must be remembered so long."""
    now: int


Outcome: TypeAlias = Literal["first", "seen", "full", "unknown"]
"""What a store answers: nobody had the nonce before; somebody had; no room; it cannot tell."""


class ReplayStore(Protocol):
    """Where nonces are kept. Of many parallel claims of one nonce exactly one is answered `first`. A store never forgets
    a nonce before its time, not even when it is full. Whatever it raises counts as `unknown`."""

    def claim(self, claim: Claim, /) -> Outcome:
        """Claims a nonce: called only after signature and digest hold."""


class AsyncReplayStore(Protocol):
    """As `ReplayStore`, awaited."""

    async def claim(self, claim: Claim, /) -> Outcome:
        """Claims a nonce: called only after signature and digest hold."""


class Change(NamedTuple):
    """A change that makes a message verify."""

    kind: str
    """For example `authority` or `header-merged`."""
    component: str
    signed: str | None
    received: str | None
    remedy: str
    text: str
    """All of it in one sentence."""

    def __str__(self) -> str:
        return self.text


class Explanation(NamedTuple):
    """Why a message does not verify, for the owner of the keys: never for the peer. `str()` is one sentence."""

    text: str
    verifies: bool
    error: ApisealError | None
    changes: list[Change]
    remaining: ApisealError | None
    advice: str | None
    base: str | None
    """The signature base as it was received. It holds values of headers."""
    signed_base: str | None
    """The signature base that was signed, if a change was found."""
    diff: list[tuple[str, str]]
    """Lines of both, each with ` `, `-` (received) or `+` (signed)."""
    differing_lines: list[str]
    """Lines that differ by the debug token of the message, which is a hint."""
    exhausted: bool
    """Whether the budget ended the search."""

    def __str__(self) -> str:
        return self.text
