"""Content of a request, received within limits, and handed on once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["ClientGone", "Receive", "TooLarge", "TooSlow", "content", "replay"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class TooLarge(Exception):
    """There is more content than the limit allows."""


class TooSlow(Exception):
    """The content did not arrive in time."""


async def content(receive: Receive, limit: int, seconds: float, early: int, check: Callable[[], None]) -> bytes:
    """The whole content, of `limit` bytes at most, within `seconds`. Before more than `early` bytes are kept, `check` is
    called, which raises if the head alone shows that the request will be refused."""
    gathered = _gather(receive, limit, early, check)
    try:
        if sys.version_info >= (3, 11):
            async with asyncio.timeout(seconds):
                return await gathered
        return await asyncio.wait_for(gathered, seconds)
    except (TimeoutError, asyncio.TimeoutError):
        raise TooSlow from None


async def _gather(receive: Receive, limit: int, early: int, check: Callable[[], None]) -> bytes:
    parts: list[bytes] = []
    size, checked = 0, False
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge
        if size > early and not checked:
            check()
            checked = True
        if part:
            parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Gives the application this content as one message, and then what the server says: that the client went away."""
    handed = False

    async def hand() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hand
