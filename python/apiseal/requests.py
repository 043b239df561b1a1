"""Signed requests with requests: `requests.post(url, json=…, auth=SignatureAuth(signer, verifier))`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

try:
    import requests
    import urllib3
    from requests.auth import AuthBase
    from requests.structures import CaseInsensitiveDict
except ImportError as error:
    raise ImportError('apiseal.requests needs requests: pip install "apiseal[requests]"') from error

from apiseal._core import Signer, Verified, Verifier
from apiseal._web.exchange import Exchanges, Head, Outgoing, too_long
from apiseal._web.routes import SealedRoute

__all__ = ["SealedRoute", "SignatureAuth", "verified"]


class SignatureAuth(AuthBase):
    """Signs each request, and checks the answer, as `apiseal.httpx.SignatureAuth`.

    `verifier` verifies answers. With it, an answer that is not signed raises SignatureMissingError, but for statuses with
    which services and proxies refuse what they have not verified, as 401, 413, 429, 502 and 503: these are returned, and
    `verified(response)` is None. `required=False` returns every unsigned answer so. A signature that does not hold always
    raises. The answer is read whole before anybody sees it, up to `max_answer` bytes, also with `stream=True`.

    `sealed` names the routes whose content is encrypted here, and decrypted, as on the server.

    `retry`: if the service answers 401 and asks with `Accept-Signature` for more than was covered, the request is signed
    again so and sent once more: if its method is idempotent, or it has an `Idempotency-Key`, which is covered.

    Redirects: requests copies the request, the signature is not copied with it, and the copy goes out without one. With
    `follow_redirects`, if the service, of the same origin, answers 401, the copy is signed and sent once more. Where there is a
    `verifier`, the redirect must prove where it leads to: its signature covers `location`, by a profile of the service that has
    it in `if_present`. Content that was encrypted stays so.

    Send a prepared request once: a second time its nonce is used up. Retries below the session (`max_retries` of an adapter,
    for anything but connecting) send the same nonce again, which a service refuses.
    """

    def __init__(
        self,
        signer: Signer,
        verifier: Verifier | None = None,
        *,
        sealed: Iterable[SealedRoute] = (),
        required: bool = True,
        retry: bool = True,
        follow_redirects: bool = False,
        max_answer: int = 64 << 20,
    ) -> None:
        self._exchanges = Exchanges(signer, verifier, sealed, required)
        self._retry = retry
        self._follows = follow_redirects
        self._max_answer = max_answer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called when the request is prepared but for its hooks."""
        body = _read(request)
        # What is sent has a length: chunks would be made of what is read here.
        if request.headers.pop("Transfer-Encoding", None) is not None or body:
            request.headers["Content-Length"] = str(len(body))
        # What would be sent where there is none is stated, so that a profile may name it.
        request.headers.setdefault("User-Agent", _AGENT)
        request.headers.setdefault("Accept-Encoding", "identity")
        head = _head(request, body)
        exchange = _Exchange(request, body, self._exchanges.outgoing(head, body, self._exchanges.route(head)))
        _put(request, exchange.sent)
        request.register_hook("response", _Hook(self, exchange))
        return request

    def _answered(self, exchange: _Exchange, response: requests.Response, **options: Any) -> requests.Response:
        """The hook for answers: to the request that was signed, and to those that follow redirects, which are not."""
        request = response.request
        is_own = request is exchange.request
        # Nor may another origin choose what is signed next, when it leads back.
        exchange.is_home = exchange.is_home and _origin(request) == exchange.origin
        may_sign = self._follows and exchange.leads and exchange.is_home
        self._check(exchange, exchange.sent if is_own else None, response)
        if not is_own and response.status_code == 401 and may_sign:
            body = exchange.body if request.body else b""
            head = _head(request, body)
            route = self._exchanges.onward(head, body, exchange.sent.route)
            return self._repeated(exchange, response, self._exchanges.outgoing(head, body, route), **options)
        asked = response.headers.get("Accept-Signature") if response.status_code == 401 else None
        if is_own and asked is not None and self._retry:
            again = self._exchanges.again(_head(request.copy(), exchange.body), exchange.body, exchange.sent, asked)
            if again is not None:
                return self._repeated(exchange, response, again, **options)
        return response

    def _repeated(
        self, exchange: _Exchange, refused: requests.Response, sent: Outgoing, **options: Any
    ) -> requests.Response:
        """Sends the request of an answer once more, with this signature."""
        refused.content  # noqa: B018 - frees the connection
        refused.close()
        request = refused.request.copy()
        _put(request, sent)
        response: requests.Response = refused.connection.send(request, **options)
        response.request = request
        response.history.append(refused)
        self._check(exchange, sent, response)
        return response

    def _check(self, exchange: _Exchange, sent: Outgoing | None, response: requests.Response) -> None:
        if self._exchanges.verifier is None:
            return
        raw = response.raw
        body = b"".join(self._parts(response))
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in raw.headers.items()]
        exchange.leads = False
        checked = self._exchanges.checked(sent, response.status_code, lines, body)
        exchange.leads = self._exchanges.leads(checked.verified)
        headers = raw.headers.copy()
        if checked.is_opened:
            headers["Content-Length"] = response.headers["Content-Length"] = str(len(checked.body))
        # The content to be read by whoever gets the response, as if it came from the network.
        response.raw = urllib3.HTTPResponse(
            io.BytesIO(checked.body),
            headers=headers,
            status=raw.status,
            version=raw.version,
            reason=raw.reason,
            preload_content=False,
            original_response=getattr(raw, "_original_response", None),
            request_method=response.request.method,
        )
        response.__dict__[_KEY] = checked.verified

    def _parts(self, response: requests.Response) -> Iterator[bytes]:
        """The content as received. What goes wrong is raised as requests does itself."""
        raw: Any = response.raw
        size = 0
        try:
            while part := raw.read(1 << 16, decode_content=False):
                size += len(part)
                if size > self._max_answer:
                    raw.close()
                    raise too_long(self._max_answer)
                yield part
        except urllib3.exceptions.ProtocolError as error:
            raise requests.exceptions.ChunkedEncodingError(error, request=response.request) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.exceptions.ConnectionError(error, request=response.request) from error
        except urllib3.exceptions.SSLError as error:
            raise requests.exceptions.SSLError(error, request=response.request) from error
        finally:
            raw.release_conn()


