"""Middleware that verifies requests before a view sees them, and signs responses.

    MIDDLEWARE = ["apiseal.django.SealMiddleware", …]      # first, so that it sees what is really sent

    def order(request):
        proof = sealed(request)               # raises if the request was not verified
        assert may_order(proof.verified.principal)
        document = json.loads(proof.document)  # decrypted, or exactly as it was received

A request that is refused gets a plain answer without a reason: 401; 413 for more content than `MAX_BODY`; 415 for content that
is to be decrypted and is not JSON; 503 if the replay store is full or cannot answer. The reason goes to the logger `apiseal`.
The settings are in `apiseal.django.conf`.

`request.body` stays what was received. The headers and the query are verified as far as the profile covers them:
`verified.component` gives what was covered, `request.headers` gives everything.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, UnreadablePostError

import apiseal
from apiseal import _faults
from apiseal.django import conf

__all__ = ["SealMiddleware", "Sealed", "SealedRequest", "sealed"]

_logger = logging.getLogger("apiseal")

_WITHHELD = ("Content-Type", "Content-Encoding", "Content-Digest", "ETag")
"""Headers that go with content."""

_UNQUOTED = "/:@!$&'()*+,;=~"
"""What stands in a path as it is (RFC 3986), beside letters, digits, `-`, `.` and `_`."""

_ASKED_FOR = frozenset({600, 603, 612})
"""What the peer can mend: no signature, a component that is not covered, no digest."""


@dataclasses.dataclass(frozen=True)
class Sealed:
    """What was proved about a request."""

    verified: apiseal.Verified
    document: bytes
    """The content: decrypted where `REQUESTS` says so, otherwise as received."""
    accepted_plain: tuple[str, ...] = ()
    """Paths of values that were clear and that the policy's `migrate` let through."""

    def __repr__(self) -> str:
        return f"<sealed request of {self.verified.principal or self.verified.key_id}>"


class SealedRequest(HttpRequest):
    """For annotations of views: a request that was verified."""

    apiseal: Sealed


def sealed(request: HttpRequest) -> Sealed:
    """What was proved about this request. Raises `LookupError` if the middleware did not verify it."""
    found: Sealed | None = request.__dict__.get("apiseal")
    if found is None:
        raise LookupError("the request was not verified: its path is exempt, or the middleware is not installed")
    return found


