"""Drives a middleware without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import apiseal
from support import SIGNER

HOST = ("host", "api.example")
BODY = b'{"id": 7, "card": "4111111111111111"}'


def scope(
    method: str = "GET", target: str = "/x", lines: list[tuple[str, str]] | None = None, **more: Any
) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in lines or []],
    } | more


def signed(
    method: str, target: str, body: bytes = b"", *lines: tuple[str, str]
) -> tuple[list[tuple[str, str]], apiseal.Signed]:
    own = [HOST, *lines]
    made = SIGNER.sign(method, target, own, body)
    return own + made.headers, made


class App:
    """Remembers what it was given, and answers as told."""

    def __init__(self, status: int = 200, body: bytes = b"{}", *lines: tuple[bytes, bytes]) -> None:
        self.status = status
        self.body = body
        self.lines = list(lines) or [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        self.scopes: list[Any] = []
        self.received: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] != "http":
            return
        self.received.append(await receive())
        await send({"type": "http.response.start", "status": self.status, "headers": self.lines})
        await send({"type": "http.response.body", "body": self.body})


def run(app: Any, scope: dict[str, Any], *parts: bytes, then: Callable[[], Any] | None = None) -> list[Any]:
    """What the middleware sends for a request of these parts."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts[:-1]]
    messages.append({"type": "http.request", "body": parts[-1] if parts else b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        return {"type": "http.disconnect"} if then is None else then()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def post(service: Any, target: str, body: bytes, *lines: tuple[str, str]) -> list[Any]:
    headers, _ = signed("POST", target, body, *lines)
    return run(service, scope("POST", target, headers), body)
