"""NDJSON: what comes out is what each line gives by itself, in order, whatever the lines come from."""

from __future__ import annotations

import io
import itertools
import os
import resource
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import apiseal
import pytest
from hypothesis import given
from hypothesis import strategies as st

CONTEXT = {"purpose": "lines"}
POLICY = {"apiseal_policy": 1, "id": "lines", "rules": [{"path": "$.card", "bind": ["$.id"]}]}
CIPHER = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY)
THREADS = [1, 2, 3, 4]


def line(number: int) -> bytes:
    return b'{"id": %d, "card": "%016d"}' % (number, number)


def text(count: int, end: bytes = b"\n") -> bytes:
    return b"".join(line(number) + end for number in range(count))


def encrypted(source: Any, **options: Any) -> list:
    return list(CIPHER.encrypt_lines(source, context=CONTEXT, **options))


def decrypted(source: Any, **options: Any) -> list:
    return list(CIPHER.decrypt_lines(source, context=CONTEXT, **options))


@pytest.mark.parametrize("threads", THREADS)
def test_a_stream_comes_back_byte_for_byte(threads: int) -> None:
    source = text(3000) + b"\n  \t\r\n" + text(1000, b"\r\n") + b"\n\n" + line(7)
    sealed = encrypted(io.BytesIO(source), threads=threads)
    assert len(sealed) == source.count(b"\n") + 1
    assert all(type(own) is bytes for own in sealed)
    # Line ends and blank lines are kept; the last line has no end.
    ends = [own[len(own.rstrip(b"\r\n")) :] for own in sealed]
    assert ends == [own[len(own.rstrip(b"\r\n")) :] for own in source.splitlines(keepends=True)]
    assert ends[-1] == b"" and b"".join(sealed).count(b'"card": "as1.') == source.count(b'"card": "')
    assert b"".join(decrypted(io.BytesIO(b"".join(sealed)), threads=threads)) == source


PIECES = st.one_of(
    st.integers(0, 10**6).map(line),
    st.sampled_from([b"", b" ", b"\t", '{"id":"é","card":"\U0001f600"}'.encode(), b'{"id":1,"card":{"a":[1.10]}}']),
)


@given(
    st.lists(st.tuples(PIECES, st.sampled_from([b"\n", b"\r\n"])), max_size=40),
    PIECES,
    st.sampled_from(THREADS),
    st.sampled_from(["bytes", "text", "path", "generator", "raw"]),
)
def test_every_source_gives_the_same(tmp_path_factory: Any, made: list, last: bytes, threads: int, kind: str) -> None:
    whole = b"".join(own + end for own, end in made) + last
    folder = tmp_path_factory.getbasetemp()

    def source(content: bytes) -> Any:
        match kind:
            case "bytes":
                return io.BytesIO(content)
            case "raw":
                return Slow(content)
            case "text":
                return io.StringIO(content.decode(), newline="")
            case "path":
                (folder / "lines.ndjson").write_bytes(content)
                return folder / "lines.ndjson"
        return (own for own in content.splitlines(keepends=True))

    sealed = encrypted(source(whole), threads=threads)
    joined = ("" if kind == "text" else b"").join(sealed)
    assert all(type(own) is (str if kind == "text" else bytes) for own in sealed)
    opened = decrypted(source(joined if isinstance(joined, bytes) else joined.encode()), threads=threads)
    back = "".join(opened).encode() if kind == "text" else b"".join(opened)
    assert back == whole


