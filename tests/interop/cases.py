"""The messages that are exchanged: by name, and random ones from a fixed seed."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field, replace

NOW = 1_700_000_000
KEYID = "peer key \"1\""
ALGORITHMS = ["hmac-sha256", "ed25519", "ecdsa-p256-sha256"]
DIGEST = "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"


@dataclass(frozen=True)
class Message:
    """A request, or the response to one."""

    method: str = "GET"
    target: str = "/"
    headers: list[list[str]] = field(default_factory=list)
    scheme: str = "https"
    authority: str = "api.example"
    body: bytes = b""
    status: int | None = None
    request: Message | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def json(self) -> dict:
        own = {"headers": [list(line) for line in self.headers], "body": base64.b64encode(self.body).decode()}
        if self.status is not None:
            return own | {"status": self.status, "request": self.request.json()}
        return own | {"method": self.method, "scheme": self.scheme, "authority": self.authority, "target": self.target}


@dataclass(frozen=True)
class Case:
    name: str
    message: Message
    components: list[str]
    alg: str = "hmac-sha256"
    label: str = "sig1"
    nonce: str | None = None
    tag: str | None = None
    #: Whether PyPI's package states `alg`.
    state_alg: bool = False

    def but(self, **changes) -> Case:
        return replace(self, **changes)


def request(target: str = "/orders?x=1&y=2", *lines: tuple[str, str], **more) -> Message:
    return Message(target=target, headers=[list(line) for line in lines], **more)


TARGET = ['"@method"', '"@authority"', '"@path"', '"@query"']


def param(name: str) -> str:
    return f'"@query-param";name="{name}"'


POST = request(
    "/orders?x=1",
    ("Host", "api.example"),
    ("Content-Type", "application/json"),
    ("Content-Digest", DIGEST),
    method="POST",
    body=b"{}",
)
RESPONSE = Message(
    status=201, headers=[["Content-Type", "application/json"], ["Content-Digest", DIGEST]], body=b"{}", request=POST
)

CASES = [
    Case("target", request(), TARGET),
    Case("all derived", request(), ['"@method"', '"@target-uri"', '"@authority"', '"@scheme"', '"@request-target"', '"@path"', '"@query"']),
    Case("post with digest", POST, [*TARGET, '"content-digest"', '"content-type"']),
    Case("nonce and tag", request(), TARGET, nonce="AAECAwQFBgcICQoLDA0ODw", tag="app \"1\""),
    Case("label", request(), ['"@method"'], label="*a_1-2.b"),
    Case("stated algorithm", request(), TARGET, state_alg=True),
    Case("port", request(authority="api.example:8443"), ['"@authority"', '"@target-uri"']),
    Case("default port", request(authority="api.example:443"), ['"@authority"']),
    Case("default port of http", request(scheme="http", authority="api.example:80"), ['"@authority"', '"@scheme"']),
    Case("port of the other scheme", request(scheme="http", authority="api.example:443"), ['"@authority"']),
    Case("upper-case host", request(authority="API.example"), ['"@authority"']),
    Case("upper-case host in the target uri", request(authority="API.example"), ['"@target-uri"']),
    Case("default port in the target uri", request("/a", authority="api.example:443"), ['"@target-uri"']),
    Case("root", request("/"), TARGET),
    Case("no query", request("/a/b"), [*TARGET, '"@target-uri"', '"@request-target"']),
    Case("empty query", request("/a?"), ['"@path"', '"@query"']),
    Case("empty query in the target", request("/a?"), ['"@request-target"', '"@target-uri"']),
    Case("encoded path", request("/a%2Fb%20c/%C3%A9"), ['"@path"', '"@target-uri"', '"@request-target"']),
    Case("lower-case escapes", request("/a%2fb?c=%c3%a9"), ['"@path"', '"@query"']),
    Case("marks in the path", request("/a;b=c,d/~e!f$g&h'i(j)*k+l:m@n"), ['"@path"']),
    Case("marks in the query", request("/?a=b/c?d:e@f!g$h(i)j*k+l,m;n"), ['"@query"']),
    Case("quote in the query", request("/?a='b'"), ['"@query"']),
    Case("dot segments", request("/a/./b/../c"), ['"@path"']),
    Case("double slash", request("/a//b/"), ['"@path"', '"@request-target"']),
    Case("query parameters", request("/?a=1&b=two&c="), [param("b"), param("a"), param("c")]),
    Case("encoded query parameter", request("/?q=a%20b+c%2Bd%26e"), [param("q")]),
    Case("marks in a query parameter", request("/?q=%21%27%28%29%2A"), [param("q")]),
    Case("tilde in a query parameter", request("/?q=a~b"), [param("q")]),
    Case("star in a query parameter", request("/?q=a*b"), [param("q")]),
    Case("encoded name of a query parameter", request("/?caf%C3%A9%20x=1"), [param("caf%C3%A9%20x")]),
    Case("query parameter without value", request("/?a&b=1"), [param("a")]),
    Case("header", request("/", ("X-A", "1"), ("Date", "Tue, 14 Nov 2023 22:13:20 GMT")), ['"x-a"', '"date"']),
    Case("padded header", request("/", ("X-A", " \t 1  2\t ")), ['"x-a"']),
    Case("empty header", request("/", ("X-Empty", "")), ['"x-empty"', '"@method"']),
    Case("header on several lines", request("/", ("X-A", "1"), ("x-b", "0"), ("x-a", " 2 "), ("X-A", "3, 4")), ['"x-a"']),
    Case("quotes and backslashes", request("/", ("X-A", 'a "b\\" c: d')), ['"x-a"']),
    Case("sf dictionary", request("/", ("Cache-Control", "max-age=60,   must-revalidate;x=1;  y"), ("Priority", "u=3 ,  i")), ['"cache-control";sf', '"priority";sf']),
    Case("sf list", request("/", ("Accept-CH", "a,b ,  c;d=1.50"),), ['"accept-ch";sf']),
    Case("sf digest", POST, ['"content-digest";sf']),
    Case("sf of a field without a registered type", request("/", ("X-Dict", "a=1,   b=2;x=1;y=2,  c=(a   b   c), d")), ['"x-dict";sf']),
    Case("key", request("/", ("X-Dict", "a=1, b=2;x=1;y=2, c=(a   b   c), d"), ("X-Dict", "e=:AA==:, f=\"x y\", g=1.50")), [f'"x-dict";key="{key}"' for key in "abcefg"]),
    Case("key of a true member", request("/", ("X-Dict", "a=1, d, e=?0")), ['"x-dict";key="d"', '"x-dict";key="e"']),
    Case("key of the digest", POST, ['"content-digest";key="sha-256"']),
    Case("bs", request("/", ("X-A", "value, with, lots"), ("X-A", " of, commas ")), ['"x-a";bs']),
    Case("bs of one line", request("/", ("X-A", "one")), ['"x-a";bs', '"@method"']),
    Case("bs of an empty line", request("/", ("X-A", "")), ['"x-a";bs']),
    Case("several kinds", request("/?q=1", ("X-A", "1"), ("X-Dict", "a=(1 2);p"), method="DELETE"), ['"@method"', '"x-a"', '"x-dict";key="a"', param("q"), '"x-a";bs']),
    Case("response", RESPONSE, ['"@status"', '"content-type"', '"content-digest"']),
    Case("response with request", RESPONSE, ['"@status"', *[f"{id};req" for id in TARGET], '"content-digest";req', '"content-digest"']),
    Case("response with its request's uri", RESPONSE, ['"@status"', '"@target-uri";req', '"@request-target";req', '"@scheme";req']),
    Case("response to a query parameter", replace(RESPONSE, request=request("/?a=1&b=2")), ['"@status"', f'{param("b")};req']),
    Case("response with keys", RESPONSE, ['"@status"', '"content-digest";key="sha-256"', '"content-digest";req;key="sha-256"']),
    Case("error response", replace(RESPONSE, status=503, headers=[["Retry-After", "120"]], body=b""), ['"@status"', '"retry-after"']),
]


def random_cases(count: int, seed: str) -> list[Case]:
    """Random messages within what all sides agree on: what differs has a case with a name."""
    made = []
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")

        def word(low: int = 1, high: int = 8) -> str:
            return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-") for _ in range(rng.randint(low, high)))

        def escaped() -> str:
            return "".join(rng.choice([word(), "%2F", "%C3%A9", "%20", "~", "_", "."]) for _ in range(rng.randint(1, 4))).strip(".")

        path = "".join("/" + word() + escaped() for _ in range(rng.randint(0, 4))) or "/"
        pairs = [(f"p{at}{word()}", "".join(rng.choice([word(), "%20", "+", "%2B", "%26", "%C3%A9"]) for _ in range(rng.randint(0, 3)))) for at in range(rng.randint(0, 4))]
        target = path + ("?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else "")
        headers: list[list[str]] = []
        components: list[str] = []
        for at in range(rng.randint(0, 5)):
            name = f"x-{at}-{word(1, 4)}".strip("-")
            for _ in range(rng.randint(1, 3)):
                value = ", ".join(" ".join(word() for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3)))
                headers.append([rng.choice([name, name.title(), name.upper()]), rng.choice(["", " ", "\t"]) + value + rng.choice(["", " "])])
            components.append(f'"{name}"' + rng.choice(["", "", ";bs"]))
        rng.shuffle(headers)
        members = [f"k{at}={rng.choice([str(rng.randint(-999, 999)), f'{word()!r}'.replace(chr(39), chr(34)), 't' + word(), ':' + 'AAEC' + ':', '(a  b);p=1'])}" for at in range(rng.randint(1, 4))]
        headers.append(["X-Dict", (", " if rng.random() < 0.5 else " ,   ").join(members)])
        components += [f'"x-dict";key="k{at}"' for at in range(len(members)) if rng.random() < 0.4]
        target_parts = ['"@method"', '"@authority"', '"@path"', '"@query"', '"@scheme"', '"@target-uri"', '"@request-target"'] + [param(name) for name, _ in pairs]
        chosen = rng.sample(target_parts, rng.randint(1, len(target_parts)))
        hosts = ["api.example", "a.b.example:8080", "localhost:3000", "[2001:db8::1]:8443"]
        if '"@target-uri"' not in chosen:
            hosts.append("API.Example")
        own = request(
            target,
            method=rng.choice(["GET", "POST", "PUT", "DELETE", "PATCH"]),
            scheme=rng.choice(["https", "http"]),
            authority=rng.choice(hosts),
        )
        if rng.random() < 0.3:
            own = replace(own, headers=[["X-Req", word()]])
            own = Message(status=rng.choice([200, 201, 404]), headers=headers, request=own)
            components += ['"@status"'] + [f"{id};req" for id in chosen] + ['"x-req";req']
        else:
            own = replace(own, headers=headers)
            components += chosen
        rng.shuffle(components)
        made.append(
            Case(
                f"random {number}",
                own,
                components,
                alg=rng.choice(ALGORITHMS),
                nonce=rng.choice([None, word(22, 30)]) if own.status is None else None,
                tag=rng.choice([None, word()]),
            )
        )
    return made
