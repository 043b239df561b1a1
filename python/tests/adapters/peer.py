"""A server of a few lines that answers as told, rightly or wrongly, and remembers what it got."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import apiseal
from support import RING, SIGNER

Reply = tuple[int, list[tuple[str, str]], bytes]


class Peer:
    """Where it is, and the requests that it got: method, target, headers, content."""

    def __init__(self, answer: Callable[[Any], Reply]) -> None:
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_all(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                peer.got.append((self.command, self.path, {n.lower(): v for n, v in self.headers.items()}, body))
                status, lines, content = answer(self)
                self.send_response(status)
                for name, value in [*lines, ("Content-Length", str(len(content)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = handle_all

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextlib.contextmanager
def peer_of(answer: Callable[[Any], Reply]) -> Iterator[Peer]:
    peer = Peer(answer)
    thread = threading.Thread(target=peer.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield peer
    finally:
        peer.server.shutdown()
        thread.join()
        peer.server.server_close()


def sign_answer(handler: Any, body: bytes = b"{}", *lines: tuple[str, str], status: int = 200) -> list[tuple[str, str]]:
    """The answer to a request without content, signed as a service does it."""
    checks = apiseal.Verifier(RING, replay=apiseal.NoReplayCheck())
    proof = checks.verify(handler.command, handler.path, handler.headers.items(), scheme="http")
    own = [("Content-Type", "application/json"), *lines]
    return own + SIGNER.sign_response(status, own, body, request=proof).headers


@contextlib.contextmanager
def saying(text: bytes, *, stalls: bool = False) -> Iterator[str]:
    """Where whoever connects is told this, before the connection ends, or stays open and silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    over, silent = threading.Event(), contextlib.ExitStack()

    def serve() -> None:
        while not over.is_set():
            connection = listener.accept()[0]
            with contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(text)
            if stalls:
                silent.enter_context(connection)
            else:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        # Wakes whoever waits for a connection.
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        silent.close()
        listener.close()
