"""The head of a request as it was received, and why a request is refused."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from apiseal.errors import ApisealError

__all__ = ["Refused", "Request", "Scope", "route_path", "target_of"]

Scope = MutableMapping[str, Any]

# The peer can see for itself that these hold, and can mend them: SignatureMissing, NotCovered, DigestMissing.
_ASKED_FOR = frozenset({600, 603, 612})


class Request:
    """The head of a request, exactly as received."""

    def __init__(self, scope: Scope, target: str, scheme: str) -> None:
        self.scope = scope
        self.scheme = scheme
        self.lines: list[tuple[bytes, bytes]] = list(scope["headers"])
        self.head = (scope["method"], target, self.lines)
        self.names = frozenset(name for name, _ in self.lines)

    def has(self, name: bytes) -> bool:
        return name in self.names

    def values(self, name: bytes) -> list[bytes]:
        return [value for own, value in self.lines if own == name]

    def is_plain_json(self) -> bool:
        types = self.values(b"content-type")
        kind = types[0].partition(b";")[0].strip(b" \t").lower() if len(types) == 1 else b""
        return (kind == b"application/json" or kind.endswith(b"+json")) and not self.has(b"content-encoding")

    def __str__(self) -> str:
        # Without the query, which may hold what does not belong into logs; escaped, so that nobody writes lines of his own.
        return f"{self.scope['method']!r} {self.head[1].partition('?')[0][:200]!r}"


class Refused(Exception):
    """Why a request does not reach the application: for the log, never for the peer."""

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        is_read: bool,
        asks: bool = False,
        code: int | None = None,
        key_id: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.is_read = is_read
        self.asks = asks
        self.code = code
        self.key_id = key_id

    @classmethod
    def of(cls, error: ApisealError, *, is_read: bool) -> Refused:
        asks = error.code in _ASKED_FOR
        return cls(error.http_status, str(error), is_read=is_read, asks=asks, code=error.code, key_id=error.key_id)


def target_of(scope: Scope) -> str:
    """The request target as it stood on the wire."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        raise RuntimeError(
            "this ASGI server does not tell the path as it was received (raw_path): nothing can be verified"
        )
    query: bytes = scope["query_string"]
    target = raw.partition(b"?")[0] + (b"?" + query if query else b"")
    return target.decode("latin-1")


def route_path(scope: Scope) -> str:
    """The decoded path that a router below this middleware sees."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return (
        path[len(root) :] if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/") else path
    )
