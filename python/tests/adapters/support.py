"""Keys, ciphers and a service on a socket, for the tests of the adapters."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import apiseal
import uvicorn
from apiseal import Key, Keyring
from apiseal.asgi import SealedRoute

CONTEXT = {"purpose": "orders", "partner": "ACME"}


def context_of(proof: apiseal.Proof) -> dict[str, str]:
    return {"purpose": "orders", "partner": str(proof.principal)}


def signing_ring(*principals: str) -> Keyring:
    """A root, and keys of both directions for each principal."""
    root = Key.generate("signing", purpose="sig")
    keys = [root]
    for name in principals or ("ACME",):
        for direction in ("req", "res"):
            kid = f"{name.lower()}-{direction}"
            key = Key.derived(kid, root, {"partner": name, "dir": direction})
            keys.append(key.replace(principal=name, direction=direction, profiles=["apiseal-v1", "moved.v1"]))
    return Keyring(keys)


MOVED = apiseal.Profile({"apiseal_profile": 1, "id": "moved.v1", "extends": "apiseal-v1", "if_present": ["location"]})
"""What a service needs whose redirects are followed."""

LAX = apiseal.Profile(
    {
        "apiseal_profile": 1,
        "id": "lax.v1",
        "extends": "rfc9421",
        "require": ["@method", "@path"],
        "require_response": ["@status"],
    }
)
"""A profile whose author forgot the digest of the content."""


def lax_ring() -> Keyring:
    """Keys of both directions for it."""
    more: dict[str, Any] = {"principal": "ACME", "profiles": ["lax.v1"]}
    request = Key.raw("lax-req", "hmac-sha256", b"\1" * 32).replace(direction="req", **more)
    return Keyring([request, Key.raw("lax-res", "hmac-sha256", b"\2" * 32).replace(direction="res", **more)])


RING = signing_ring()
FIELDS = Keyring([Key.generate("fields")], primary=["fields"])
POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"], "types": ["string"]}]}
CIPHER = apiseal.FieldCipher(FIELDS, POLICY)
SIGNER = apiseal.Signer(RING)


def store(capacity: int = 100_000, quota: int | None = None) -> apiseal.MemoryReplay:
    """As if it had begun long ago: else it refuses what was signed before it."""
    return apiseal.MemoryReplay(capacity, quota=capacity if quota is None else quota, clock=lambda: 0)


def verifier(**options: Any) -> apiseal.Verifier:
    return apiseal.Verifier(RING, **{"replay": store()} | options)


CLIENT_VERIFIER = apiseal.Verifier(RING, replay=apiseal.NoReplayCheck())

CLIENT_SEALED = [
    SealedRoute("/orders", CIPHER, CIPHER, context=CONTEXT),
    SealedRoute("/moved", CIPHER, context=CONTEXT, methods=["POST"]),
]
SERVER_SEALED = [
    SealedRoute("/orders", CIPHER, CIPHER, context=context_of),
    SealedRoute("/moved", CIPHER, context=context_of, methods=["POST"]),
]
ORDER = {"id": 7, "card": "4111111111111111"}


@contextlib.contextmanager
def serving(app: Any, **config: Any) -> Iterator[str]:
    """Serves on a free port of the loopback; gives the base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    settings = {"log_level": "critical", "lifespan": "auto", "timeout_graceful_shutdown": 2} | config
    server = uvicorn.Server(uvicorn.Config(app, **settings))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert server.started
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


Lines = list[tuple[str, str]]


def signed(
    base: str, method: str, target: str, body: bytes = b"", *lines: tuple[str, str], signer: apiseal.Signer = SIGNER
) -> tuple[Lines, apiseal.Signed]:
    """All header lines of a signed request, and what its answer is checked by."""
    own = [("Host", base.removeprefix("http://")), *lines]
    made = signer.sign(method, target, own, body, scheme="http")
    return own + made.headers, made


class Answered:
    """An answer as it was on the wire."""

    def __init__(self, got: http.client.HTTPResponse) -> None:
        self.status = got.status
        self.body = got.read()
        self.lines = [(name.lower(), value) for name, value in got.getheaders()]
        self.headers = dict(self.lines)
        self.will_close = got.will_close


def ask(base: str, method: str, target: str, lines: Lines, body: bytes = b"", *, chunks: int = 0) -> Answered:
    """Sends exactly this. With `chunks`, in chunks of that size."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=20)
    try:
        return ask_over(connection, method, target, lines, body, chunks=chunks)
    finally:
        connection.close()


def ask_over(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    lines: Lines,
    body: bytes = b"",
    *,
    chunks: int = 0,
) -> Answered:
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in lines:
        connection.putheader(name, value)
    if chunks:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for at in range(0, len(body), chunks):
            part = body[at : at + chunks]
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
    else:
        if body or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
    return Answered(connection.getresponse())