class _Refused(Exception):
    def __init__(self, status: int, reason: str, *, asks: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.asks = asks


@dataclasses.dataclass(frozen=True)
class _Message:
    """A request as it was received."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def parts(self) -> tuple[str, str, list[tuple[bytes, bytes]], bytes]:
        return self.method, self.target, self.headers, self.body


class SealMiddleware:
    """For WSGI with a `Verifier`, for ASGI with an `AsyncVerifier` (a `Verifier` works too, in a thread)."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        verifier = conf.member("VERIFIER", apiseal.Verifier, apiseal.AsyncVerifier)
        if verifier is None:
            raise ImproperlyConfigured("the middleware needs APISEAL['VERIFIER']")
        if not self.is_async and isinstance(verifier, apiseal.AsyncVerifier):
            raise ImproperlyConfigured(
                "an AsyncVerifier needs ASGI, and middleware around this one that is asynchronous"
            )
        self.verifier: Any = verifier
        self.signer: Any = conf.member("SIGNER", apiseal.Signer)
        requests, responses = _ciphers("REQUESTS"), _ciphers("RESPONSES")
        kind: Any = apiseal.AsyncAcceptor if isinstance(verifier, apiseal.AsyncVerifier) else apiseal.Acceptor
        self.acceptors = {path: kind(cipher, verifier) for path, cipher in requests.items()}
        if responses and self.signer is None:
            raise ImproperlyConfigured("APISEAL['RESPONSES'] needs a SIGNER: what is encrypted is signed")
        self.protectors = {path: apiseal.Protector(cipher, self.signer) for path, cipher in responses.items()}
        self.sealed_paths = dict.fromkeys([*requests, *responses], True)
        self.errors: str = conf.value("ERRORS", "withhold")
        if self.errors not in ("withhold", "clear"):
            raise ImproperlyConfigured("APISEAL['ERRORS'] is 'withhold' or 'clear'")
        self.context = conf.value("MESSAGE_CONTEXT")
        if (requests or responses) and not callable(self.context):
            raise ImproperlyConfigured(
                "REQUESTS and RESPONSES need APISEAL['MESSAGE_CONTEXT'], a function of the proof"
            )
        self.scheme: str = conf.value("SCHEME") or "https"
        self.max_body: int = conf.value("MAX_BODY", 1 << 20)
        self.mount: str = (conf.value("MOUNT") or settings.FORCE_SCRIPT_NAME or "").rstrip("/")
        exempt: Any = conf.value("EXEMPT", ())
        if isinstance(exempt, str) or not isinstance(exempt, Iterable):
            raise ImproperlyConfigured("APISEAL['EXEMPT'] is a tuple of paths")
        self.exempt = frozenset(exempt)

    def __call__(self, request: HttpRequest) -> Any:
        """Answers one request."""
        if self.is_async:
            return self._call_async(request)
        if request.path_info in self.exempt:
            return self.get_response(request)
        try:
            message, acceptor = self._received(request)
            proof = self._proof(acceptor, message)
        except _Refused as refused:
            return self._answer(request, refused)
        request.apiseal = proof  # type: ignore[attr-defined]
        return self._signed(request, proof.verified, self.get_response(request))

    async def _call_async(self, request: HttpRequest) -> Any:
        if request.path_info in self.exempt:
            return await self.get_response(request)
        try:
            message, acceptor = self._received(request)
            if isinstance(self.verifier, apiseal.AsyncVerifier):
                proof = await self._proof_async(acceptor, message)
            else:
                # Its store may block.
                proof = await sync_to_async(self._proof_in_thread, thread_sensitive=False)(acceptor, message)
        except _Refused as refused:
            return self._answer(request, refused)
        request.apiseal = proof  # type: ignore[attr-defined]
        response = await self.get_response(request)
        # The context may ask the database, and a signer somebody outside.
        return await sync_to_async(self._signed)(request, proof.verified, response)

    def _received(self, request: HttpRequest) -> tuple[_Message, Any]:
        """The request, and what decrypts it."""
        headers = _headers(request)
        names = {name for name, _ in headers}
        self._check_wsgi(request, names)
        if not {b"signature", b"signature-input"} <= names:
            raise _Refused(401, "it is not signed", asks=True)
        body = self._body(request)
        acceptor = _of_path(self.acceptors, request.path_info) if body else None
        if acceptor is not None and not _is_json(request.content_type, b"content-encoding" in names):
            raise _Refused(415, "the content is to be decrypted, and is not JSON")
        return _Message(request.method or "", _target(request), headers, body), acceptor

    def _check_wsgi(self, request: HttpRequest, names: set[bytes]) -> None:
        """What a WSGI server may have made of headers that no signature covers."""
        if getattr(request, "scope", None) is not None:
            return
        mounted = request.META.get("SCRIPT_NAME", "").rstrip("/")
        if mounted != self.mount:
            # gunicorn takes it from a header of the peer, and Django chooses the view by what is left of the path.
            raise _Refused(
                401, f"the server mounts the application at {mounted[:200]!r}, APISEAL['MOUNT'] at {self.mount!r}"
            )
        if b"transfer-encoding" in names:
            raise _Refused(400, "Django does not read content in chunks from a WSGI server")

    def _body(self, request: HttpRequest) -> bytes:
        too_large = _Refused(413, f"more than {self.max_body} bytes of content")
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Of other scripts, and superscript, there are digits that make no number.
        if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > self.max_body:
            raise too_large
        try:
            body = request.body
        except RequestDataTooBig:
            raise too_large from None
        except UnreadablePostError as error:
            raise _Refused(400, "the content did not arrive") from error
        if len(body) > self.max_body:
            raise too_large
        return body

    def _proof(self, acceptor: Any, message: _Message) -> Sealed:
        try:
            if acceptor is None:
                return _proved(self.verifier.verify(*message.parts, scheme=self.scheme), message.body)
            return _accepted(acceptor.accept(*message.parts, scheme=self.scheme, context=self.context))
        except apiseal.ApisealError as error:
            raise _refusal(error) from error

    def _proof_in_thread(self, acceptor: Any, message: _Message) -> Sealed:
        try:
            return self._proof(acceptor, message)
        finally:
            # No request ends in this thread, so that nobody else does it.
            close_old_connections()

    async def _proof_async(self, acceptor: Any, message: _Message) -> Sealed:
        try:
            if acceptor is None:
                return _proved(await self.verifier.verify(*message.parts, scheme=self.scheme), message.body)
            return _accepted(await acceptor.accept(*message.parts, scheme=self.scheme, context=self.context))
        except apiseal.ApisealError as error:
            raise _refusal(error) from error

    def _signed(self, request: HttpRequest, verified: apiseal.Verified, response: Any) -> Any:
        """The response with its signature, encrypted where the settings say so. Whatever fails is a 500, never a clear answer."""
        if response.status_code >= 400 and self.errors == "withhold" and _of_path(self.sealed_paths, request.path_info):
            _withhold(response)
        if self.signer is None:
            return response
        protector = _of_path(self.protectors, request.path_info)
        try:
            if getattr(response, "streaming", False):
                raise TypeError("a streaming response cannot be signed")
            headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
            headers += [
                (b"Set-Cookie", cookie.OutputString().encode("latin-1")) for cookie in response.cookies.values()
            ]
            if (
                protector is not None
                and 200 <= response.status_code < 400
                and response.content
                and request.method != "HEAD"
            ):
                if not _is_json(response.get("Content-Type", ""), response.has_header("Content-Encoding")):
                    raise TypeError("the response is to be encrypted, and is not JSON")
                context = self.context(verified.proofs[0])
                headers = [line for line in headers if line[0].lower() != b"content-length"]
                done: Any = protector.protect_response(
                    response.status_code, headers, response.content, request=verified, context=context
                )
                response.content = done.body
                if response.has_header("Content-Length"):
                    response["Content-Length"] = str(len(done.body))
            else:
                # What such responses have as content does not travel.
                is_bare = request.method == "HEAD" or response.status_code in (204, 304)
                body = b"" if is_bare else response.content
                done = self.signer.sign_response(response.status_code, headers, body, request=verified)
        except Exception:
            _logger.exception("the response to %r cannot be sealed", request.path_info[:200])
            _close(response)
            return HttpResponse("internal server error", status=500, content_type="text/plain; charset=utf-8")
        for name, value in done.headers:
            response[name] = value
        return response

    def _answer(self, request: HttpRequest, refused: _Refused) -> HttpResponse:
        level = logging.ERROR if refused.status >= 500 else logging.WARNING
        _logger.log(level, "%d for %s %r: %s", refused.status, request.method, request.path_info[:200], refused)
        phrases = {
            400: "bad request",
            401: "unauthorized",
            413: "content too large",
            415: "unsupported media type",
            503: "service unavailable",
        }
        response = HttpResponse(
            phrases.get(refused.status, "internal server error"),
            status=refused.status,
            content_type="text/plain; charset=utf-8",
        )
        if refused.status == 401:
            response["WWW-Authenticate"] = "Signature"
            if refused.asks:
                verifier = self.verifier.verifier if isinstance(self.verifier, apiseal.AsyncVerifier) else self.verifier
                response["Accept-Signature"] = verifier.accept_signature()
        elif refused.status == 503:
            response["Retry-After"] = "1"
        return response


def _close(response: Any) -> None:
    """Frees what a response holds that nobody gets. Its own `close` would tell that the request is over."""
    for closer in getattr(response, "_resource_closers", ()):
        try:
            closer()
        except Exception:
            _logger.exception("what a response held cannot be closed")


def _withhold(response: Any) -> None:
    """Takes the content out of an answer. Frameworks repeat in their errors what they were sent, which here is what was decrypted."""
    if getattr(response, "streaming", False):
        response.streaming_content = ()
    else:
        response.content = b""
    for name in _WITHHELD:
        del response[name]
    if response.has_header("Content-Length"):
        response["Content-Length"] = "0"


def _ciphers(name: str) -> dict[str, apiseal.FieldCipher]:
    stated: Any = conf.value(name, {})
    if not isinstance(stated, dict) or not all(isinstance(path, str) and path.startswith("/") for path in stated):
        raise ImproperlyConfigured(f"APISEAL['{name}'] is a dict from path to FieldCipher")
    return {
        path: conf.made(f"APISEAL['{name}']['{path}']", found, apiseal.FieldCipher) for path, found in stated.items()
    }


def _of_path(of: dict[str, Any], path: str) -> Any:
    """What is stated for the longest path that is this one, or above it."""
    best = [own for own in of if path == own or path.startswith(own.rstrip("/") + "/")]
    return of[max(best, key=len)] if best else None


def _proved(verified: apiseal.Verified, body: bytes) -> Sealed:
    if body and not verified.is_body_proved:
        raise _faults.unproved()
    return Sealed(verified, body)


def _accepted(done: apiseal.Accepted) -> Sealed:
    return Sealed(done.verified, done.document, tuple(done.accepted_plain))


def _refusal(error: apiseal.ApisealError) -> _Refused:
    return _Refused(error.http_status, str(error), asks=error.code in _ASKED_FOR)


def _is_json(content_type: str | None, is_coded: bool) -> bool:
    kind = (content_type or "").partition(";")[0].strip().lower()
    return (kind == "application/json" or kind.endswith("+json")) and not is_coded


def _headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Header lines, as ASGI gives them; from WSGI, one line for each name, as the server joined them."""
    scope: Any = getattr(request, "scope", None)
    if scope is not None:
        lines = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]
    else:
        lines = [(name, value) for item in request.META.items() for name, value in _of_wsgi(*item)]
        is_empty = request.META.get("CONTENT_LENGTH") in (None, "", "0")
        if is_empty and '"content-type"' not in request.META.get("HTTP_SIGNATURE_INPUT", ""):
            # wsgiref makes it up where there is none.
            lines = [line for line in lines if line != (b"content-type", b"text/plain")]
    # Django's test clients send an empty one; it means what none means.
    return [line for line in lines if line != (b"cookie", b"")]


def _of_wsgi(name: str, value: Any) -> Iterator[tuple[bytes, bytes]]:
    if name.startswith("HTTP_"):
        yield name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")
    elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
        yield name.replace("_", "-").lower().encode(), str(value).encode("latin-1")


def _target(request: HttpRequest) -> str:
    """The request target as it stood on the wire, where the server tells it.

    Where it does not, the decoded path is encoded again, the usual way. A path that was encoded in another way is then
    refused, and what is accepted is the path that the view is chosen by.
    """
    scope: Any = getattr(request, "scope", None)
    if scope is not None:
        raw: bytes | None = scope.get("raw_path")
        path = raw.partition(b"?")[0].decode("latin-1") if raw is not None else quote(scope["path"], _UNQUOTED)
        query = scope["query_string"]
        found = query.decode("latin-1") if isinstance(query, bytes) else query
    else:
        for name in ("RAW_URI", "REQUEST_URI"):
            if (raw_uri := request.META.get(name)) and raw_uri.startswith("/"):
                return str(raw_uri)
        path = quote(request.META.get("SCRIPT_NAME", "") + request.META.get("PATH_INFO", ""), _UNQUOTED)
        found = request.META.get("QUERY_STRING", "")
    return path + ("?" + found if found else "")
