"""Messages as callers have them: shapes of headers, content, URLs and targets that are taken, and those that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, URL, signed, signer, verifier


class Multi(Mapping):
    """As the mappings of HTTP libraries, which hold a name twice."""

    def __init__(self, lines: list) -> None:
        self.lines = lines

    def multi_items(self) -> list:
        return self.lines

    def __getitem__(self, name: str) -> str:
        return dict(self.lines)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.lines))

    def __len__(self) -> int:
        return len(dict(self.lines))


def email(lines: list) -> Message:
    message = Message()
    for name, value in lines:
        message[name] = value
    return message


@pytest.mark.parametrize(
    "shape",
    [
        dict,
        tuple,
        iter,
        Multi,
        lambda lines: [[name, value] for name, value in lines],
        lambda lines: [(name.encode(), value.encode()) for name, value in lines],
        lambda lines: {name.title().encode(): value for name, value in lines},
        lambda lines: dict(lines).items(),
        lambda lines: email(lines).items(),
    ],
)
def test_shapes_of_headers(shape: Any) -> None:
    assert verifier().verify("POST", URL, shape(signed()), BODY)
    shaped = signer().sign("POST", URL, shape(HEADERS), BODY)
    assert verifier().verify("POST", URL, HEADERS + shaped.headers, BODY)


def test_a_name_that_stands_twice_is_not_lost() -> None:
    lines = Multi([*signed(), ("content-type", "text/plain")])
    with pytest.raises(apiseal.SignatureError) as refused:
        verifier().verify("POST", URL, lines, BODY)
    assert refused.value.code == 606


@pytest.mark.parametrize(
    "headers",
    [
        5,
        "content-type: x",
        b"x",
        [1],
        ["ab"],
        [("a",)],
        [("a", "b", "c")],
        {"a": 1},
        {1: "a"},
        [("a", None)],
        {"a": ["b"]},
    ],
    ids=repr,
)
def test_headers_of_wrong_types(headers: Any) -> None:
    with pytest.raises(TypeError):
        signer().sign("GET", URL, headers)


def test_header_values_are_bytes_as_http_libraries_show_them() -> None:
    profile = apiseal.Profile(
        {"apiseal_profile": 1, "id": "apiseal-v1", "extends": "apiseal-v1", "if_present": ["x-name"]}
    )
    for value in ("caf\u00e9", b"caf\xe9", "\u0141", "\ud800"):
        with pytest.raises((apiseal.ApisealError, UnicodeError)):
            signer(profile=profile).sign("GET", URL, {"x-name": value})
    # What is not covered may hold any byte.
    assert signer().sign("GET", URL, {"x-name": "caf\u00e9"}).headers
    with pytest.raises(apiseal.ArgumentError, match="ISO-8859-1"):
        signer().sign("GET", URL, {"x-name": "\u0141"})
    with pytest.raises(apiseal.SignatureError):
        signer().sign("GET", URL, {b"x-\xff": "a"})


@pytest.mark.parametrize("body", ["{}", {}, [], 5, object(), iter([b"{}"])])
def test_lesson_s29_the_body_is_bytes(body: Any) -> None:
    with pytest.raises(TypeError, match="the body as bytes, exactly as they are sent"):
        signer().sign("POST", URL, HEADERS, body)


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_bodies_of_bytes(convert: Any) -> None:
    assert verifier().verify("POST", URL, signed(body=convert(BODY)), convert(BODY)).body == BODY


URLS = {
    "https://api.example": "/",
    "https://API.example:443/": "/",
    "https://api.example?x": "/?x",
    "https://api.example/a%2Fb/../c//d?e=1&e=2&": "/a%2Fb/../c//d?e=1&e=2&",
    "https://api.example/%7e?a+b%20c": "/%7e?a+b%20c",
}


@pytest.mark.parametrize("url", URLS)
def test_an_absolute_url_and_its_parts_are_one(url: str) -> None:
    lines = signed("GET", url, (), None)
    own = verifier()
    for more in ({"authority": "api.example"}, {"authority": "api.example", "scheme": "https"}):
        assert own.verify("GET", URLS[url], lines, **more)
    assert own.verify("GET", URLS[url], [*lines, ("Host", "api.example")])
    path, mark, query = URLS[url].partition("?")
    verified = own.verify("GET", url, lines)
    assert (verified.component("@path"), verified.component("@query")) == (path, mark + query or "?")


def test_lesson_s9_nothing_is_normalised() -> None:
    for sent, received in [
        ("/a%2Fb", "/a/b"),
        ("/a%2fb", "/a%2Fb"),
        ("/a/./b", "/a/b"),
        ("/?a=%20", "/?a=+"),
        ("/a", "/a/"),
    ]:
        with pytest.raises(apiseal.InvalidSignatureError):
            verifier().verify(
                "GET", "https://api.example" + received, signed("GET", "https://api.example" + sent, (), None)
            )


@pytest.mark.parametrize(
    "url", ["https://user:pw@api.example/", "https://api.example/#a", "https://user@api.example/x"]
)
def test_urls_that_are_not_sent_as_they_stand(url: str) -> None:
    with pytest.raises(apiseal.ArgumentError):
        signer().sign("GET", url)


@pytest.mark.parametrize(
    "url",
    ["", "orders", "*", "//api.example/x", "http:/x", "https://", "https:///x", "ht!tp://x/", "https://api example/"],
)
def test_targets_that_are_none(url: str) -> None:
    with pytest.raises(apiseal.ApisealError):
        signer().sign("GET", url)


@pytest.mark.parametrize("method", ["", "G ET", "GET\r\n", "G\u00c9T", "CONNECT"])
def test_methods_that_are_none(method: str) -> None:
    with pytest.raises(apiseal.ApisealError):
        signer().sign(method, URL)


def test_case_72_targets_in_absolute_form() -> None:
    lines = signed("GET", "https://api.example/a", (), None)
    own = verifier()
    assert own.verify("GET", "https://api.example/a", lines, authority="api.example")
    assert own.verify("GET", "https://api.example/a", [*lines, ("host", "api.example")], scheme="https")
    with pytest.raises(apiseal.SignatureError) as refused:
        own.verify("GET", "https://api.example/a", lines, authority="other.example")
    assert refused.value.code == 606
    with pytest.raises(apiseal.SignatureError):
        own.verify("GET", "https://api.example/a", [*lines, ("host", "other.example")])