class Slow(io.RawIOBase):
    """Gives a few bytes at a time, in the midst of lines and characters."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def read(self, size: int = -1) -> bytes:
        piece, self.rest = self.rest[:7], self.rest[7:]
        return piece


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("newline", [None, "", "\n"])
def test_files_of_text_and_of_bytes(tmp_path: Path, threads: int, newline: str | None) -> None:
    own = tmp_path / "orders.ndjson"
    own.write_bytes(text(500))
    sealed = encrypted(own, threads=threads)
    (tmp_path / "sealed.ndjson").write_bytes(b"".join(sealed))
    with open(tmp_path / "sealed.ndjson", newline=newline, encoding="utf-8") as file:
        assert "".join(decrypted(file, threads=threads)) == text(500).decode()
    with open(tmp_path / "sealed.ndjson", "rb") as file:
        assert b"".join(decrypted(file, threads=threads)) == text(500)
    with open(tmp_path / "sealed.ndjson", "rb", buffering=0) as file:
        assert b"".join(decrypted(file, threads=threads)) == text(500)


@pytest.mark.parametrize("threads", THREADS)
def test_items_keep_their_type_and_their_line_end(threads: int) -> None:
    items = [
        line(1),
        line(2).decode(),
        line(3) + b"\n",
        line(4).decode() + "\r\n",
        {"id": 5, "card": [1]},
        "",
        b"\n",
        bytearray(line(6)),
    ]
    sealed = encrypted(items * 50, threads=threads)
    expected = [bytes, str, bytes, str, dict, str, bytes, bytes] * 50
    assert [type(own) for own in sealed] == expected
    opened = decrypted(sealed, threads=threads)
    assert opened == [bytes(own) if isinstance(own, bytearray) else own for own in items * 50]


def test_generators_are_pulled_lazily() -> None:
    pulled = []

    def source() -> Iterator[bytes]:
        for number in itertools.count():
            pulled.append(number)
            yield line(number)

    lines = CIPHER.encrypt_lines(source(), context=CONTEXT)
    assert not pulled, "nothing is read before it is wanted"
    for _ in range(10):
        next(lines)
    # It reads ahead by a chunk of 128 KiB, never the whole.
    assert 10 <= len(pulled) < 10_000
    lines.close()
    read = len(pulled)
    assert list(lines) == [] and len(pulled) == read


def test_dicts_have_exact_numbers() -> None:
    items = [{"id": 10**25, "card": Decimal("1.10")}, {"id": 2, "card": 1.5}]
    sealed = encrypted(items)
    assert decrypted(sealed, decimals=True) == [items[0], {"id": 2, "card": Decimal("1.5")}]
    assert decrypted(sealed)[1] == items[1]


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n \n"])
@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_and_blank_lines(content: bytes, threads: int) -> None:
    assert b"".join(encrypted(io.BytesIO(content), threads=threads)) == content


def test_it_is_an_iterator_and_a_context_manager() -> None:
    with CIPHER.encrypt_lines([line(1), line(2)], context=CONTEXT) as lines:
        assert iter(lines) is lines
        assert len(list(lines)) == 2
        with pytest.raises(StopIteration):
            next(lines)
    lines.close()
    assert list(lines) == []


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell what memory is in use")
@pytest.mark.parametrize("threads", [1, 2])
def test_lesson_f20_memory_stays_as_it_is(threads: int) -> None:
    """48 MiB pass through while the memory in use grows by far less."""
    template, count = line(1) + b" " * 900 + b"\n", 64 << 10

    def used() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    lines = CIPHER.encrypt_lines(itertools.repeat(template, count), context=CONTEXT, threads=threads)
    for _ in range(count // 4):
        next(lines)
    before, most = used(), 0
    for at, _ in enumerate(lines):
        if at % 500 == 0:
            most = max(most, used())
    # Two threads may hold 16 MiB of input on their way.
    assert most - before < (4 << 20) + (threads - 1) * (20 << 20)


def test_a_consumer_that_stops_taking_stops_the_reading() -> None:
    pulled = 0
    is_still = threading.Event()

    def source() -> Iterator[bytes]:
        nonlocal pulled
        while True:
            pulled += 1
            yield line(pulled) + b" " * 1000

    lines = CIPHER.encrypt_lines(source(), context=CONTEXT, threads=2)
    next(lines)
    for _ in range(200):
        seen = pulled
        is_still.wait(0.05)
        if seen == pulled:
            break
    # 8 MiB for each thread at most, and what is being read.
    assert pulled * 1030 < 24 << 20
    lines.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pipe_gives_each_line_as_it_comes(threads: int) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb", buffering=0) as sink:
        lines = CIPHER.encrypt_lines(source, context=CONTEXT, threads=threads)
        for number in range(3):
            sink.write(line(number) + b"\n")
            # It would wait for ever if it asked for more than there is.
            sealed = next(lines)
            assert CIPHER.decrypt(sealed.rstrip(), context=CONTEXT) == line(number)
        sink.close()
        assert list(lines) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_slow_iterable_gives_each_line_as_it_comes(threads: int) -> None:
    wanted = threading.Semaphore(0)

    def source() -> Iterator[bytes]:
        for number in range(4):
            assert wanted.acquire(timeout=10), "it asks for more before it hands out what it has"
            time.sleep(0.002)
            yield line(number)

    lines = CIPHER.encrypt_lines(source(), context=CONTEXT, threads=threads)
    for _ in range(4):
        wanted.release()
        assert next(lines)
    assert list(lines) == []
