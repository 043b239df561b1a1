"""NDJSON that goes wrong: lines that fail, sources and callbacks that raise, iterators that are left."""

from __future__ import annotations

import gc
import io
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apiseal
import pytest
from test_lines import CIPHER, CONTEXT, POLICY, THREADS, line, text

BAD = [b'{"id": 1}', b"{", b'{"id":1,"id":2,"card":3}', b"\xff", b"[" * 200, b'{"id":1,"card":"as1.x"}']
CODES = [211, 300, 301, 300, 311, 214]


@pytest.mark.parametrize("threads", THREADS)
def test_lines_that_fail_go_to_the_callback_in_order(threads: int) -> None:
    source, expected = b"", []
    for at, bad in enumerate(BAD * 40):
        source += text(3) + bad + b"\n"
        expected.append((4 * at + 4, CODES[at % len(BAD)]))
    told: list[tuple[int, int]] = []
    where: list[int] = []
    taken = 0

    def on_error(number: int, error: apiseal.ApisealError) -> None:
        assert error.line == number and isinstance(error, apiseal.ApisealError)
        told.append((number, error.code))
        where.append(taken)

    for _ in CIPHER.encrypt_lines(io.BytesIO(source), context=CONTEXT, threads=threads, on_error=on_error):
        taken += 1
    assert told == expected
    # Between the lines before and behind it.
    assert where == [3 * (at + 1) for at in range(len(expected))]
    assert taken == 3 * len(expected)


@pytest.mark.parametrize("threads", THREADS)
def test_without_a_callback_it_raises_and_may_go_on(threads: int) -> None:
    lines = CIPHER.encrypt_lines([line(1), b'{"id": 2}', {"id": 3}, line(4).decode()], context=CONTEXT, threads=threads)
    assert type(next(lines)) is bytes
    for number in (2, 3):
        with pytest.raises(apiseal.NoMatchError) as refused:
            next(lines)
        assert refused.value.line == number
    # Types are those of the lines that did not fail.
    assert type(next(lines)) is str
    with pytest.raises(StopIteration):
        next(lines)


def test_what_the_callback_raises_is_raised_and_may_go_on() -> None:
    def on_error(number: int, error: apiseal.ApisealError) -> None:
        raise LookupError(number) from error

    lines = CIPHER.encrypt_lines([b"{", line(2)], context=CONTEXT, on_error=on_error)
    with pytest.raises(LookupError, match="1") as refused:
        next(lines)
    assert isinstance(refused.value.__cause__, apiseal.DocumentError)
    assert len(list(lines)) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_rejected_line_is_told_as_rejected(threads: int) -> None:
    sealed = list(CIPHER.encrypt_lines([line(number) for number in range(6)], context=CONTEXT, threads=threads))
    sealed[2], sealed[3] = sealed[3].replace(b'"id": 3', b'"id": 2'), sealed[2]
    told = []
    opened = list(
        CIPHER.decrypt_lines(
            sealed, context=CONTEXT, on_error=lambda number, error: told.append((number, error.code)), threads=threads
        )
    )
    assert told == [(3, 501)] and len(opened) == 5


def test_a_value_of_several_lines_is_no_line() -> None:
    sealed = CIPHER.encrypt(b'{"id": 1, "card": [1,\n2]}', context=CONTEXT)
    with pytest.raises(apiseal.DocumentError) as refused:
        list(CIPHER.decrypt_lines([sealed], context=CONTEXT))
    assert refused.value.code == 302


def test_a_line_beyond_its_limit_fails_alone() -> None:
    told: list[tuple[int, int]] = []
    source = io.BytesIO(line(1) + b"\n" + line(2) + b" " * 5000 + b"\n" + line(3) + b"\n")
    options: dict[str, Any] = {"max_line": 100, "on_error": lambda number, error: told.append((number, error.code))}
    assert len(list(CIPHER.encrypt_lines(source, context=CONTEXT, **options))) == 2
    assert told == [(2, 310)]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt, ZeroDivisionError])
def test_what_the_source_raises_is_raised_behind_the_lines_before_it(threads: int, kind: type[BaseException]) -> None:
    raised = kind("the source")

    def source() -> Iterator[bytes]:
        yield line(1)
        yield line(2)
        raise raised

    lines = CIPHER.encrypt_lines(source(), context=CONTEXT, threads=threads)
    assert len([next(lines), next(lines)]) == 2
    with pytest.raises(kind) as refused:
        next(lines)
    assert refused.value is raised, "the very exception, with its traceback"
    assert refused.traceback[-1].name == "source"
    assert list(lines) == []


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "item, error, match",
    [
        (5, TypeError, "bytes, str, dict or list, not int"),
        (None, TypeError, "not NoneType"),
        (b'{"id":1}\n{"id":2}', ValueError, "more than one line"),
        (object(), TypeError, "not object"),
    ],
)
def test_items_that_are_no_lines(item: Any, error: type[Exception], match: str, threads: int) -> None:
    lines = CIPHER.encrypt_lines([line(1), item, line(2)], context=CONTEXT, threads=threads)
    assert next(lines)
    with pytest.raises(error, match=match):
        next(lines)


@pytest.mark.parametrize(
    "item", ['{"id":1,"card":"\ud800"}', {"id": 1, "card": float("nan")}, {"id": 1, "card": "\ud800"}]
)
def test_items_without_a_text_fail_as_lines(item: Any) -> None:
    told: list[tuple[int, int]] = []
    options: dict[str, Any] = {"on_error": lambda number, error: told.append((number, error.code))}
    lines = CIPHER.encrypt_lines([line(1), item, line(3).decode()], context=CONTEXT, **options)
    assert [type(own) for own in lines] == [bytes, str]
    assert told == [(2, 300)]


