"""ASGI middleware: verified requests in, signed answers out. For FastAPI, Starlette and every other ASGI 3 framework.

    from apiseal.asgi import SealedRoute, VerifyMiddleware, verified

    app = FastAPI()
    service = VerifyMiddleware(app, verifier, signer=signer, exempt=["/health"])    # uvicorn module:service

    @app.post("/orders")
    async def order(proof: Annotated[Verified, Depends(verified)]) -> dict[str, str]:
        assert may_order(proof.principal)      # a valid signature by the wrong partner is still valid

What the application receives as content is exactly what was verified, or what it decrypts to. What is refused gets a plain
answer without a reason; the reason goes to the logger `apiseal`. The middleware runs on asyncio.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Literal, TypeVar

from apiseal import _faults, aio
from apiseal._core import Accepted, Acceptor, Protector, Signer, Verified, Verifier
from apiseal._web.answer import Answer, Send, Signing
from apiseal._web.receive import ClientGone, Receive, TooLarge, TooSlow, content, replay
from apiseal._web.request import Refused, Request, Scope, route_path, target_of
from apiseal._web.routes import SealedRoute, find
from apiseal._web.state import ACCEPTED, VERIFIED, AcceptedOf, VerifiedOf
from apiseal.errors import ApisealError

__all__ = ["SealedRoute", "VerifyMiddleware", "accepted", "verified"]

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("apiseal")

_PHRASES = {
    401: b"unauthorized",
    408: b"request timeout",
    413: b"content too large",
    415: b"unsupported media type",
    500: b"internal server error",
    503: b"service unavailable",
}

# Headers that are handed on though nobody covered them: the framing of the content, and what named the server.
_UNCOVERED = frozenset({b"content-length", b"host"})


class VerifyMiddleware:
    """Verifies requests before the application sees them, and signs its answers.

    `verifier` is a `Verifier` or an `AsyncVerifier`; its `origins` say how clients know this service, and `scheme` is the
    scheme that they use. `X-Forwarded-*` is never looked at.

    `signer` signs each answer to a verified request: a `Signer`, or what gives the one for a `Verified`, where each partner
    has a key of its own for answers. The answer is kept until it is whole, up to `max_answer` bytes; a longer
    one is an error. Answers of the paths in `unsigned` go out as they come, unsigned: for streams.

    `sealed` names the routes whose content carries encrypted fields. On them a request with content is decrypted, and of
    another media type than JSON refused with 415.

    `exempt` are exact paths that anybody may call, as for health checks. Nothing of such a request is verified or limited.

    `max_body` bytes of content are received at most (else 413), within `body_timeout` seconds (else 408). Before more than
    64 KiB are kept, the signature of the head must hold.

    `websockets`: `refuse`, or `pass` to hand them to the application, which then verifies nothing of them.

    `drop_uncovered` takes the headers that the signature does not cover, or not as a whole, out of the request, but for
    `host` and `content-length`.

    `explain` writes to the log what would make a refused message verify. The log then holds parts of the message, and each
    refusal costs more: for finding faults.

    `offload`: content of so many bytes or more is verified, decrypted, encrypted and signed in a thread, so that others do not wait. Give
    0 if `claim` of a store that is not asynchronous blocks, or an external signer.
    """

    def __init__(
        self,
        app: App,
        verifier: Verifier | aio.AsyncVerifier,
        *,
        signer: Signer | Callable[[Verified], Signer] | None = None,
        sealed: Iterable[SealedRoute] = (),
        exempt: Collection[str] = (),
        unsigned: Collection[str] = (),
        scheme: str = "https",
        max_body: int = 8 << 20,
        max_answer: int = 8 << 20,
        body_timeout: float = 30.0,
        websockets: Literal["refuse", "pass"] = "refuse",
        drop_uncovered: bool = False,
        explain: bool = False,
        offload: int = 64 << 10,
    ) -> None:
        if isinstance(exempt, str) or isinstance(unsigned, str):
            raise TypeError('exempt and unsigned are collections of paths, as ["/health"]')
        if websockets not in ("refuse", "pass"):
            raise ValueError("websockets is 'refuse' or 'pass'")
        self.app = app
        # FastAPI puts its own into the scope, and routes by it, after this middleware has looked.
        own_root = getattr(app, "root_path", None)
        self.root = own_root if isinstance(own_root, str) else ""
        self.scheme = scheme
        self.sealed = tuple(sealed)
        self.exempt, self.unsigned = frozenset(exempt), frozenset(unsigned)
        self.max_body, self.body_timeout = max_body, body_timeout
        self.websockets = websockets
        self.drop_uncovered = drop_uncovered
        self.explain = explain
        self.offload = offload
        self.replay = verifier.replay if isinstance(verifier, aio.AsyncVerifier) else None
        self.verifier = verifier.verifier if isinstance(verifier, aio.AsyncVerifier) else verifier
        self.asks = self.verifier.accept_signature().encode()
        # By identity: a route is stated once and never changes.
        self.acceptors = {id(r): Acceptor(r.request, self.verifier) for r in self.sealed if r.request is not None}
        for route in self.sealed:
            if route.response is not None and signer is None:
                raise ValueError(f"answers of {route.path!r} are to be encrypted: give the `signer` that signs them")
            if route.response is not None and isinstance(signer, Signer):
                Protector(route.response, signer)  # refuses a profile under which nothing can be encrypted
        self.signing = Signing(signer, max_answer, offload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection of the server."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan" or (kind == "websocket" and self.websockets == "pass"):
            await self.app(scope, receive, send)
        elif kind == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            raise RuntimeError(f"nothing is known of scopes of the type {kind!r}, and none is handed on unverified")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("state") is None:
            scope["state"] = {}
        state = scope["state"]
        for name in (VERIFIED, ACCEPTED):
            state.pop(name, None)
        target = target_of(scope)
        path = route_path({**scope, "root_path": self.root} if self.root else scope)
        if path in self.exempt and target.partition("?")[0] in (scope.get("root_path", "") + path, scope["path"]):
            await self.app(scope, receive, send)
            return
        route = find(self.sealed, scope["method"], path)
        request = Request(scope, target, self.scheme)
        try:
            if not target.startswith("/"):
                raise Refused(401, "the request target is not a path", is_read=False)
            body = await self._content(request, receive, route)
            verdict, document = await self._verdict(request, body, route)
        except ClientGone:
            return
        except Refused as refused:
            await self._refuse(request, refused, send)
            return
        inner = dict(scope)
        if isinstance(document, Accepted):
            state[ACCEPTED] = document
            body = document.document
        state[VERIFIED] = verdict
        inner["headers"] = self._headers(scope["headers"], verdict, len(body))
        if (self.signing.signer is None and route is None) or (route is None and path in self.unsigned):
            await self.app(inner, replay(body, receive), send)
            return
        # Ways to send that would go past the signature.
        extensions = inner.get("extensions") or {}
        inner["extensions"] = {name: own for name, own in extensions.items() if not name.startswith("http.response.")}
        answer = Answer(send, verdict, scope["method"], route, self.signing)
        await self.app(inner, replay(body, receive), answer)

    async def _content(self, request: Request, receive: Receive, route: SealedRoute | None) -> bytes:
        """The content as received, unless the head shows already that the request is refused."""
        if not (request.has(b"signature") and request.has(b"signature-input")):
            raise Refused(401, "it is not signed", is_read=False, asks=True)
        stated = request.values(b"content-length")
        length = int(stated[0]) if len(stated) == 1 and stated[0].isdigit() and len(stated[0]) < 19 else 0
        if length > self.max_body:
            raise Refused(413, f"content of {length} bytes, more than max_body", is_read=False)
        may_have_content = length > 0 or request.has(b"transfer-encoding")
        is_sealed = route is not None and route.request is not None
        if is_sealed and may_have_content and not request.is_plain_json():
            raise Refused(415, "the content of a sealed route is application/json without coding", is_read=False)

        def check_head() -> None:
            self.verifier.spool(*request.head, sink=_Nowhere(), scheme=self.scheme)

        try:
            return await content(receive, self.max_body, self.body_timeout, 64 << 10, check_head)
        except TooLarge:
            raise Refused(413, "more content than max_body", is_read=False) from None
        except TooSlow:
            raise Refused(408, "the content did not arrive within body_timeout", is_read=False) from None
        except ApisealError as error:
            raise Refused.of(error, is_read=False) from error

    async def _verdict(
        self, request: Request, body: bytes, route: SealedRoute | None
    ) -> tuple[Verified, Accepted | None]:
        """What was proved, and what was decrypted."""
        acceptor = self.acceptors.get(id(route)) if body else None
        is_large = len(body) >= self.offload
        try:
            if acceptor is None:
                proof = await self._verified(request, body, is_large)
                if body and not proof.is_body_proved:
                    raise _faults.unproved()
                return proof, None
            assert route is not None
            accepted = await self._accepted(request, body, acceptor, route, is_large)
            return accepted.verified, accepted
        except ApisealError as error:
            if self.explain and error.http_status == 401:
                await asyncio.to_thread(self._explain, request, body)
            raise Refused.of(error, is_read=True) from error

    async def _verified(self, request: Request, body: bytes, is_large: bool) -> Verified:
        if self.replay is None:
            return await _run(is_large, lambda: self.verifier.verify(*request.head, body, scheme=self.scheme))
        pending = await _run(is_large, lambda: self.verifier.verify_pending(*request.head, body, scheme=self.scheme))
        answers = await aio._answers(pending, self.replay)
        return await _run(is_large, lambda: pending.finish(answers))

    async def _accepted(
        self, request: Request, body: bytes, acceptor: Acceptor, route: SealedRoute, is_large: bool
    ) -> Accepted:
        source = route.context
        make: Callable[[Any], Any] = source if callable(source) else lambda _proof: source
        if self.replay is None:
            return await _run(is_large, lambda: acceptor.accept(*request.head, body, context=make, scheme=self.scheme))
        pending = await _run(is_large, lambda: acceptor.accept_pending(*request.head, body, scheme=self.scheme))
        answers = await aio._answers(pending, self.replay)
        return await _run(is_large, lambda: pending.finish(answers, context=make))

    def _headers(self, lines: Iterable[tuple[bytes, bytes]], verdict: Verified, size: int) -> list[tuple[bytes, bytes]]:
        """The header lines that the application sees. Only those of the framing change."""
        lines = list(lines)
        framed = any(name in (b"content-length", b"transfer-encoding") for name, _ in lines)
        lines = [line for line in lines if line[0] not in (b"content-length", b"transfer-encoding", b"trailer")]
        if framed or size:
            lines.append((b"content-length", b"%d" % size))
        if self.drop_uncovered:
            covered = {_covered_line(id) for id, _ in verdict.components}
            lines = [line for line in lines if line[0] in covered or line[0] in _UNCOVERED]
        return lines

    def _explain(self, request: Request, body: bytes) -> None:
        try:
            told = self.verifier.explain(*request.head, body, scheme=self.scheme)
        except ApisealError as error:
            _log.warning("%s: no explanation: %s", request, error)
        else:
            _log.warning("%s: %s", request, told.text)

    async def _refuse(self, request: Request, refused: Refused, send: Send) -> None:
        level = logging.ERROR if refused.status >= 500 else logging.WARNING
        extra = {"apiseal_status": refused.status, "apiseal_code": refused.code, "apiseal_key_id": refused.key_id}
        _log.log(level, "%d for %s: %s", refused.status, request, refused.reason, extra=extra)
        phrase = _PHRASES[refused.status]
        lines = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(phrase))]
        if refused.status == 401:
            lines.append((b"www-authenticate", b"Signature"))
            if refused.asks:
                lines.append((b"accept-signature", self.asks))
        elif refused.status == 503:
            lines.append((b"retry-after", b"1"))
        if not refused.is_read and str(request.scope.get("http_version", "1.1")).startswith("1"):
            # What was not read must not be taken for the next request.
            lines.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": refused.status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if request.scope["method"] == "HEAD" else phrase})


def _covered_line(component: str) -> bytes | None:
    """The name of the header that a component covers; None where it covers one member of a dictionary (`;key=`)."""
    name, _, parameters = component[1:].partition('"')
    return None if ";key=" in parameters else name.encode()


class _Nowhere:
    """For content of which only the head is looked at."""

    def write(self, piece: bytes) -> None:
        pass


_Result = TypeVar("_Result")


async def _run(in_thread: bool, work: Callable[[], _Result]) -> _Result:
    return await asyncio.to_thread(work) if in_thread else work()


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    # Closing before accepting is a 403.
    if (await receive())["type"] == "websocket.connect":
        _log.warning("websocket refused: nothing of it can be verified")
        await send({"type": "websocket.close", "code": 1008})


# What handlers ask for.


verified = VerifiedOf(VERIFIED, "this request was not verified: its path is exempt, or VerifyMiddleware is not there")
"""What was proved of a request: `verified(request)`, or `Annotated[Verified, Depends(verified)]` in FastAPI. It raises
LookupError where nothing was verified."""

accepted = AcceptedOf(ACCEPTED, "nothing was decrypted of this request: no sealed route with `request` fits its path")
"""As `verified`, for requests whose content was decrypted. A handler that must never see clear content that was not sealed
asks for it."""
