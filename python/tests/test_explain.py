"""Why a message does not verify, for the owner of the keys."""

from __future__ import annotations

import gzip
import sys
from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, URL, memory, signed, verifier

MESSAGE: dict[str, Any] = {"method": "POST", "url": URL, "body": BODY}


def explained(**change: Any) -> apiseal.Explanation:
    return verifier().explain(**MESSAGE | {"headers": signed()} | change)


def test_a_message_that_verifies() -> None:
    told = explained()
    assert told.verifies and told.error is None and told.changes == [] and told.remaining is None
    assert str(told) == told.text


def test_lesson_s27_a_proxy_changed_the_authority() -> None:
    told = explained(
        url="https://backend:8080/orders?dry-run=1", headers=[*signed(), ("x-forwarded-host", "api.example")]
    )
    assert not told.verifies and told.error and told.error.code == 611
    (change,) = told.changes
    assert (change.kind, change.component, change.signed, change.received) == (
        "authority",
        '"@authority"',
        "api.example",
        "backend:8080",
    )
    assert change.remedy and str(change) == change.text and change.text in str(told)
    assert ("-", '"@authority": backend:8080') in told.diff and ("+", '"@authority": api.example') in told.diff
    assert told.base and told.signed_base and told.base != told.signed_base


def test_authorities_of_the_callers() -> None:
    url = "https://backend:8080/orders?dry-run=1"
    assert explained(url=url).changes == []
    told = verifier().explain(**MESSAGE | {"headers": signed(), "url": url}, authorities=["api.example"])
    assert [change.kind for change in told.changes] == ["authority"]


@pytest.mark.parametrize(
    "change, kind",
    [({"method": "GET"}, "method"), ({"url": "https://api.example/orders/?dry-run=1"}, "path-slash")],
)
def test_other_changes(change: dict, kind: str) -> None:
    told = explained(**change)
    assert not told.verifies and [own.kind for own in told.changes] == [kind]


def test_what_the_profile_does_not_cover_explains_nothing() -> None:
    assert explained(url=URL.replace("https", "http")).verifies


def test_content_that_was_coded_on_the_way() -> None:
    coded = gzip.compress(BODY)
    asked = []

    def decode(coding: str, content: bytes, most: int) -> bytes | None:
        asked.append((coding, content, most))
        return gzip.decompress(content) if coding == "gzip" else None

    lines = [*signed(), ("content-encoding", "gzip")]
    told = verifier().explain(**MESSAGE | {"headers": lines, "body": coded}, decoder=decode)
    assert asked and asked[0][0] == "gzip" and asked[0][1] == coded and asked[0][2] > 0
    assert not told.verifies and [change.kind for change in told.changes] == ["content-encoded"]


def test_a_decoder_that_raises_is_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda own: seen.append(own.exc_value))

    def decode(coding: str, content: bytes, most: int) -> bytes:
        raise OSError("zlib")

    lines = [*signed(), ("content-encoding", "gzip")]
    told = verifier().explain(**MESSAGE | {"headers": lines, "body": b"x"}, decoder=decode)
    assert not told.verifies and seen and str(seen[0]) == "zlib"
    with pytest.raises(TypeError, match="callable as decoder"):
        verifier().explain(**MESSAGE | {"headers": lines}, decoder="gzip")


def test_rule_s27_nothing_is_claimed_and_no_signature_is_told() -> None:
    replay = memory()
    own, lines = verifier(replay), signed()
    right = next(value for name, value in lines if name == "signature")
    told = own.explain("PUT", URL, lines, BODY)
    assert len(replay) == 0
    # What it would have to be is not told.
    other = next(value for name, value in signed("PUT") if name == "signature")
    assert other not in repr(told) and right not in told.text


def test_debug_tokens_name_the_lines_that_differ() -> None:
    # Two changes at once, which no single one explains.
    told = explained(headers=signed(debug_token=True), method="PUT", url="https://api.example/orders?dry-run=2")
    assert any("@method" in line for line in told.differing_lines) and any(
        "@query" in line for line in told.differing_lines
    )


def test_messages_that_are_not_signed() -> None:
    told = explained(headers=HEADERS)
    assert told.error and told.error.code == 600 and told.changes == []
    assert told.advice and told.advice in told.text