def verified(response: requests.Response) -> Verified | None:
    """What was proved of an answer; None if it is not signed."""
    found = response.__dict__.get(_KEY)
    return found if isinstance(found, Verified) else None


_KEY = "_apiseal_verified"
_AGENT = f"python-urllib3/{version('urllib3')}"


class _Exchange:
    """What the hook has to know of the request that was signed."""

    def __init__(self, request: requests.PreparedRequest, body: bytes, sent: Outgoing) -> None:
        self.request = request
        self.origin = _origin(request)
        self.body = body
        self.sent = sent
        self.leads = True
        """Whether the last answer may choose what is signed next."""
        self.is_home = True
        """Whether all requests so far went to the origin of the first."""


class _Hook:
    """What is called with each answer. A copy of an answer, or one that is stored, does not hold our keys."""

    def __init__(self, auth: SignatureAuth, exchange: _Exchange) -> None:
        self._auth = auth
        self._exchange = exchange

    def __call__(self, response: requests.Response, **options: Any) -> requests.Response:
        return self._auth._answered(self._exchange, response, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        return _SpentHook, ()


class _SpentHook:
    """That of a request that was signed elsewhere: its nonce is used up."""

    def __call__(self, response: requests.Response, **_: Any) -> requests.Response:
        return response


class _SignedRequest(requests.PreparedRequest):
    """A copy of it is for another request, and so without the signature."""

    _plain: CaseInsensitiveDict[str | bytes]

    def copy(self) -> requests.PreparedRequest:
        made = super().copy()
        made.headers = self._plain.copy()
        if isinstance(self.body, bytes):
            # That of what is sent, which may have been encrypted.
            made.headers["Content-Length"] = str(len(self.body))
        return made


def _put(request: requests.PreparedRequest, sent: Outgoing) -> None:
    # It must stay the same object: the session goes on with the one that it has.
    request.__class__ = _SignedRequest
    assert isinstance(request, _SignedRequest)
    request._plain = request.headers.copy()
    for name, value in sent.added:
        old = request.headers.get(name) if name in ("signature", "signature-input") else None
        request.headers[name] = value if old is None else f"{_text(old)}, {value}"
    request.body = sent.body or None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _read(request: requests.PreparedRequest) -> bytes:
    """The content as the bytes that are sent. Files and iterators are read to their end."""
    body: Any = request.body
    if hasattr(body, "read"):
        body = body.read()
    elif body is not None and not isinstance(body, (str, bytes, bytearray, memoryview)):
        body = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in body)
    read = b"" if body is None else body.encode() if isinstance(body, str) else bytes(body)
    request.body = read or None
    request._body_position = None
    return read


def _head(request: requests.PreparedRequest, body: bytes) -> Head:
    """The head of a request of this content. In a copy of one that was encrypted the length is another."""
    parts = urlsplit(_url(request))
    authority = None if "Host" in request.headers else parts.netloc.rpartition("@")[2]
    lines = [
        (_bytes(n), _bytes(str(len(body)) if n.lower() == "content-length" else value))
        for n, value in request.headers.items()
    ]
    return Head(request.method or "GET", request.path_url, lines, parts.scheme, authority)


def _bytes(text: str | bytes) -> bytes:
    """As http.client sends it."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _origin(request: requests.PreparedRequest) -> tuple[str, str | None, int]:
    parts = urlsplit(_url(request))
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _url(request: requests.PreparedRequest) -> str:
    if request.url is None:
        raise ValueError("the request has no URL")
    return request.url
