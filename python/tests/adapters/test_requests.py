"""`SignatureAuth` of requests against a service on a socket."""

from __future__ import annotations

import copy
import gzip
import io
import json
import pickle
import threading
from typing import Any

import apiseal
import pytest
import requests
from apiseal.asgi import SealedRoute, VerifyMiddleware
from apiseal.requests import SignatureAuth, verified
from peer import peer_of, saying, sign_answer
from services import application
from support import CIPHER, CLIENT_SEALED, CLIENT_VERIFIER, ORDER, SIGNER, serving, store

TEXT = {"Content-Type": "text/plain"}


def auth(checks: apiseal.Verifier | None = CLIENT_VERIFIER, **options: Any) -> SignatureAuth:
    return SignatureAuth(options.pop("signer", SIGNER), checks, **options)


@pytest.mark.parametrize(
    "target",
    [
        "/echo/a%2Fb",
        "/echo/a%2fb",
        "/echo/%7e~",
        "/echo/caf%C3%A9",
        "/echo/é ü",
        "/echo//a//b",
        "/echo/a/../b",
        "/echo/a?",
        "/echo/a?x=1&x=&y",
        "/echo/a?q=+%20é&z=%ff",
        "/echo/a?a[]={}|^",
        "/echo/%",
        "/echo/a%zz",
    ],
)
def test_what_requests_makes_of_a_url_is_what_is_signed(base: str, target: str) -> None:
    got = requests.get(base + target, auth=auth(), timeout=20)
    assert got.status_code == 200, target
    proof = verified(got)
    assert proof is not None and proof.component('"@path";req') == got.json()["path"]


def test_a_path_that_begins_with_two_slashes(base: str) -> None:
    """However many of them are sent: what is sent is signed."""
    got = requests.get(base + "//echo/x", auth=auth(), timeout=20)
    assert got.status_code in (200, 404) and verified(got)


def test_params_cookies_and_headers_are_part_of_what_is_signed(base: str) -> None:
    with requests.Session() as session:
        session.auth = auth()
        session.cookies.set("s", "1")
        lines = {"Authorization": "Bearer x", "X-Own": "1", "X-Bytes": b"2"}
        got = session.get(base + "/echo/x", params={"b": "1 2", "a": "é"}, headers=lines, timeout=20)
        assert got.status_code == 200 and got.json()["query"].startswith("?b=1")


@pytest.mark.parametrize(
    "body",
    [b"x" * 100_000, "é" * 100, bytearray(b"abc"), io.BytesIO(b"file"), io.StringIO("text"), iter([b"a", "b"]), b""],
)
def test_content_of_every_kind(base: str, body: Any) -> None:
    got = requests.post(base + "/echo/x", data=body, headers=TEXT, auth=auth(), timeout=20)
    assert got.status_code == 200 and not got.json()["chunked"] and verified(got)
    assert got.json()["size"] == {bytearray: 3, io.BytesIO: 4, io.StringIO: 4}.get(type(body), got.json()["size"])


def test_forms_and_files(base: str) -> None:
    for options in ({"data": {"a": "1"}}, {"files": {"f": ("n", b"x" * 1000)}}, {"json": {"a": "é"}}):
        got = requests.put(base + "/echo/x", auth=auth(), timeout=20, **options)  # type: ignore[arg-type]
        assert got.status_code == 200 and got.json()["size"] > 0


def test_sealed_routes_are_encrypted_on_the_way_and_clear_at_both_ends(base: str) -> None:
    got = requests.post(base + "/orders", json=ORDER, auth=auth(sealed=CLIENT_SEALED), timeout=20)
    proof = verified(got)
    assert got.status_code == 200 and got.json() == ORDER | {"who": "ACME"}
    assert proof is not None and proof.principal == "ACME" and int(got.headers["content-length"]) == len(got.content)
    assert b"4111" not in got.request.body and b"as1." in got.request.body  # type: ignore[operator]


