"""The authentication of httpx and httpx2, which are alike: nothing here imports one of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from typing import Any

from apiseal import _faults
from apiseal._core import Signer, Verified, Verifier
from apiseal._web.exchange import Exchanges, Head, Outgoing, astray, stale, too_long
from apiseal._web.routes import SealedRoute

__all__ = ["Flow", "verified_of"]

# Requests and responses are `Any`: they are those of either library.
_KEY = "apiseal"
_SENDING = "send_request_headers.started"


class Flow:
    """Signs each request as it is sent, and checks the answer.

    `verifier` verifies answers. With it, an answer that is not signed raises SignatureMissingError, but for statuses with
    which services and proxies refuse what they have not verified, as 401, 413, 429, 502 and 503: these are returned, and
    `verified(response)` is None. `required=False` returns every unsigned answer so. A signature that does not hold always
    raises. The answer is read whole before anybody sees it, up to `max_answer` bytes.

    `sealed` names the routes whose content is encrypted here, and decrypted, as on the server.

    `retry`: if the service answers 401 and asks with `Accept-Signature` for more than was covered, the request is signed
    again so and sent once more: if its method is idempotent, or it has an `Idempotency-Key`, which is covered.
    Signatures of content that is encrypted cover what the profile says and nothing more.

    `follow_redirects` follows redirects within the origin, each with a signature of its own. Where there is a `verifier`, the
    answer must prove where it leads to: its signature covers `location`, by a profile of the service that has it in
    `if_present`. The client's own setting must stay off: it would send the signature of one request with another, which is
    an error: before anything is sent by the transports of the library, after it by others.

    An instance is shared by threads, tasks and clients. What hooks of the client change in a request is not covered.
    """

    requires_request_body = True
    # The content is read as it was received, before it is decoded; `requires_response_body` would decode it.
    requires_response_body = False

    _library: Any

    def __init__(
        self,
        signer: Signer,
        verifier: Verifier | None = None,
        *,
        sealed: Iterable[SealedRoute] = (),
        required: bool = True,
        retry: bool = True,
        follow_redirects: bool = False,
        max_redirects: int = 20,
        max_answer: int = 64 << 20,
    ) -> None:
        self._exchanges = Exchanges(signer, verifier, sealed, required)
        self._retry = retry
        self._max_redirects = max_redirects if follow_redirects else 0
        self._max_answer = max_answer

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Called by `Client`."""
        request.read()
        flow = self._flow(request, _once)
        outgoing = next(flow)
        while True:
            response = yield outgoing
            body = self._joined(response) if self._exchanges.verifier is not None else b""
            try:
                outgoing = flow.send((response, body))
            except StopIteration:
                return

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Called by `AsyncClient`."""
        await request.aread()
        flow = self._flow(request, _once_async)
        outgoing = next(flow)
        while True:
            response = yield outgoing
            body = await self._ajoined(response) if self._exchanges.verifier is not None else b""
            try:
                outgoing = flow.send((response, body))
            except StopIteration:
                return

    def _is_used_up(self, response: Any) -> bool:
        """Whether somebody has read the answer from the network. One that a transport of tests made can be read again."""
        stream = getattr(response.stream, "_stream", response.stream)
        return response.is_closed and not isinstance(stream, self._library.ByteStream)

    def _joined(self, response: Any) -> bytes:
        if self._is_used_up(response):
            return _read_by_hook(response)
        parts: list[bytes] = []
        size = 0
        try:
            for part in response.stream:
                size += len(part)
                if size > self._max_answer:
                    response.close()
                    raise too_long(self._max_answer)
                parts.append(part)
        except self._library.RequestError as error:
            error.request = response.request
            raise
        response.close()
        return b"".join(parts)

    async def _ajoined(self, response: Any) -> bytes:
        if self._is_used_up(response):
            return _read_by_hook(response)
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.stream:
                size += len(part)
                if size > self._max_answer:
                    await response.aclose()
                    raise too_long(self._max_answer)
                parts.append(part)
        except self._library.RequestError as error:
            error.request = response.request
            raise
        await response.aclose()
        return b"".join(parts)

    def _flow(self, request: Any, guard: Callable[[Any], Any]) -> Generator[Any, tuple[Any, bytes], None]:
        origin = _origin(request.url)
        request = _bare(self._library, request, request.headers.raw, request.content)
        route = self._exchanges.route(_head(request))
        for _ in range(self._max_redirects + 1):
            sent = self._exchanges.outgoing(_head(request), request.content, route)
            response = yield from self._sent(request, sent, guard)
            asked = response.headers.get("accept-signature") if response.status_code == 401 else None
            if asked is not None and self._retry:
                again = self._exchanges.again(_head(request), request.content, sent, asked)
                if again is not None:
                    sent = again
                    response = yield from self._sent(request, sent, guard)
            following = response.next_request
            if following is None:
                return
            _strip(following, sent)
            following.extensions = dict(request.extensions)
            if self._max_redirects == 0 or _origin(following.url) != origin:
                return
            if not self._exchanges.leads(verified_of(response)):
                raise astray()
            content = request.content if following.method == request.method else b""
            request = _bare(self._library, following, _without_framing(following.headers.raw, content), content)
            route = self._exchanges.onward(_head(request), content, route)
        raise self._library.TooManyRedirects("Exceeded maximum allowed redirects.", request=request)

    def _sent(
        self, request: Any, sent: Outgoing, guard: Callable[[Any], Any]
    ) -> Generator[Any, tuple[Any, bytes], Any]:
        outgoing = _bare(self._library, request, request.headers.raw, sent.body)
        added = [(name.encode(), value.encode()) for name, value in sent.added]
        replaced = {name for name, _ in added if name == b"content-length"}
        kept = [(name, value) for name, value in request.headers.raw if name.lower() not in replaced]
        outgoing.headers = self._library.Headers(kept + added)
        outgoing.extensions = dict(request.extensions) | {"trace": guard(request.extensions.get("trace"))}
        response, body = yield outgoing
        if response.request is not outgoing:
            raise stale()
        checked = self._exchanges.checked(sent, response.status_code, list(response.headers.raw), body)
        response.extensions = dict(response.extensions) | {_KEY: checked.verified}
        if self._exchanges.verifier is not None:
            self._put_back(response, checked.body)
            if checked.is_opened and "content-length" in response.headers:
                response.headers["content-length"] = str(len(checked.body))
        return response

    def _put_back(self, response: Any, body: bytes) -> None:
        """The content to be read by whoever gets the response, as if it came from the network."""
        response.stream = self._library.ByteStream(body)
        response.is_stream_consumed = response.is_closed = False
        for name in ("_content", "_decoder", "_text"):
            response.__dict__.pop(name, None)


def verified_of(response: Any) -> Verified | None:
    """What was proved of an answer; None if it is not signed."""
    found = response.extensions.get(_KEY)
    return found if isinstance(found, Verified) else None


def _read_by_hook(response: Any) -> bytes:
    """The content as received, of an answer that a hook of the client has read: its stream would wait for more."""
    if "content-encoding" in response.headers or "_content" not in response.__dict__:
        raise _faults.argument(
            "a hook of the client has read the answer before its signature was checked, and what was received is lost: "
            "let the hook leave the content alone, or send `Accept-Encoding: identity`"
        )
    content: bytes = response.content
    return content


def _bare(library: Any, request: Any, lines: Any, content: bytes) -> Any:
    """A request of its own, so that what the caller gave us is never changed."""
    made = library.Request(
        request.method, request.url, extensions=request.extensions, stream=library.ByteStream(content)
    )
    made.headers = library.Headers(list(lines))
    made.read()
    return made


def _head(request: Any) -> Head:
    # The transport sends `raw_path`, and the Host line as the authority.
    return Head(request.method, request.url.raw_path.decode("ascii"), request.headers.raw, request.url.scheme, None)


def _origin(url: Any) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _strip(request: Any, sent: Outgoing) -> None:
    """Takes our header lines out of a request that the library has made of the signed one."""
    for name, _ in sent.added:
        if name != "content-length":
            request.headers.pop(name, None)


def _without_framing(lines: Any, content: bytes) -> Any:
    lines = [line for line in lines if line[0].lower() not in (b"content-length", b"transfer-encoding")]
    if content:
        lines.append((b"Content-Length", b"%d" % len(content)))
    else:
        lines = [line for line in lines if line[0].lower() != b"content-type"]
    return lines


def _once(trace: Any) -> Callable[[str, Any], None]:
    """Lets the head of a request be sent once. What follows a redirect by itself copies the extensions of the request
    together with its signature, and is stopped here before it sends it."""
    is_sent = False

    def traced(name: str, info: Any) -> None:
        nonlocal is_sent
        if _is_head(name, info):
            if is_sent:
                raise stale()
            is_sent = True
        if trace is not None:
            trace(name, info)

    return traced


def _once_async(trace: Any) -> Callable[[str, Any], Any]:
    inner = _once(None)

    async def traced(name: str, info: Any) -> None:
        inner(name, info)
        if trace is not None:
            await trace(name, info)

    return traced


def _is_head(name: str, info: Any) -> bool:
    # A tunnel through a proxy is opened by a CONNECT of its own.
    return name.endswith(_SENDING) and info["request"].method != b"CONNECT"
