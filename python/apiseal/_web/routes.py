"""Which messages carry encrypted fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from apiseal._core import FieldCipher, Proof

__all__ = ["SealedRoute", "find"]

ContextSource = Mapping[str, str] | Callable[[Proof], Any]
"""A context, or what makes it of what was proved."""


@dataclass(frozen=True)
class SealedRoute:
    """Messages whose JSON content carries encrypted fields. Server and client state the same routes.

    `path` is compared with the decoded path, as routers do it: `/payments`, `/payments/{id}` (one segment),
    `/payments/*` (everything below). The first route that fits counts.
    """

    path: str
    request: FieldCipher | None = None
    """Encrypts or decrypts the content of requests. Without it they are signed only."""
    response: FieldCipher | None = None
    """The same for the content of answers with a status below 400."""
    context: ContextSource = field(kw_only=True)
    """The context, without principal and direction, which are added. On a server it may be a callable that makes it of
    the proof: `lambda proof: {"purpose": "payments", "tenant": tenants[proof.principal]}`. It is called after the nonce
    is claimed and before anything is decrypted."""
    methods: Collection[str] | None = field(default=None, kw_only=True)
    """Names in capitals, as they are sent. None means all."""
    errors: Literal["withhold", "clear"] = field(default="withhold", kw_only=True)
    """What happens to the content of answers with a status of 400 or more. Frameworks like to repeat what they were sent
    in their errors, which here is what was decrypted: by default the content is left out."""

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"the path of a sealed route begins with a slash: {self.path!r}")
        if self.request is None and self.response is None:
            raise ValueError(
                f"the sealed route {self.path!r} has neither `request` nor `response`: nothing would be encrypted"
            )
        if self.errors not in ("withhold", "clear"):
            raise ValueError("errors is 'withhold' or 'clear'")
        if isinstance(self.methods, str):
            raise TypeError("methods is a collection of names, as ('POST', 'PUT')")
        if self.methods is not None:
            # Of another spelling, or used up by the first look, they would fit nothing: all would go out in clear.
            object.__setattr__(self, "methods", tuple(self.methods))
            if not self.methods or any(name != name.upper() for name in self.methods):
                raise ValueError(f"methods are names in capitals, at least one, as ('POST', 'PUT'): {self.methods!r}")
        object.__setattr__(self, "_pattern", _pattern(self.path))

    def fits(self, method: str, path: str) -> bool:
        """Whether a message of this method and decoded path is one of these."""
        if self.methods is not None and method not in self.methods:
            return False
        pattern: re.Pattern[str] = self.__dict__["_pattern"]
        return pattern.fullmatch(path) is not None


def find(routes: Iterable[SealedRoute], method: str, path: str) -> SealedRoute | None:
    """The first route that fits."""
    return next((route for route in routes if route.fits(method, path)), None)


def _pattern(path: str) -> re.Pattern[str]:
    head, below = (path[:-1], True) if path.endswith("/*") else (path, False)
    parts = re.split(r"(\{[^{}/]+\})", head)
    if any(mark in part for part in parts[::2] for mark in "{}*"):
        raise ValueError(f"a path has {{name}} for one segment, and /* at its end for all below: {path!r}")
    text = "".join("[^/]+" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(text + (".*" if below else ""), re.DOTALL)