def test_answers_that_are_not_signed_raise_but_for_refusals(base: str) -> None:
    for target in ("/health", "/stream"):
        with pytest.raises(apiseal.SignatureMissingError):
            requests.get(base + target, auth=auth(), timeout=20)
    got = requests.get(base + "/health", auth=auth(required=False), timeout=20)
    assert got.json() == {"verified": False} and verified(got) is None
    stranger = apiseal.Signer(
        apiseal.Keyring([apiseal.Key.raw("acme-req", "hmac-sha256", b"2" * 32).replace(direction="req")])
    )
    got = requests.get(base + "/echo/x", auth=auth(signer=stranger), timeout=20)
    assert got.status_code == 401 and got.text == "unauthorized" and verified(got) is None


@pytest.mark.parametrize("damage", ["body", "status", "header", "stripped"])
def test_case_54_an_answer_that_was_changed_raises(damage: str) -> None:
    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        lines = sign_answer(handler)
        if damage == "header":
            lines = [(name, "text/html" if name == "Content-Type" else value) for name, value in lines]
        if damage == "stripped":
            lines = lines[:1]
        return (201 if damage == "status" else 200), lines, b"{ }" if damage == "body" else b"{}"

    with peer_of(answer) as peer, pytest.raises(apiseal.SignatureError):
        requests.get(peer.url, auth=auth(required=damage == "stripped"), timeout=20)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_content_coding_is_checked_as_received_and_decoded_after(stream: bool) -> None:
    body = gzip.compress(b'{"a": 1}')

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        return (
            200,
            [*sign_answer(handler, body, ("Content-Encoding", "gzip")), ("Set-Cookie", "c=1"), ("Set-Cookie", "d=2")],
            body,
        )

    with peer_of(answer) as peer, requests.Session() as session:
        got = session.get(peer.url, auth=auth(), timeout=20, stream=stream)
        assert b"".join(got.iter_content(3)) == b'{"a": 1}' and verified(got)
        assert dict(session.cookies) == {"c": "1", "d": "2"}


def test_head_and_empty_answers(base: str) -> None:
    for method, target in (("HEAD", "/echo/x"), ("GET", "/empty/204"), ("GET", "/empty/304"), ("HEAD", "/text")):
        got = requests.request(method, base + target, auth=auth(), timeout=20)
        assert got.content == b"" and verified(got)


def test_a_long_answer_is_not_read_to_its_end(base: str) -> None:
    with pytest.raises(apiseal.ApisealError, match="max_answer"):
        requests.get(base + "/stream?pieces=3", auth=auth(max_answer=2000, required=False), timeout=20)


def test_rule_s21_accept_signature_is_answered_once_with_a_fresh_nonce() -> None:
    asked = 'sig=("@method" "@authority" "@path" "@query" "x-tenant");created;tag="apiseal-req-v1"'
    with peer_of(lambda _: (401, [("Accept-Signature", asked)], b"no")) as peer:
        got = requests.post(
            peer.url + "/x",
            data=b"abc",
            headers=TEXT | {"X-Tenant": "7", "Idempotency-Key": "k1"},
            auth=auth(),
            timeout=20,
        )
        assert got.status_code == 401 and len(peer.got) == 2 and len(got.history) == 1
        inputs = [lines["signature-input"] for _, _, lines, _ in peer.got]
        assert '"x-tenant"' not in inputs[0] and '"x-tenant"' in inputs[1]
        assert len({text.partition('nonce="')[2][:22] for text in inputs}) == 2
        assert [body for *_, body in peer.got] == [b"abc", b"abc"]
        requests.get(peer.url, auth=auth(), timeout=20)
        assert len(peer.got) == 3
        requests.get(peer.url, auth=auth(retry=False), headers={"X-Tenant": "7"}, timeout=20)
        assert len(peer.got) == 4
        # Who provoked the second on the way could have both accepted: what must not be done twice is not sent twice.
        requests.post(peer.url, data=b"abc", headers=TEXT | {"X-Tenant": "7"}, auth=auth(), timeout=20)
        assert len(peer.got) == 5


# Redirects.


