"""Content that arrives in pieces: the head is verified first, the nonce is claimed last."""

from __future__ import annotations

import io
import tempfile
from typing import Any

import apiseal
import pytest
from signing import HEADERS, URL, memory, signed, verifier

CONTENT = bytes(range(256)) * 400


def spool(sink: Any, own: apiseal.Verifier | None = None, lines: list | None = None) -> apiseal.Spool:
    return (own or verifier()).spool("POST", URL, lines or signed(body=CONTENT), sink=sink)


def pieces(size: int) -> list[bytes]:
    return [CONTENT[at : at + size] for at in range(0, len(CONTENT), size)]


@pytest.mark.parametrize("size", [1, 1000, len(CONTENT)])
@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_rule_s23_content_in_pieces(size: int, convert: Any) -> None:
    if size == 1 and convert is not bytes:
        size = 7
    sink = io.BytesIO()
    own = spool(sink)
    for piece in pieces(size):
        own.write(convert(piece))
    verified = own.finish()
    assert sink.getvalue() == CONTENT
    # The content is the sink's; that it is the one which was signed is proved.
    assert verified.body is None and verified.is_body_proved and verified.principal == "ACME"


def test_files_are_sinks() -> None:
    for buffering in (-1, 0):
        with tempfile.TemporaryFile(buffering=buffering) as sink:
            own = spool(sink)
            for piece in pieces(5000):
                own.write(piece)
            own.finish()
            sink.seek(0)
            assert sink.read() == CONTENT


def test_rule_s23_other_content_is_refused_and_burns_no_nonce() -> None:
    replay = memory()
    own, lines = verifier(replay), signed(body=CONTENT)
    for content in (CONTENT[:-1], CONTENT + b"x", b"", CONTENT[:-1] + b"\x00"):
        attempt = spool(io.BytesIO(), own, lines)
        with pytest.raises(apiseal.SignatureError) as refused:
            attempt.write(content)
            attempt.finish()
        assert refused.value.code == 613 and len(replay) == 0
    good = spool(io.BytesIO(), own, lines)
    good.write(CONTENT)
    assert good.finish() and len(replay) == 1
    again = spool(io.BytesIO(), own, lines)
    again.write(CONTENT)
    with pytest.raises(apiseal.ReplayedError):
        again.finish()


def test_the_head_is_verified_at_once() -> None:
    for lines in (HEADERS, signed(body=CONTENT)[:-1]):
        with pytest.raises(apiseal.SignatureError):
            spool(io.BytesIO(), lines=lines)
    with pytest.raises(apiseal.InvalidSignatureError):
        verifier().spool("PUT", URL, signed(body=CONTENT), sink=io.BytesIO())


def test_content_beyond_its_length_is_refused_at_once() -> None:
    lines = [*signed(body=CONTENT), ("content-length", str(len(CONTENT)))]
    own = spool(io.BytesIO(), lines=lines)
    own.write(CONTENT)
    with pytest.raises(apiseal.SignatureError) as refused:
        own.write(b"x")
    assert refused.value.code == 606


def test_it_is_finished_once() -> None:
    own = spool(io.BytesIO())
    own.write(CONTENT)
    own.finish()
    for use in (own.finish, lambda: own.write(b"x")):
        with pytest.raises(apiseal.ArgumentError, match="finished already"):
            use()


class Broken:
    def __init__(self, at: str) -> None:
        self.at = at

    def write(self, piece: bytes) -> Any:
        if self.at == "write":
            raise OSError("disk full")
        return "much" if self.at == "answer" else len(piece)

    def flush(self) -> None:
        if self.at == "flush":
            raise OSError("disk full")


@pytest.mark.parametrize("at, error", [("write", OSError), ("flush", OSError), ("answer", TypeError)])
def test_what_the_sink_raises_is_raised(at: str, error: type[Exception]) -> None:
    own = spool(Broken(at))
    with pytest.raises(error):
        own.write(CONTENT)
        own.finish()


class Partial(io.BytesIO):
    """Takes seven bytes at a time, as a file without a buffer may."""

    def write(self, piece: Any) -> int:
        return super().write(piece[:7])


class Silent:
    def __init__(self) -> None:
        self.all = b""

    def write(self, piece: bytes) -> None:
        self.all += piece


def test_sinks_that_take_less_and_sinks_that_do_not_tell() -> None:
    partial = Partial()
    own = spool(partial)
    own.write(CONTENT)
    assert own.finish() and partial.getvalue() == CONTENT
    silent = Silent()
    own = spool(silent)
    own.write(CONTENT)
    assert own.finish() and silent.all == CONTENT


@pytest.mark.parametrize("sink", [None, 5, b"", object(), lambda piece: None])
def test_what_is_no_sink(sink: Any) -> None:
    with pytest.raises(TypeError, match="a file of bytes as sink"):
        spool(sink)


@pytest.mark.parametrize("piece", ["text", 5, None, [1]])
def test_pieces_are_bytes(piece: Any) -> None:
    with pytest.raises(TypeError):
        spool(io.BytesIO()).write(piece)


def test_a_sink_that_uses_its_own_spool_is_told_so() -> None:
    raised: list[Exception] = []

    class Loop:
        def write(self, piece: bytes) -> int:
            try:
                own.write(piece)
            except RuntimeError as error:
                raised.append(error)
            return len(piece)

    own = spool(Loop())
    own.write(CONTENT)
    assert own.finish() and "in use" in str(raised[0])
