"""Requests that passed through a framework, and what `explain` says of them: the damage is done by the framework's own code, and
every one of these is what services do who verify a request that they put together from their framework's objects."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import request_uri

import httpx
import pytest
import requests
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from cases import Case, Message, request
from implementations import Lines, Ours

BODY = b'{"amount": 149.90,  "name": "caf\xc3\xa9", "b": [1, 2], "a": null}'
ALL = ['"@method"', '"@authority"', '"@path"', '"@query"']


def sent(target: str, *lines: tuple[str, str], body: bytes = b"", method: str = "GET") -> Message:
    return request(target, *lines, body=body, method=method)


def explained(ours: Ours, case: Case, lines: Lines, received: Message) -> dict:
    """What is said of the message as the framework shows it, with the signature of the one that was sent."""
    assert ours.ask({"op": "http_explain"} | ours.describe(case, lines))["remaining"] is None
    question = ours.describe(case.but(message=received), lines)
    return ours.ask({"op": "http_explain"} | question)


def through(ours: Ours, case: Case, change: Callable[[Message], Message]) -> list[str]:
    told = explained(ours, case, ours.sign(case), change(case.message))
    assert told["remaining"] is None, told["text"]
    return told["changes"]


def url_of(message: Message, url: str) -> Message:
    parts = urllib.parse.urlsplit(url)
    return replace(message, target=parts.path + ("?" + parts.query if parts.query else ""), authority=parts.netloc)


# The standard library.


@pytest.mark.parametrize(
    ("target", "kind"),
    [("/?q=x%20y", "plus-space"), ("/?q=~a", None), ("/?q=%7Ea", "percent-encoding"), ("/?a&b=1", "query-form"), ("/?q=a/b:c", "percent-encoding")],
)
def test_urllib_parses_and_writes_the_query(ours: Ours, target: str, kind: str | None) -> None:
    def again(message: Message) -> Message:
        path, _, query = message.target.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        return replace(message, target=f"{path}?{urllib.parse.urlencode(pairs)}")

    assert through(ours, Case("", sent(target), ALL), again) == ([kind] if kind else [])


@pytest.mark.parametrize("target", ["/a%2Fb", "/caf%c3%a9", "/a%7Eb", "/a(b)"])
def test_urllib_unquotes_and_quotes_the_path(ours: Ours, target: str) -> None:
    def again(message: Message) -> Message:
        return replace(message, target=urllib.parse.quote(urllib.parse.unquote(message.target)))

    assert through(ours, Case("", sent(target), ALL), again) == ["percent-encoding"]


@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4}, {"ensure_ascii": False}])
@pytest.mark.parametrize("first", [{}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": 4}, {"sort_keys": True}])
def test_json_is_read_and_written(ours: Ours, first: dict, options: dict) -> None:
    value = json.loads(BODY)
    signed = json.dumps(value, **first).encode()
    # Of an order that was sorted away nothing is left: it can be found for few members only.
    lines = [("Content-Type", "application/json"), ("Content-Digest", digest(signed))]
    case = Case("", sent("/", *lines, body=signed, method="POST"), ['"content-digest"'])
    again = json.dumps(json.loads(signed), **options).encode()
    assert through(ours, case, lambda message: replace(message, body=again)) == ([] if again == signed else ["json"])


def digest(body: bytes) -> str:
    import base64
    import hashlib

    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def wsgi() -> Iterator[Callable[[Message, Lines], Message]]:
    """A WSGI server on a socket; the application puts the request together from its environment, as many do."""
    seen: list[Message] = []

    def application(environ: dict, start_response: Callable):
        names = [name for name in environ if name.startswith("HTTP_")]
        headers = [[name[5:].replace("_", "-").title(), environ[name]] for name in names]
        if environ.get("CONTENT_TYPE"):
            headers.append(["Content-Type", environ["CONTENT_TYPE"]])
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        url = urllib.parse.urlsplit(request_uri(environ))
        target = url.path + ("?" + url.query if url.query else "")
        message = Message(environ["REQUEST_METHOD"], target, headers, "http", url.netloc, body)
        seen.append(message)
        start_response("204 No Content", [])
        return []

    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def pass_on(message: Message, lines: Lines) -> Message:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        connection.putrequest(message.method, message.target, skip_host=True, skip_accept_encoding=True)
        for name, value in [["Host", message.authority], *message.headers, *lines]:
            connection.putheader(name, value)
        connection.endheaders(message.body)
        assert connection.getresponse().status == 204
        connection.close()
        return seen.pop()

    yield pass_on
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("target", "lines", "components", "kind"),
    [
        ("/plain?x=1", [], ALL, None),
        ("/a%2Fb?x=1", [], ALL, "percent-encoding"),
        ("/caf%c3%a9", [], ALL, "percent-encoding"),
        ("/a:b", [], ALL, "percent-encoding"),
        ("/x", [("X-List", "a"), ("X-List", "b")], [*ALL, '"x-list"'], "header-merged"),
        ("/x", [("Content-Type", "Text/Plain; Charset=UTF-8")], [*ALL, '"content-type"'], None),
    ],
)
def test_wsgi(ours: Ours, wsgi, target: str, lines: list, components: list[str], kind: str | None) -> None:
    case = Case("", replace(sent(target, *lines), scheme="http"), components)
    signed = ours.sign(case)
    received = wsgi(case.message, signed)
    told = ours.ask({"op": "http_explain"} | ours.describe(case.but(message=received), []))
    assert (told["changes"], told["remaining"]) == ([kind] if kind else [], None), told["text"]


@pytest.fixture(scope="module")
def proxy() -> Iterator[Callable[[Message, Lines], Message]]:
    """A reverse proxy made of the standard library: it goes to the service by the service's own name."""
    seen: list[Message] = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = [list(line) for line in self.headers.items() if line[0] != "Host"]
            seen.append(Message("GET", self.path, headers, "http", self.headers["Host"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Proxy(Service):
        def do_GET(self) -> None:
            onward = urllib.request.Request(f"http://127.0.0.1:{service.server_port}{self.path}")
            for name, value in self.headers.items():
                if name not in ("Host", "Connection"):
                    onward.add_header(name, value)
            onward.add_header("X-Forwarded-Host", self.headers["Host"])
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(onward) as answer:
                self.send_response(answer.status)
                self.end_headers()

    service, front = HTTPServer(("127.0.0.1", 0), Service), HTTPServer(("127.0.0.1", 0), Proxy)
    threads = [threading.Thread(target=server.serve_forever) for server in (service, front)]
    for thread in threads:
        thread.start()

    def pass_on(message: Message, lines: Lines) -> Message:
        connection = http.client.HTTPConnection("127.0.0.1", front.server_port)
        headers = dict([["Host", message.authority], *message.headers, *lines])
        connection.request("GET", message.target, headers=headers)
        assert connection.getresponse().status == 204
        connection.close()
        return seen.pop()

    yield pass_on
    for server, thread in zip((service, front), threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("lines", "components", "kind"),
    [
        ([], ALL, "authority"),
        ([("X-A", "1")], ['"@method"', '"x-a"'], None),
        ([("User-Agent", "client/1")], ['"@method"', '"user-agent"'], None),
        ([("Accept-Encoding", "gzip, deflate, br")], ['"@method"', '"accept-encoding"'], None),
    ],
)
def test_reverse_proxy(ours: Ours, proxy, lines: list, components: list[str], kind: str | None) -> None:
    case = Case("", replace(sent("/a%2Fb?x=y%20z", *lines), scheme="http"), components)
    received = proxy(case.message, ours.sign(case))
    told = ours.ask({"op": "http_explain"} | ours.describe(case.but(message=received), []))
    assert (told["changes"], told["remaining"]) == ([kind] if kind else [], None), told["text"]


# Packages.


@pytest.mark.parametrize(
    ("target", "kind"), [("/a%7Eb?q=%7E", "percent-encoding"), ("/caf%c3%a9", None), ("/a%2fb", None), ("/?q=x+y", None)]
)
def test_requests(ours: Ours, target: str, kind: str | None) -> None:
    def prepared(message: Message) -> Message:
        return url_of(message, requests.Request(message.method, message.url).prepare().url)

    message = sent(target)
    changes = through(ours, Case("", message, ALL), prepared)
    # What the library leaves as it is, has no cause; what it changes, has one.
    same = prepared(message).target == message.target
    assert changes == ([] if same else [kind or changes[0]])
    assert kind is None or not same


def test_what_is_lost_has_no_cause(ours: Ours) -> None:
    """Dot segments and blank parameters that a library drops cannot be found again, and nothing else is blamed."""
    for target, received in [("/a/../b", "/b"), ("/?a=&b=1", "/?b=1")]:
        message = sent(target)
        case = Case("", message, ALL)
        if target.startswith("/a"):
            assert url_of(message, requests.Request("GET", message.url).prepare().url).target == received
        else:
            assert urllib.parse.urlencode(urllib.parse.parse_qsl(target[2:])) == received[2:]
        told = explained(ours, case, ours.sign(case), replace(message, target=received))
        assert (told["changes"], told["remaining"]) == ([], 611)


@pytest.mark.parametrize("target", ["/?q=x+y", "/?q=%7e", "/a%2fb?x=a:b", "/?a&b=", "/caf%c3%a9?c=%c3%a9", "/?x=(1)"])
def test_httpx(ours: Ours, target: str) -> None:
    def merged(message: Message) -> Message:
        url = httpx.URL(message.url)
        return url_of(message, str(url.copy_with(params=url.params)))

    message = sent(target)
    changes = through(ours, Case("", message, ALL), merged)
    assert len(changes) == (0 if merged(message).target == message.target else 1)


@pytest.mark.parametrize("target", ["/?q=x%20y", "/?q=%7E", "/?a=b/c", "/?b=1&a=2"])
def test_starlette_query(ours: Ours, target: str) -> None:
    def shown(message: Message) -> Message:
        path, _, query = message.target.partition("?")
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": [(b"host", b"api.example")]}
        return replace(message, target=f"{path}?{StarletteRequest(scope).query_params}")

    message = sent(target)
    changes = through(ours, Case("", message, ALL), shown)
    assert len(changes) == (0 if shown(message).target == message.target else 1)


def test_starlette_json(ours: Ours) -> None:
    async def read(body: bytes) -> object:
        async def receive() -> dict:
            return {"type": "http.request", "body": body, "more_body": False}

        return await StarletteRequest({"type": "http", "method": "POST", "headers": []}, receive).json()

    def answered(message: Message) -> Message:
        return replace(message, body=JSONResponse(asyncio.run(read(message.body))).body)

    for body in [json.dumps(json.loads(BODY)).encode(), BODY.replace(b"149.90", b"149.9").replace(b",  ", b", ")]:
        lines = [("Content-Type", "application/json"), ("Content-Digest", digest(body))]
        case = Case("", sent("/", *lines, body=body, method="POST"), ['"content-digest"'])
        assert through(ours, case, answered) == ["json"]


@pytest.mark.parametrize("target", ["/a%2Fb?x=1", "/caf%c3%a9?q=%c3%a9", "/a%7Eb", "/x?q=a%20b&r=(1)"])
def test_werkzeug(ours: Ours, target: str) -> None:
    def shown(message: Message) -> Message:
        path, _, query = message.target.partition("?")
        # As a WSGI server hands it over: the path is decoded.
        builder = EnvironBuilder(base_url="https://api.example", path=urllib.parse.unquote(path), query_string=query)
        url = httpx.URL(WerkzeugRequest(builder.get_environ()).url)
        return replace(message, target=url.raw_path.decode())

    message = sent(target)
    changes = through(ours, Case("", message, ALL), shown)
    assert len(changes) == (0 if shown(message).target == message.target else 1)