def test_redirects_are_followed_with_a_signature_of_their_own(base: str) -> None:
    with requests.Session() as session:
        session.auth = auth(sealed=CLIENT_SEALED, follow_redirects=True)
        got = session.get(base + "/moved?to=/moved%3Fto%3D/echo/there%253Fx", timeout=20)
        assert got.json()["path"] == "/echo/there" and len(got.history) == 2 and verified(got)
        got = session.post(base + "/moved?to=/orders", json=ORDER, timeout=20)
        assert got.json()["card"] == ORDER["card"] and b"4111" not in got.request.body  # type: ignore[operator]
        got = session.post(base + "/moved?to=/echo/there&status=303", json=ORDER, timeout=20)
        assert got.json()["size"] == 0 and got.request.method == "GET"
        got = session.get(base + "/moved?to=/echo/there", allow_redirects=False, timeout=20)
        assert got.status_code == 302 and got.next is not None and "signature" not in got.next.headers


def test_a_redirect_is_not_signed_unless_told_to_and_proved(base: str) -> None:
    got = requests.get(base + "/moved?to=/echo/there", auth=auth(), timeout=20)
    assert got.status_code == 401 and "signature" not in got.request.headers

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        if handler.path == "/elsewhere":
            return 401, [], b""
        # Signed by the profile apiseal-v1, which does not cover where it leads to.
        return 302, [*sign_answer(handler, b"", status=302), ("Location", "/elsewhere")], b""

    with peer_of(answer) as peer:
        got = requests.get(peer.url, auth=auth(follow_redirects=True), timeout=20)
        assert got.status_code == 401
        assert [("signature" in lines) for _, _, lines, _ in peer.got] == [True, False]


def test_a_signature_is_never_sent_twice() -> None:
    """Neither to another path, nor to another host, nor again to the same."""
    with peer_of(lambda _: (200, [], b"")) as other:
        for location in (other.url + "/elsewhere", "/next", "/start"):
            with peer_of(
                lambda handler, to=location: (
                    (307, [("Location", to)], b"") if handler.path == "/start" else (401, [], b"")
                )
            ) as peer:
                try:
                    requests.Session().post(
                        peer.url + "/start",
                        data=b"abc",
                        headers=TEXT,
                        auth=auth(None, follow_redirects=True),
                        timeout=20,
                    )
                except requests.TooManyRedirects:
                    assert location == "/start"
                signatures = [lines["signature"] for _, _, lines, _ in peer.got if "signature" in lines]
                paths = [path for _, path, lines, _ in peer.got if "signature" in lines]
                assert len(set(signatures)) == len(signatures) and len(signatures) >= 1
                assert paths == (["/start", "/next"] if location == "/next" else ["/start"])
        assert [("signature" in lines, body) for _, _, lines, body in other.got] == [(False, b"abc")]


def test_content_that_was_sealed_stays_sealed_on_every_hop() -> None:
    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        return (307, [("Location", "/elsewhere")], b"") if handler.path == "/orders" else (401, [], b"")

    only_requests = [SealedRoute("/orders", CIPHER, context={"purpose": "orders"})]
    with peer_of(answer) as peer:
        requests.post(
            peer.url + "/orders", json=ORDER, auth=auth(None, sealed=only_requests, follow_redirects=True), timeout=20
        )
        assert [path for _, path, _, _ in peer.got] == ["/orders", "/elsewhere", "/elsewhere"]
        assert all(b"4111" not in body and b"as1." in body for *_, body in peer.got)


def test_another_origin_does_not_choose_what_is_signed() -> None:
    """A service that leads elsewhere has not said that the other may lead back."""
    urls: list[str] = []

    def answer(handler: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        if handler.path == "/start":
            return 302, [("Location", urls[1] + "/there")], b""
        return (200 if "signature" in {name.lower() for name in handler.headers} else 401), [], b""

    with peer_of(answer) as peer, peer_of(lambda _: (302, [("Location", urls[0] + "/pay")], b"")) as other:
        urls += [peer.url, other.url]
        got = requests.get(peer.url + "/start", auth=auth(None, follow_redirects=True), timeout=20)
    assert got.status_code == 401
    assert [(path, "signature" in lines) for _, path, lines, _ in peer.got] == [("/start", True), ("/pay", False)]


def test_a_copy_of_a_prepared_request_is_unsigned_and_the_original_keeps_its_lines(base: str) -> None:
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", base + "/echo/x", auth=auth()))
        assert "signature" in prepared.headers and "signature" not in prepared.copy().headers
        assert session.send(prepared, timeout=20).status_code == 200
        assert "signature" in prepared.headers
        # Used up.
        assert session.send(prepared, timeout=20).status_code == 401


def test_retries_of_connections_do_no_harm(base: str) -> None:
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=3))
        for _ in range(3):
            assert session.get(base + "/echo/x", auth=auth(), timeout=20).status_code == 200


