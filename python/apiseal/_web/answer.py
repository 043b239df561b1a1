"""Answers of the application: kept until they are whole, then encrypted, signed and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from apiseal._core import Protector, Signer, Verified
from apiseal._web.routes import SealedRoute

__all__ = ["Answer", "Signing", "context_of"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Lines = list[tuple[bytes, bytes]]

_FRAMING = (b"content-length", b"transfer-encoding")
_WITHHELD = (b"content-type", b"content-encoding", b"content-digest", b"etag")


@dataclass(frozen=True)
class Signing:
    """What is the same for all answers."""

    signer: Signer | Callable[[Verified], Signer] | None
    limit: int
    """Bytes of content that are kept."""
    offload: int
    """Bytes of content from which on a thread does the work."""


class Answer:
    """The one answer to a verified request. Nothing leaves before it is whole and signed; if that fails, nothing leaves
    at all, and the exception tells the server to answer with its own plain 500."""

    def __init__(
        self, send: Send, verified: Verified, method: str, route: SealedRoute | None, signing: Signing
    ) -> None:
        self.send = send
        self.verified = verified
        self.method = method
        self.route = route
        self.signing = signing
        self.start: MutableMapping[str, Any] | None = None
        self.parts: list[bytes] = []
        self.size = 0
        self.is_over = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """The `send` of the application."""
        kind = message["type"]
        if self.is_over:
            raise RuntimeError(f"unexpected {kind!r}: the answer is over")
        if kind == "http.response.start" and self.start is None:
            if not 200 <= message["status"] <= 599 or message.get("trailers"):
                raise self._failed("only final answers without trailers can be signed")
            self.start = message
        elif kind == "http.response.body" and self.start is not None:
            self._keep(message.get("body", b""))
            if not message.get("more_body", False):
                self.is_over = True
                await self._finish(self.start, b"".join(self.parts))
        else:
            raise self._failed(f"unexpected {kind!r} in an answer that is to be signed")

    def _keep(self, part: bytes) -> None:
        self.size += len(part)
        if self.size > self.signing.limit:
            self.parts.clear()
            raise self._failed(
                f"the answer has more than {self.signing.limit} bytes: it is kept whole to be signed. Raise max_answer, or name "
                "its path in unsigned"
            )
        self.parts.append(part)

    def _failed(self, reason: str) -> RuntimeError:
        self.is_over = True
        return RuntimeError(reason)

    async def _finish(self, start: MutableMapping[str, Any], body: bytes) -> None:
        status: int = start["status"]
        lines: Lines = [(bytes(name).lower(), bytes(value)) for name, value in start.get("headers", ())]
        stated = [line for line in lines if line[0] == b"content-length"]
        lines = [line for line in lines if line[0] not in _FRAMING]
        if self.method == "HEAD" or status in (204, 304):
            # The content is empty on the wire, whatever the application sent.
            body = b""
        if self.route is not None and status >= 400 and self.route.errors == "withhold":
            body, stated = b"", []
            lines = [line for line in lines if line[0] not in _WITHHELD]
        if self.signing.signer is not None:
            if len(body) >= self.signing.offload:
                body, lines = await asyncio.to_thread(self._signed, status, lines, body)
            else:
                body, lines = self._signed(status, lines, body)
        if self.method == "HEAD" and status not in (204, 304):
            lines += [] if self.route is not None else stated[:1]
        elif status not in (204, 304):
            lines.append((b"content-length", b"%d" % len(body)))
        await self.send({"type": "http.response.start", "status": status, "headers": lines})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _signed(self, status: int, lines: Lines, body: bytes) -> tuple[bytes, Lines]:
        """Content and header lines as they go out."""
        chosen = self.signing.signer
        assert chosen is not None
        signer = chosen if isinstance(chosen, Signer) else chosen(self.verified)
        if self.route is not None and self.route.response is not None and body and status < 400:
            protector = Protector(self.route.response, signer)
            context = context_of(self.route, self.verified)
            protected = protector.protect_response(status, lines, body, request=self.verified, context=context)
            return protected.body, lines + _lines(protected.headers)
        signed = signer.sign_response(status, lines, body, request=self.verified)
        return body, lines + _lines(signed.headers)


def context_of(route: SealedRoute, verified: Verified) -> Any:
    """The context that the route states for a verified request."""
    return route.context(verified.proofs[0]) if callable(route.context) else route.context


def _lines(headers: list[tuple[str, str]]) -> Lines:
    return [(name.encode(), value.encode()) for name, value in headers]
