"""`SignatureAuth` of httpx and httpx2, sync and async, against a service on a socket."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import apiseal
import apiseal.httpx
import apiseal.httpx2
import httpx
import httpx2
import pytest
from apiseal.asgi import VerifyMiddleware
from peer import peer_of, saying, sign_answer
from services import application
from support import CLIENT_SEALED, CLIENT_VERIFIER, LAX, ORDER, SERVER_SEALED, SIGNER, lax_ring, serving, store


class Both:
    """One way to ask for the clients of both kinds."""

    def __init__(self, library: ModuleType, adapter: Any, is_async: bool) -> None:
        self.library = library
        self.adapter = adapter
        self.is_async = is_async
        self.verified = adapter.verified

    def auth(self, checks: Any = CLIENT_VERIFIER, **options: Any) -> Any:
        return self.adapter.SignatureAuth(options.pop("signer", SIGNER), checks, **options)

    def ask(self, auth: Any, method: str, url: str, *, client: dict[str, Any] | None = None, **options: Any) -> Any:
        settings: dict[str, Any] = {"auth": auth, "timeout": 20} | (client or {})
        if not self.is_async:
            with self.library.Client(**settings) as own:
                return own.request(method, url, **options)

        async def go() -> Any:
            async with self.library.AsyncClient(**settings) as own:
                return await own.request(method, url, **options)

        return asyncio.run(go())


@pytest.fixture(params=["httpx", "httpx async", "httpx2", "httpx2 async"])
def both(request: pytest.FixtureRequest) -> Both:
    library, _, kind = request.param.partition(" ")
    adapter = {"httpx": apiseal.httpx, "httpx2": apiseal.httpx2}[library]
    return Both({"httpx": httpx, "httpx2": httpx2}[library], adapter, kind == "async")


@pytest.mark.parametrize(
    "target",
    [
        "/echo/a%2Fb",
        "/echo/a%2fb",
        "/echo/caf%C3%A9",
        "/echo/é ü",
        "/echo//a//b",
        "/echo/a/../b",
        "/echo/a?",
        "/echo/a?x=1&x=&y",
        "/echo/a?q=+%20é&z=%ff",
        "/echo/a?a[]={}|^",
    ],
)
def test_what_the_client_makes_of_a_url_is_what_is_signed(both: Both, base: str, target: str) -> None:
    got = both.ask(both.auth(), "GET", base + target)
    assert got.status_code == 200, target
    proof = both.verified(got)
    assert proof.component('"@path";req') == got.json()["path"]


def test_params_cookies_and_headers_are_part_of_what_is_signed(both: Both, base: str) -> None:
    client = {
        "params": {"b": "1 2", "a": "é"},
        "headers": {"Authorization": "Bearer x", "X-Own": "1"},
        "cookies": {"s": "1"},
    }
    got = both.ask(both.auth(), "GET", base + "/echo/x", client=client)
    assert got.status_code == 200 and got.json()["query"].startswith("?b=1")


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_content_of_every_kind(both: Both, base: str, size: int) -> None:
    body = b"x" * size
    lines = {"Content-Type": "text/plain"}
    assert both.ask(both.auth(), "POST", base + "/echo/x", content=body, headers=lines).json()["size"] == size

    def parts() -> Iterator[bytes]:
        yield body[:7]
        yield body[7:]

    async def aparts() -> Any:
        for part in parts():
            yield part

    got = both.ask(both.auth(), "PUT", base + "/echo/x", content=aparts() if both.is_async else parts(), headers=lines)
    assert got.json()["size"] == size and both.verified(got)
    got = both.ask(both.auth(), "POST", base + "/echo/x", files={"f": ("n", body)})
    assert got.status_code == 200 and got.json()["size"] > size


def test_sealed_routes_are_encrypted_on_the_way_and_clear_at_both_ends(both: Both, base: str) -> None:
    got = both.ask(both.auth(sealed=CLIENT_SEALED), "POST", base + "/orders", json=ORDER)
    assert got.status_code == 200 and got.json() == ORDER | {"who": "ACME"}
    assert both.verified(got).principal == "ACME" and int(got.headers["content-length"]) == len(got.content)
    assert b"4111" not in got.request.content and b"as1." in got.request.content
    assert both.ask(both.auth(), "POST", base + "/orders", json=ORDER).status_code == 401


def test_answers_that_are_not_signed_raise_but_for_refusals(both: Both, base: str) -> None:
    with pytest.raises(apiseal.SignatureMissingError):
        both.ask(both.auth(), "GET", base + "/health")
    with pytest.raises(apiseal.SignatureMissingError):
        both.ask(both.auth(), "GET", base + "/stream")
    got = both.ask(both.auth(required=False), "GET", base + "/health")
    assert got.json() == {"verified": False} and both.verified(got) is None
    stranger = apiseal.Signer(
        apiseal.Keyring([apiseal.Key.raw("acme-req", "hmac-sha256", b"2" * 32).replace(direction="req")])
    )
    got = both.ask(both.auth(signer=stranger), "GET", base + "/echo/x")
    assert got.status_code == 401 and got.text == "unauthorized" and both.verified(got) is None
    got = both.ask(both.auth(checks=None), "GET", base + "/stream")
    assert got.status_code == 200 and len(got.content) == 3072


@pytest.mark.parametrize("damage", ["body", "status", "header", "other request", "stripped"])
def test_case_54_an_answer_that_was_changed_raises(both: Both, damage: str) -> None:
    kept: list[Any] = []

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        lines = sign_answer(handler)
        kept.append(lines)
        if damage == "other request":
            return 200, kept[0], b"{}"
        if damage == "header":
            lines = [(name, "text/html" if name == "Content-Type" else value) for name, value in lines]
        if damage == "stripped":
            lines = lines[:1]
        return (201 if damage == "status" else 200), lines, b"{ }" if damage == "body" else b"{}"

    with peer_of(answer) as peer:
        if damage == "other request":
            both.ask(both.auth(), "GET", peer.url)
        with pytest.raises(apiseal.SignatureError):
            both.ask(both.auth(required=damage == "stripped"), "GET", peer.url)


def test_content_that_no_digest_proves_raises(both: Both) -> None:
    ring = lax_ring()
    signer, checks = apiseal.Signer(ring, LAX), apiseal.Verifier(ring, LAX, replay=apiseal.NoReplayCheck())

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        proof = checks.verify(handler.command, handler.path, handler.headers.items(), scheme="http")
        body = handler.path.encode()[1:]
        return 200, signer.sign_response(200, [], body, request=proof).headers, body and b"abd"

    with peer_of(answer) as peer:
        assert both.verified(both.ask(both.auth(checks, signer=signer), "GET", peer.url))
        with pytest.raises(apiseal.DigestError, match="digest"):
            both.ask(both.auth(checks, signer=signer), "GET", peer.url + "/abc")


def test_an_answer_with_content_coding_is_checked_as_received_and_decoded_after(both: Both) -> None:
    body = gzip.compress(b'{"a": 1}')

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        return 200, sign_answer(handler, body, ("Content-Encoding", "gzip")), body

    with peer_of(answer) as peer:
        got = both.ask(both.auth(), "GET", peer.url)
        assert got.json() == {"a": 1} and both.verified(got)


@pytest.mark.parametrize("coded", [False, True])
def test_a_hook_that_reads_the_answer_is_no_reason_to_wait(both: Both, coded: bool) -> None:
    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        body, lines = (gzip.compress(b"{}"), [("Content-Encoding", "gzip")]) if coded else (b"{}", [])
        return 200, sign_answer(handler, body, *lines), body

    def read(response: Any) -> None:
        response.read()

    async def aread(response: Any) -> None:
        await response.aread()

    with peer_of(answer) as peer:
        client = {"event_hooks": {"response": [aread if both.is_async else read]}}
        if coded:
            with pytest.raises(apiseal.ArgumentError, match="hook"):
                both.ask(both.auth(), "GET", peer.url, client=client)
        else:
            got = both.ask(both.auth(), "GET", peer.url, client=client)
            assert got.json() == {} and both.verified(got)


def test_a_long_answer_is_not_read_to_its_end(both: Both, base: str) -> None:
    with pytest.raises(apiseal.ApisealError, match="max_answer"):
        both.ask(both.auth(max_answer=2000, required=False), "GET", base + "/stream?pieces=3")


@pytest.mark.parametrize("stalls", [False, True])
def test_a_connection_that_fails_tells_its_request(both: Both, stalls: bool) -> None:
    kind = both.library.ReadTimeout if stalls else both.library.RemoteProtocolError
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
    with saying(text, stalls=stalls) as url, pytest.raises(kind) as raised:
        both.ask(both.auth(), "GET", url, client={"timeout": 0.3})
    assert str(raised.value.request.url).rstrip("/") == url


# Once more.


def test_rule_s21_accept_signature_is_answered_once_with_a_fresh_nonce(both: Both) -> None:
    asked = 'sig=("@method" "@authority" "@path" "@query" "x-tenant");created;tag="apiseal-req-v1"'

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        return 401, [("Accept-Signature", asked)], b""

    with peer_of(answer) as peer:
        got = both.ask(
            both.auth(),
            "POST",
            peer.url + "/x",
            content=b"abc",
            headers={"X-Tenant": "7", "Content-Type": "text/plain", "Idempotency-Key": "k1"},
        )
        assert got.status_code == 401 and len(peer.got) == 2
        inputs = [lines["signature-input"] for _, _, lines, _ in peer.got]
        assert '"x-tenant"' not in inputs[0] and '"x-tenant"' in inputs[1]
        nonces = {text.partition('nonce="')[2][:22] for text in inputs}
        assert len(nonces) == 2 and [body for *_, body in peer.got] == [b"abc", b"abc"]
        # Nothing more to cover: the same request again would be refused again.
        both.ask(both.auth(), "GET", peer.url)
        assert len(peer.got) == 3
        both.ask(both.auth(retry=False), "GET", peer.url, headers={"X-Tenant": "7"})
        assert len(peer.got) == 4
        # Who provoked the second on the way could have both accepted: what must not be done twice is not sent twice.
        both.ask(both.auth(), "POST", peer.url, headers={"X-Tenant": "7"})
        assert len(peer.got) == 5


def test_a_service_that_demands_more_is_satisfied_by_the_second_request(both: Both) -> None:
    ring = apiseal.Keyring(
        [
            apiseal.Key.raw("k-req", "hmac-sha256", b"1" * 32).replace(
                principal="ACME", direction="req", profiles=["apiseal-v1", "shop.v1"]
            ),
        ]
    )
    shop = apiseal.Profile({"apiseal_profile": 1, "id": "shop.v1", "extends": "apiseal-v1", "require": ["x-tenant"]})
    service = VerifyMiddleware(application(), apiseal.Verifier(ring, shop, replay=store()), scheme="http")
    with serving(service) as base:
        auth = both.auth(None, signer=apiseal.Signer(ring))
        assert both.ask(auth, "GET", base + "/echo/x", headers={"X-Tenant": "7"}).status_code == 200
        assert (
            both.ask(
                both.auth(None, signer=apiseal.Signer(ring), retry=False),
                "GET",
                base + "/echo/x",
                headers={"X-Tenant": "7"},
            ).status_code
            == 401
        )


def test_every_request_has_a_nonce_of_its_own(both: Both, base: str) -> None:
    auth = both.auth()
    nonces = {both.ask(auth, "GET", base + "/echo/x").json()["nonce"] for _ in range(5)}
    assert len(nonces) == 5


# Redirects.


def test_redirects_are_followed_with_a_signature_of_their_own(both: Both, base: str) -> None:
    auth = both.auth(follow_redirects=True, sealed=CLIENT_SEALED)
    got = both.ask(auth, "GET", base + "/moved?to=/moved%3Fto%3D/echo/there%253Fx")
    assert got.json()["path"] == "/echo/there" and len(got.history) == 2 and both.verified(got)
    got = both.ask(auth, "POST", base + "/moved?to=/orders", json=ORDER)
    assert got.json()["card"] == ORDER["card"] and b"4111" not in got.request.content
    got = both.ask(auth, "POST", base + "/moved?to=/echo/there&status=303", json=ORDER)
    assert got.json()["size"] == 0 and got.request.method == "GET"


def test_a_redirect_is_returned_unless_told_to_follow_and_holds_no_signature(both: Both, base: str) -> None:
    got = both.ask(both.auth(), "GET", base + "/moved?to=/echo/there")
    assert got.status_code == 302 and both.verified(got)
    names = set(got.next_request.headers)
    assert not {"signature", "signature-input", "content-digest"} & names


def test_a_redirect_that_does_not_prove_where_it_leads_is_not_followed(both: Both) -> None:
    """Somebody on the way would else choose what is signed."""

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        # Signed by the profile apiseal-v1, which does not cover it.
        return 302, [*sign_answer(handler, b"", status=302), ("Location", "/orders/delete-all")], b""

    with peer_of(answer) as peer:
        with pytest.raises(apiseal.NotCoveredError, match="location"):
            both.ask(both.auth(follow_redirects=True), "GET", peer.url)
        assert len(peer.got) == 1


def test_redirects_that_never_end(both: Both) -> None:
    with peer_of(lambda _: (302, [("Location", "/again")], b"")) as peer:
        with pytest.raises(both.library.TooManyRedirects):
            both.ask(both.auth(None, follow_redirects=True, max_redirects=3), "GET", peer.url)
        nonces = {lines["signature-input"].partition('nonce="')[2][:22] for _, _, lines, _ in peer.got}
        assert len(peer.got) == len(nonces) == 4


@pytest.mark.parametrize("follow", [True, False])
def test_no_signature_goes_to_another_origin(both: Both, follow: bool) -> None:
    with peer_of(lambda _: (200, [], b"")) as other:

        def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
            return 307, [("Location", other.url + "/elsewhere")], b""

        with peer_of(answer) as peer:
            got = both.ask(both.auth(None, follow_redirects=follow), "POST", peer.url, json=ORDER)
            assert got.status_code == 307 and len(peer.got) == 1 and not other.got


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_that_follows_by_itself_is_stopped_before_it_sends_a_stale_signature(
    both: Both, method: str, same: bool
) -> None:
    with peer_of(lambda _: (200, [], b"")) as other:

        def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
            return 307, [("Location", "/next" if same else other.url)], b""

        with peer_of(answer) as peer:
            with pytest.raises(apiseal.SignatureError, match="follow_redirects"):
                both.ask(both.auth(None), method, peer.url, client={"follow_redirects": True})
            assert len(peer.got) == 1 and not other.got


def test_the_trace_of_the_caller_is_still_called(both: Both, base: str) -> None:
    seen: list[str] = []

    def trace(name: str, info: Any) -> None:
        seen.append(name)

    async def atrace(name: str, info: Any) -> None:
        seen.append(name)

    extensions = {"trace": atrace if both.is_async else trace}
    for _ in range(2):
        assert both.ask(both.auth(), "GET", base + "/echo/x", extensions=extensions).status_code == 200
    assert sum(name.endswith("send_request_headers.started") for name in seen) == 2


def test_transports_of_tests_see_the_signature_and_redirects_of_the_client_are_noticed(both: Both) -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return (
            both.library.Response(302, headers={"location": "/y"})
            if request.url.path == "/x"
            else both.library.Response(200, json={"a": 1})
        )

    client = {"transport": both.library.MockTransport(handler)}
    got = both.ask(both.auth(required=False), "GET", "https://api.example/y", client=client)
    assert got.json() == {"a": 1} and "signature" in seen[0].headers
    with pytest.raises(apiseal.SignatureError):
        both.ask(both.auth(required=False), "GET", "https://api.example/x", client=client | {"follow_redirects": True})


def test_coded_answers_of_transports_of_tests_are_read(both: Both) -> None:
    def handler(request: Any) -> Any:
        target = request.url.raw_path.decode()
        proof = CLIENT_VERIFIER.verify(request.method, target, request.headers.raw, b"", scheme="https")
        body, lines = gzip.compress(b"{}"), [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
        lines += SIGNER.sign_response(200, lines, body, request=proof).headers
        return both.library.Response(200, headers=lines, content=body)

    client = {"transport": both.library.MockTransport(handler)}
    got = both.ask(both.auth(), "GET", "https://api.example/y", client=client)
    assert got.json() == {} and both.verified(got)


def test_one_auth_for_many_threads_and_streams(both: Both, base: str) -> None:
    auth = both.auth(sealed=CLIENT_SEALED)
    failures: list[str] = []

    def work(at: int) -> None:
        try:
            for turn in range(3):
                own = {"id": at * 10 + turn, "card": f"{at:08d}{turn:08d}"}
                assert both.ask(auth, "POST", base + "/orders", json=own).json() == own | {"who": "ACME"}
        except Exception as error:  # noqa: BLE001 - reported by the test
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    if not both.is_async:
        with both.library.Client(auth=auth) as client, client.stream("GET", base + "/echo/x") as got:
            assert json.loads(b"".join(got.iter_bytes(10)))["path"] == "/echo/x"


def test_what_cannot_be_set_up_says_why(both: Both) -> None:
    with pytest.raises(TypeError, match="callable"):
        both.auth(sealed=SERVER_SEALED)
    with pytest.raises(ValueError, match="verifier"):
        both.auth(None, sealed=CLIENT_SEALED)