def test_hooks_of_the_caller_see_the_checked_answer(base: str) -> None:
    seen: list[Any] = []
    requests.post(
        base + "/orders",
        json=ORDER,
        auth=auth(sealed=CLIENT_SEALED),
        hooks={"response": lambda got, **_: seen.append((verified(got), got.json()))},
        timeout=20,
    )
    assert seen[0][0] is not None and seen[0][1]["card"] == ORDER["card"]


def test_one_auth_for_many_threads(base: str) -> None:
    own = auth(sealed=CLIENT_SEALED)
    failures: list[str] = []

    def work(at: int) -> None:
        try:
            with requests.Session() as session:
                for turn in range(5):
                    order = {"id": at * 10 + turn, "card": f"{at:08d}{turn:08d}"}
                    got = session.post(
                        base + "/orders",
                        data=json.dumps(order),
                        headers={"Content-Type": "application/json"},
                        auth=own,
                        timeout=20,
                    )
                    assert got.json() == order | {"who": "ACME"}
        except Exception as error:  # noqa: BLE001 - reported by the test
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_service_that_demands_more_is_satisfied_by_the_second_request() -> None:
    key = apiseal.Key.raw("k-req", "hmac-sha256", b"1" * 32)
    ring = apiseal.Keyring([key.replace(principal="ACME", direction="req", profiles=["apiseal-v1", "shop.v1"])])
    shop = apiseal.Profile({"apiseal_profile": 1, "id": "shop.v1", "extends": "apiseal-v1", "require": ["x-tenant"]})
    service = VerifyMiddleware(application(), apiseal.Verifier(ring, shop, replay=store()), scheme="http")
    with serving(service) as base:
        own = auth(None, signer=apiseal.Signer(ring))
        assert requests.get(base + "/echo/x", auth=own, headers={"X-Tenant": "7"}, timeout=20).status_code == 200


@pytest.mark.parametrize(
    ("answer", "stalls", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", False, requests.exceptions.ChunkedEncodingError),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            False,
            requests.exceptions.ChunkedEncodingError,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", True, requests.exceptions.ConnectionError),
    ],
)
def test_a_connection_that_fails_is_an_error_of_requests(answer: bytes, stalls: bool, kind: type[Exception]) -> None:
    with saying(answer, stalls=stalls) as url:
        with pytest.raises(kind):
            requests.get(url, timeout=0.3).content  # noqa: B018
        with pytest.raises(kind) as raised:
            requests.get(url, auth=auth(), timeout=0.3)
    assert raised.value.request is not None and raised.value.request.url == url + "/"


def test_a_connection_is_given_back_whatever_comes_of_it(base: str) -> None:
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=1, pool_block=True))
        for _ in range(3):
            with pytest.raises(apiseal.DocumentError):
                session.get(base + "/echo/x", auth=auth(max_answer=3), timeout=20)
        assert session.get(base + "/echo/x", auth=auth(), timeout=20).status_code == 200


def test_an_answer_is_copied_and_stored_without_our_keys(base: str) -> None:
    got = requests.get(base + "/echo/x", auth=auth(), timeout=20)
    for other in (pickle.loads(pickle.dumps(got)), copy.deepcopy(got)):
        assert other.json() == got.json() and other.request.url == got.request.url
        assert verified(other) is None
        assert other.request.hooks["response"][0](other) is other


def test_headers_that_the_library_would_add_can_be_covered() -> None:
    with peer_of(lambda handler: (200, [], b"{}")) as peer:
        bare: Any = {"User-Agent": None, "Accept-Encoding": None}
        requests.get(peer.url + "/x", headers=bare, auth=auth(None), timeout=20)
        requests.get(peer.url + "/x", headers=bare, timeout=20)
    signed, plain = (headers for _, _, headers, _ in peer.got)
    assert (signed["user-agent"], signed["accept-encoding"]) == (plain["user-agent"], plain["accept-encoding"])