class NoBytes:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def read(self, _size: int) -> object:
        return self.answer


@pytest.mark.parametrize("answer", [None, 5, ["x"]])
def test_files_that_give_no_bytes(answer: object) -> None:
    with pytest.raises(TypeError, match="bytes or str from `read`"):
        next(CIPHER.encrypt_lines(NoBytes(answer), context=CONTEXT))


@pytest.mark.parametrize("source", [b"{}", "orders.ndjson", 5, None, object()])
def test_sources_that_are_none(source: Any) -> None:
    with pytest.raises(TypeError, match="a path, a file, or an iterable of lines"):
        CIPHER.encrypt_lines(source, context=CONTEXT)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CIPHER.encrypt_lines(tmp_path / "none", context=CONTEXT)
    with pytest.raises(OSError):
        list(CIPHER.encrypt_lines(tmp_path, context=CONTEXT))


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": 1025}, {"max_line": 0}])
def test_options_out_of_their_range(options: dict) -> None:
    with pytest.raises(apiseal.ArgumentError, match="must be from 1 to"):
        CIPHER.encrypt_lines([], context=CONTEXT, **options)


@pytest.mark.parametrize(
    "options", [{"threads": -1}, {"threads": "2"}, {"threads": 1.5}, {"on_error": 5}, {"on_error": "skip"}]
)
def test_options_of_wrong_types(options: dict) -> None:
    with pytest.raises((TypeError, OverflowError)):
        CIPHER.encrypt_lines([], context=CONTEXT, **options)


def test_a_context_is_checked_at_once() -> None:
    with pytest.raises(apiseal.ContextError):
        CIPHER.encrypt_lines([], context={"tenant": "acme"})
    with pytest.raises(TypeError, match="context"):
        CIPHER.encrypt_lines([])  # type: ignore[call-arg]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell which threads there are")
@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("how", ["close", "del", "with"])
@pytest.mark.parametrize("kind", ["generator", "file"])
def test_an_iterator_that_is_left_stops_its_threads(threads: int, how: str, kind: str) -> None:
    def workers() -> set[str]:
        return {
            own.name for own in Path("/proc/self/task").glob("*/comm") if own.read_text().startswith("apiseal-line")
        }

    def endless() -> Iterator[bytes]:
        for number in itertools.count():
            yield line(number) + b" " * 20_000  # few lines in a chunk

    # Workers are in the audit hook most of the time, and need the interpreter's lock to leave it: whoever waited for them
    # with the lock in hand would wait for ever.
    cipher = apiseal.FieldCipher(CIPHER.keyring, POLICY, audit=lambda event: time.sleep(0.0002))
    source = endless() if kind == "generator" else io.BytesIO((line(1) + b" " * 20_000 + b"\n") * 2000)
    lines = cipher.encrypt_lines(source, context=CONTEXT, threads=threads)
    next(lines)
    if how == "close":
        lines.close()
    elif how == "with":
        with lines:
            pass
    del lines
    gc.collect()
    # The one that reads the source ends with its read.
    for _ in range(100):
        if not workers():
            break
        threading.Event().wait(0.05)
    assert not workers()


def test_only_one_thread_at_a_time_uses_an_iterator() -> None:
    inside, leave = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield line(1)
        inside.set()
        leave.wait(10)

    lines = CIPHER.encrypt_lines(source(), context=CONTEXT)
    thread = threading.Thread(target=list, args=(lines,))
    thread.start()
    assert inside.wait(10)
    for use in (lambda: next(lines), lines.close):
        with pytest.raises(RuntimeError, match="in use"):
            use()
    leave.set()
    thread.join(10)
    assert not thread.is_alive()
    assert list(lines) == []


def test_a_callback_that_uses_its_own_iterator_is_told_so() -> None:
    lines: Any = None
    raised = []

    def on_error(_number: int, _error: Exception) -> None:
        try:
            next(lines)
        except RuntimeError as error:
            raised.append(error)

    lines = CIPHER.encrypt_lines([b"{", line(1)], context=CONTEXT, on_error=on_error)
    assert len(list(lines)) == 1 and len(raised) == 1


def test_sources_and_callbacks_may_call_the_library() -> None:
    def source() -> Iterator[bytes]:
        for number in range(50):
            yield CIPHER.decrypt(CIPHER.encrypt(line(number), context=CONTEXT), context=CONTEXT)
        yield b"{"

    told = []
    lines = CIPHER.encrypt_lines(
        source(), context=CONTEXT, threads=2, on_error=lambda *_: told.append(CIPHER.encrypt(line(1), context=CONTEXT))
    )
    nested = CIPHER.decrypt_lines(lines, context=CONTEXT, threads=2)
    assert list(nested) == [line(number) for number in range(50)]
    assert len(told) == 1


LEFT = """
import itertools, sys, threading, apiseal
cipher = apiseal.FieldCipher(apiseal.Keyring.generate(), {policy}, audit=lambda event: None)
lines = cipher.encrypt_lines((b'{{"id": 1, "card": "x"}}' for _ in itertools.count()), context={{"purpose": "x"}}, threads={threads})
next(lines)
print("done", flush=True)
"""


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_program_may_end_with_an_iterator_under_way(threads: int) -> None:
    program = LEFT.format(policy=POLICY, threads=threads)
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
