"""One request of a client and its answer: what goes out, and whether what comes back belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from apiseal import _faults
from apiseal._core import Acceptor, Protected, Protector, Signed, Signer, Verified, Verifier
from apiseal._web.routes import SealedRoute, find
from apiseal.errors import ApisealError, DocumentError, NotCoveredError, SignatureError, SignatureMissingError

__all__ = ["Checked", "Exchanges", "Head", "Outgoing", "astray", "stale", "too_long"]

Lines = list[tuple[bytes, bytes]]

# What a service or a proxy before it answers when it has not verified the request, and so cannot sign.
_UNSIGNED = frozenset({400, 401, 408, 413, 414, 415, 421, 429, 431, 500, 502, 503, 504})


@dataclass(frozen=True)
class Head:
    """A request but for its content, as it will be sent."""

    method: str
    target: str
    lines: Lines
    scheme: str
    authority: str | None
    """If no line is the Host header."""

    @property
    def may_be_done_twice(self) -> bool:
        """Idempotent by its method (RFC 9110, section 9.2.2), or by a key that the signature covers."""
        has_key = any(name.lower() == b"idempotency-key" for name, _ in self.lines)
        return has_key or self.method.upper() in ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE")


@dataclass(frozen=True)
class Outgoing:
    """What is sent, and what the answer is checked by."""

    added: list[tuple[str, str]]
    """Header lines that belong to it."""
    body: bytes
    proof: Signed | Protected
    route: SealedRoute | None
    method: str
    covered: bytes
    """What was signed, but for time and nonce."""


@dataclass(frozen=True)
class Checked:
    """An answer. Without `verified` nothing of it is proved."""

    body: bytes
    verified: Verified | None
    is_opened: bool
    """Whether `body` is what was decrypted, and not what was received."""


class Exchanges:
    """Immutable and shared between threads, as everything it holds."""

    def __init__(
        self,
        signer: Signer,
        verifier: Verifier | None,
        sealed: Iterable[SealedRoute],
        required: bool,
    ) -> None:
        self.signer = signer
        self.verifier = verifier
        self.sealed = tuple(sealed)
        self.required = required
        self.protectors = {}
        self.acceptors = {}
        for route in self.sealed:
            if callable(route.context):
                raise TypeError(f"a client states its own context: give a mapping for {route.path!r}, not a callable")
            if route.request is not None:
                self.protectors[id(route)] = Protector(route.request, signer)
            if route.response is not None:
                if verifier is None:
                    raise ValueError(f"answers of {route.path!r} are encrypted: give the `verifier` that verifies them")
                self.acceptors[id(route)] = Acceptor(route.response, verifier)

    def route(self, head: Head) -> SealedRoute | None:
        """The sealed route of a request, by its decoded path, as on the server."""
        return find(self.sealed, head.method, unquote(head.target.partition("?")[0]))

    def onward(self, head: Head, body: bytes, last: SealedRoute | None) -> SealedRoute | None:
        """The route of a request that follows a redirect. Content that was sealed stays sealed, wherever it leads."""
        route = self.route(head)
        was_sealed = bool(body) and last is not None and last.request is not None
        return last if was_sealed and (route is None or route.request is None) else route

    def leads(self, proof: Verified | None) -> bool:
        """Whether an answer may choose what is signed next: somebody on the way could have changed where it leads to. Who
        checks no answers has said that he trusts the way."""
        return self.verifier is None or (proof is not None and proof.component("location") is not None)

    def outgoing(self, head: Head, body: bytes, route: SealedRoute | None, accept: str | None = None) -> Outgoing:
        """Signs, with a nonce of its own each time; encrypts the content of a sealed route."""
        options: dict[str, Any] = {"scheme": head.scheme, "authority": head.authority}
        protector = self.protectors.get(id(route)) if body else None
        if protector is not None and route is not None:
            context = _stated(route)
            protected = protector.protect(head.method, head.target, head.lines, body, context=context, **options)
            return Outgoing(protected.headers, protected.body, protected, route, head.method, b"")
        signed = self.signer.sign(head.method, head.target, head.lines, body, accept_signature=accept, **options)
        return Outgoing(signed.headers, body, signed, route, head.method, signed.base.rpartition(b"\n")[0])

    def again(self, head: Head, body: bytes, first: Outgoing, accept: str) -> Outgoing | None:
        """What is sent instead if the service asks for a signature that covers more; None if it would cover no more, or if
        whoever provoked the second request on the way could have both of them accepted, and that would do it twice."""
        if first.covered == b"" or not head.may_be_done_twice:
            return None
        second = self.outgoing(head, body, first.route, accept)
        return None if second.covered == first.covered else second

    def checked(self, sent: Outgoing | None, status: int, lines: Lines, body: bytes) -> Checked:
        """Verifies an answer, and decrypts it on a sealed route. `sent` is None if it answers an unsigned request."""
        if self.verifier is None:
            return Checked(body, None, False)
        is_signed = any(name.lower() == b"signature-input" for name, _ in lines)
        if sent is None or not is_signed:
            if self.required and status not in _UNSIGNED:
                raise _fault(
                    SignatureMissingError, 600, "SignatureMissing", f"the answer with status {status} is not signed"
                )
            return Checked(body, None, False)
        acceptor = self.acceptors.get(id(sent.route))
        if acceptor is not None and sent.route is not None and body and status < 400:
            context = _stated(sent.route)
            accepted = acceptor.accept_response(status, lines, body, request=sent.proof, context=lambda _: context)
            return Checked(accepted.document, accepted.verified, True)
        verified = self.verifier.verify_response(status, lines, body, request=sent.proof)
        if body and not verified.is_body_proved:
            raise _faults.unproved()
        return Checked(body, verified, False)


def too_long(limit: int) -> ApisealError:
    """For an answer that is not read to its end."""
    return _fault(DocumentError, 310, "LimitDocument", f"the answer has more than {limit} bytes, which is max_answer")


def astray() -> ApisealError:
    """For a redirect that somebody on the way could have written."""
    text = (
        "the redirect is not followed: the signature of the answer does not cover `location`; let the profile of the service "
        'have it in `if_present`, as {"extends": "apiseal-v1", "if_present": ["location"], …}'
    )
    return _fault(NotCoveredError, 603, "NotCovered", text)


def stale() -> ApisealError:
    """For a signature that a client library was about to send a second time."""
    text = (
        "the client follows redirects by itself, and would send the signature of one request with another: leave its "
        "follow_redirects off and give follow_redirects=True to SignatureAuth"
    )
    return _fault(SignatureError, 623, "NotSignable", text)


_Fault = TypeVar("_Fault", bound=ApisealError)


def _fault(kind: type[_Fault], code: int, name: str, detail: str) -> _Fault:
    error = kind(f"{detail} [{code}]")
    error.code, error.name, error.detail = code, name, detail
    return error


def _stated(route: SealedRoute) -> Mapping[str, str]:
    assert not callable(route.context)
    return route.context
