"""Protected values never reach a handler of the standard library or a renderer of structlog."""

# ruff: noqa: BLE001, G201, LOG001

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import io
import json
import logging
import logging.handlers
import queue
import sys
import types
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import apiseal
import pydantic
import pytest
import structlog
from apiseal._redaction import MASK
from apiseal.logging import RedactFilter, RedactProcessor
from pythonjsonlogger.json import JsonFormatter

CARD = "4111111111111111"
POLICY = {
    "apiseal_policy": 1,
    "id": "orders.v1",
    "rules": [
        {"path": "$.card", "bind": []},
        {"path": "$..pan", "bind": [], "mask": {"keep_last": 4}, "occurs": "optional"},
        {"path": "$.lines[*].note", "bind": [], "occurs": "optional"},
    ],
}


class Log:
    """A logger with one handler, as services have it."""

    def __init__(self, formatter: logging.Formatter | None = None, policies: tuple[Any, ...] = (POLICY,)) -> None:
        self.stream = io.StringIO()
        self.records: list[logging.LogRecord] = []
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(formatter or logging.Formatter("%(levelname)s %(message)s"))
        handler.addFilter(RedactFilter(*policies))
        handler.addFilter(lambda record: bool(self.records.append(record) or True))
        self.own = logging.Logger("test")
        self.own.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def assert_silent(self, secret: str = CARD) -> None:
        assert secret not in self.text
        for record in self.records:
            assert secret not in repr(record.__dict__), record.__dict__
            assert record.exc_info is None


@dataclasses.dataclass
class Order:
    id: int
    card: str


class Model(pydantic.BaseModel):
    id: int
    card: str


class Point(NamedTuple):
    id: int
    card: str


class Printed:
    def __str__(self) -> str:
        return json.dumps({"card": CARD})

    __repr__ = __str__


class Raises:
    def __str__(self) -> str:
        raise RuntimeError(CARD)

    __repr__ = __str__


class Name(str, enum.Enum):
    CARD = "card"


class Word(enum.Enum):
    CARD = "card"


class Other(str):
    def __str__(self) -> str:
        return "other"

    __repr__ = __str__


class HostileDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError(CARD)


DOCUMENT = {"id": 7, "card": CARD, "total": decimal.Decimal("1.10")}
TOKEN = "as1.k-qczZiLgCBw14." + "A" * 120
MESSAGES: dict[str, tuple[Any, ...]] = {
    "dict as message": (DOCUMENT,),
    "dict as argument": ("order %s", DOCUMENT),
    "dict as argument, its repr": ("order %r", DOCUMENT),
    "one dict, by name": ("card %(card)s of %(id)s", DOCUMENT),
    "tuple of arguments": ("%s: %s and %s", 1, DOCUMENT, "x"),
    "inner dict": ("%s", {"request": {"body": [DOCUMENT]}}),
    "list": ("%s", [1, DOCUMENT]),
    "tuple": ("%s %s", (1, DOCUMENT), 2),
    "mapping proxy": ("%s %s", types.MappingProxyType(DOCUMENT), 2),
    "chain map": ("%s %s", collections.ChainMap({}, DOCUMENT), 2),
    "deque, as it prints": ("%s", collections.deque([DOCUMENT])),
    "dataclass": ("%s", Order(7, CARD)),
    "pydantic": ("%s", Model(id=7, card=CARD)),
    "named tuple": ("%s %s", Point(7, CARD), 2),
    "object that prints JSON": ("%s", Printed()),
    "object that prints JSON, its repr": ("%r", Printed()),
    "JSON text as message": (json.dumps({"card": CARD}),),
    "JSON text in a message": (f"got {json.dumps({'card': CARD})} from peer",),
    "JSON text as argument": ("got %s from peer", json.dumps({"card": CARD})),
    "JSON bytes as argument": ("got %s from peer", json.dumps({"card": CARD}).encode()),
    "JSON bytearray as argument": ("got %s from peer", bytearray(json.dumps({"card": CARD}).encode())),
    "JSON in JSON": ("%s", json.dumps({"body": json.dumps({"card": CARD})})),
    "JSON in JSON in a dict": ("%s", {"body": json.dumps({"x": json.dumps({"card": CARD})})}),
    "JSON made by the message": ('{"id": %d, "card": "%s"}', 7, CARD),
    "JSON over several arguments": ("%s%s", '{"card": "' + CARD, '"}'),
    "JSON that is cut off": (json.dumps({"id": 1, "card": CARD})[:-1],),
    "JSON that is cut off in front": (json.dumps({"card": CARD, "a": {"b": 1}, "c": 1})[1:],),
    "JSON that is cut off in front, as argument": ("got %s and more", json.dumps({"a": [], "card": CARD})[2:]),
    "JSON that is malformed": ('{"id": 1,, "card": "' + CARD + '"}',),
    "JSON with a member twice": ('{"card": "' + CARD + '", "card": 1}',),
    "JSON with NaN": ('{"a": NaN, "card": "' + CARD + '"}',),
    "JSON that is escaped": (json.dumps(json.dumps({"card": CARD})),),
    "dict as Python prints it": (f"got { ({'card': CARD}) } in 3 ms",),
    "members without quotes": ("{card: " + CARD + "}",),
    "two documents": (f"{json.dumps({'a': 1})} {json.dumps({'card': CARD})}",),
    "number instead of text": ("%s", {"card": int(CARD)}),
    "object instead of text": ("%s", {"card": {"number": CARD}}),
    "plain object instead of text": ("%s", {"card": decimal.Decimal(CARD)}),
    "bytes instead of text": ("%s", {"card": CARD.encode()}),
    "key that is JSON": ("%s", {json.dumps({"card": CARD}): 1}),
    "key that is JSON behind a text": ("%s", {"got " + json.dumps({"card": CARD}): 1}),
    "key that is an array behind a text": ("%s", {"got " + json.dumps([{"card": CARD}]): 1}),
    "key of bytes": ("%s", {b"id": 7, b"card": CARD}),
    "key that is a member of an enumeration of texts": ("%s", {Name.CARD: CARD}),
    "key that is a member of an enumeration": ("%s", {Word.CARD: CARD}),
    "key that prints otherwise": ("%s", {Other("card"): CARD}),
    "keys that fall together, one of bytes": ("%s", {b"a": 1, "a": CARD, "card": CARD}),
    "rule with a wildcard": ("%s", {"lines": [{"note": "x"}, {"note": CARD}]}),
    "lone surrogate beside": ("%s", {"a": "\ud800", "card": CARD}),
    "NaN beside": ("%s", {"a": float("nan"), "card": CARD}),
    "odd keys beside": ("%s", {1: "a", None: "b", False: "c", (1, 2): "d", "card": CARD}),
    "keys that fall together": ("%s", {1: {"card": CARD}, "1": 2}),
    "date beside": ("%s", {"at": datetime.datetime(2026, 1, 1), "id": uuid.UUID(int=7), "card": CARD}),
    "too few arguments": ("%s %s", CARD),
    "too many arguments": ("%s", CARD, CARD),
    "arguments of the wrong type": ("%d %s", DOCUMENT, CARD),
    "str that raises": ("%s", Raises()),
    "hostile dict": ("%s %s", HostileDict(card=CARD), 1),
    "exception as argument": ("failed: %s", ValueError(DOCUMENT)),
    "exception as message": (ValueError(json.dumps({"card": CARD})),),
}


@pytest.mark.parametrize("arguments", MESSAGES.values(), ids=MESSAGES.keys())
@pytest.mark.parametrize("formatter", [None, JsonFormatter("%(message)s %(args)s %(msg)s")], ids=["text", "json"])
def test_no_message_shows_a_protected_value(
    arguments: tuple[Any, ...], formatter: logging.Formatter | None, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(formatter)
    log.own.error(*arguments)
    log.assert_silent()
    assert log.text.strip()
    assert CARD not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", MESSAGES.values(), ids=MESSAGES.keys())
def test_nothing_that_is_extra_shows_a_protected_value(arguments: tuple[Any, ...]) -> None:
    values = arguments[1:] or arguments
    if not any(isinstance(value, str) and value == CARD for value in values):
        for formatter in (JsonFormatter(), JsonFormatter(json_default=lambda value: repr(value))):
            log = Log(formatter)
            log.own.error("x", extra={f"name{at}": value for at, value in enumerate(values)})
            log.assert_silent()
            json.loads(log.text)


def test_extra_attributes_are_one_document_together() -> None:
    log = Log(JsonFormatter())
    log.own.error("x", extra={"card": CARD, "id": 7, "pan": CARD})
    log.assert_silent()
    shown = json.loads(log.text)
    assert (shown["card"], shown["id"], shown["pan"]) == (MASK, 7, "****1111")


def test_what_is_not_protected_stays() -> None:
    log = Log()
    log.own.error("plain %s %d %5.2f %r", "a", 7, 1.5, "b")
    log.own.error("[worker-3] started {} {name} at [2026-11-27 10:00:00,123] 100%")
    log.own.error("settings %s", {"retries": 3, "names": ["a"], "at": datetime.date(2026, 1, 2)})
    log.own.error("routes %s", {"/orders/{id}": 1, "/a[0]": 2, b"x": 3})
    log.own.error('exact {"a": 1.10, "b" : [1E400, "\\u00e9"]} text')
    assert log.text.splitlines() == [
        "ERROR plain a 7  1.50 'b'",
        "ERROR [worker-3] started {} {name} at [2026-11-27 10:00:00,123] 100%",
        'ERROR settings {"retries": 3, "names": ["a"], "at": "2026-01-02"}',
        'ERROR routes {"/orders/{id}": 1, "/a[0]": 2, "x": 3}',
        'ERROR exact {"a": 1.10, "b" : [1E400, "\\u00e9"]} text',
    ]
    first = log.records[0]
    assert (first.msg, first.args) == ("plain %s %d %5.2f %r", ("a", 7, 1.5, "b"))


def test_masks_are_those_of_the_redactor_and_other_bytes_stay() -> None:
    log = Log()
    log.own.error('got {"id" : 1.10, "card": "' + CARD + '", "a": {"pan": "' + CARD + '"}} from peer')
    log.own.error("got %s", {"order": {"card": CARD, "pan": CARD, "id": 7}})
    assert log.text.splitlines() == [
        'ERROR got {"id" : 1.10, "card": "[redacted]", "a": {"pan": "****1111"}} from peer',
        'ERROR got {"order": {"card": "[redacted]", "pan": "****1111", "id": 7}}',
    ]


@pytest.mark.parametrize(
    "text",
    ["{}", "at {}", "[{}]"],
)
@pytest.mark.parametrize("token", [TOKEN, TOKEN.replace("as1.", "as1f."), TOKEN.replace("as1.", "as1d.")])
def test_tokens_are_masked_too(text: str, token: str) -> None:
    log = Log()
    log.own.error(text.format(token))
    log.own.error("%s and %s", text.format(token), {"x": token, token: 1})
    log.own.error("as1.k-qcz%s", token[9:])
    log.own.error("x", extra={"token": token})
    log.assert_silent("AAAAAAAA")


@pytest.mark.parametrize(
    "text",
    [
        f'["{CARD}", 1]',
        f'["{CARD}", {{"a": 1',
        f"[{CARD}",
        f"[ {CARD} , 1",
        f"[-{CARD}.5e1, x",
        f"['{CARD}', 1]",
        f'[ "{CARD}" x',
        f"[null, {CARD}, x",
        f"[NaN, {CARD}, x]",
        f'[[{CARD}, "',
    ],
)
def test_arrays_are_documents_too(text: str) -> None:
    log = Log(
        policies=(
            POLICY,
            {"apiseal_policy": 1, "id": "l", "rules": [{"path": "$[*]", "bind": [], "occurs": "optional"}]},
        )
    )
    log.own.error(f"got {text}")
    log.own.error("got %s", text)
    log.assert_silent()


def test_several_policies_hold_together() -> None:
    other = {"apiseal_policy": 1, "id": "o", "rules": [{"path": "$.pan", "bind": []}, {"path": "$.ssn", "bind": []}]}
    log = Log(policies=(POLICY, apiseal.Redactor(other)))
    log.own.error("%s", {"card": CARD, "pan": CARD, "ssn": CARD})
    assert log.text == 'ERROR {"card": "[redacted]", "pan": "[redacted]", "ssn": "[redacted]"}\n'


def test_a_layout_with_a_header_is_masked_whole() -> None:
    policy = {"apiseal_policy": 1, "id": "d", "layout": "document", "bind": ["$"], "rules": [{"path": "$.card"}]}
    ring = apiseal.Keyring.generate()
    sealed = apiseal.FieldCipher(ring, policy).encrypt({"id": 7, "card": CARD}, context={"purpose": "x"})
    log = Log(policies=(policy,))
    log.own.error("%s", sealed)
    log.own.error(json.dumps(sealed))
    log.assert_silent(sealed["_seal"])
    assert "as1" not in log.text


def fail(depth: int = 0) -> None:
    card = CARD  # noqa: F841 - a local variable that some handlers print
    if depth:
        fail(depth - 1)
    raise ValueError({"card": CARD})


def chained() -> None:
    try:
        fail()
    except ValueError as error:
        try:
            raise KeyError(json.dumps({"card": CARD}))
        except KeyError:
            raise RuntimeError(f"body {json.dumps({'card': CARD})}") from error


def in_context() -> None:
    try:
        fail()
    except ValueError:
        fail()


def noted() -> None:
    error = ValueError("x")
    error.__notes__ = [json.dumps({"card": CARD})]
    raise error


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError(CARD)


def hostile() -> None:
    raise Hostile(CARD)


def endless() -> None:
    one, other = ValueError({"card": CARD}), ValueError({"card": CARD})
    one.__cause__, other.__cause__ = other, one
    raise one


def long_chain() -> None:
    error: Exception = ValueError({"card": CARD})
    for _ in range(200):
        outer = ValueError({"card": CARD})
        outer.__cause__, error = error, outer
    raise error


FAILURES = [fail, lambda: fail(50), chained, in_context, noted, hostile, endless, long_chain]
if sys.version_info >= (3, 11):

    def group() -> None:
        raise ExceptionGroup(  # noqa: F821
            "several " + json.dumps({"card": CARD}), [ValueError({"card": CARD}), KeyError(1)]
        )

    FAILURES.append(group)


class FramesFormatter(logging.Formatter):
    """As formatters of error trackers: it shows local variables."""

    def formatException(self, error: Any) -> str:
        return repr(error[2].tb_frame.f_locals)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("formatter", [None, JsonFormatter(), FramesFormatter()], ids=["text", "json", "frames"])
def test_no_exception_shows_a_protected_value(failure: Any, formatter: logging.Formatter | None) -> None:
    log = Log(formatter)
    try:
        failure()
    except Exception as error:
        log.own.exception("failed %s", 1)
        log.own.error("failed", exc_info=error)
        log.own.error("failed", exc_info=True, stack_info=True)
    log.assert_silent()
    for record in log.records:
        assert record.exc_text
    assert "Traceback (most recent call last)" in log.text


def test_a_traceback_still_tells_where() -> None:
    log = Log()
    try:
        chained()
    except RuntimeError:
        log.own.exception("failed")
    assert 'RuntimeError: body {"card": "[redacted]"}' in log.text
    assert "ValueError: [redacted]" in log.text
    assert "direct cause of the following exception" in log.text
    assert "fail()" in log.text


FRAME = 'Stack (most recent call last):\n  File "a.py", line 1, in f\n    g({\n  File "b.py", line 2, in g\n    h()'
PRETTY = json.dumps({"a": 1, "card": CARD}, indent=4)


@pytest.mark.parametrize(
    "text",
    [
        f"ValueError: { ({'card': CARD}) }\nmore",
        f"ValueError: {PRETTY}",
        f"ValueError: {PRETTY[:-2]}",
        f"ValueError: {PRETTY[2:]}",
        f"{FRAME}\n{PRETTY[:-2]}",
        f"{FRAME}\n    {{\n    {PRETTY[4:]}",
        FRAME.replace("g({", json.dumps({"card": CARD})),
    ],
)
def test_texts_of_exceptions_and_stacks_that_others_left(text: str) -> None:
    record = logging.makeLogRecord({"msg": "x", "exc_text": text, "stack_info": text})
    record.message = text
    assert RedactFilter(POLICY).filter(record)
    assert CARD not in repr(record.__dict__)
    event = RedactProcessor(POLICY)(None, "error", {"event": "x", "exception": text, "stack": text})
    assert CARD not in repr(event)


def test_a_stack_still_tells_where() -> None:
    record = logging.makeLogRecord({"msg": "x", "stack_info": FRAME})
    RedactFilter(POLICY).filter(record)
    assert record.stack_info == FRAME.replace("{", MASK)
    record = logging.makeLogRecord({"msg": "x", "stack_info": '  File "' * 50_000})
    RedactFilter(POLICY).filter(record)


def test_a_queue_gets_masked_records() -> None:
    records: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = logging.handlers.QueueHandler(records)
    handler.addFilter(RedactFilter(POLICY))
    log = logging.Logger("queued")
    log.addHandler(handler)
    try:
        fail()
    except ValueError:
        log.exception("order %s", DOCUMENT, extra={"order": DOCUMENT})
    record = records.get_nowait()
    assert CARD not in repr(record.__dict__)
    assert "[redacted]" in record.getMessage()


def test_records_can_be_sent_to_another_process() -> None:
    log = Log()
    log.own.error("order %s", DOCUMENT, extra={"order": DOCUMENT, "printed": Printed()})
    sent = logging.handlers.SocketHandler("localhost", 1).makePickle(log.records[0])
    assert CARD.encode() not in sent
    # Whoever receives it need not have this package.
    assert b"_redaction" not in sent


def nested(depth: int) -> Any:
    value: Any = {"card": CARD}
    for _ in range(depth):
        value = {"a": value}
    return value


def cyclic() -> Any:
    value: dict[str, Any] = {"card": CARD}
    value["self"] = [value]
    return value


HUGE: dict[str, Any] = {
    "deep": nested(40),
    "very deep": nested(5000),
    "deep text": json.dumps(nested(900)),
    "brackets": "[" * 200_000 + CARD,
    "braces": '{"a":' * 100_000 + CARD,
    "many brackets": "[x" * 100_000 + '{"card": "' + CARD + '"',
    "many documents": "[1] " * 60_000 + json.dumps({"card": CARD}),
    "many literals": "[NaN," * 40_000 + CARD,
    "cycle": cyclic(),
    "wide": {"card": CARD, "items": [{"pan": CARD}] * 20_000},
    "long": {"card": CARD, "text": "x" * 1_000_000},
    "long text": "x" * 1_000_000 + json.dumps({"card": CARD}),
    "json in json in json": "",
}
_text = json.dumps({"card": CARD})
for _ in range(12):
    _text = json.dumps({"a": _text})
HUGE["json in json in json"] = _text


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE.keys())
def test_depth_and_size_are_bounded(value: Any) -> None:
    log = Log(JsonFormatter())
    log.own.error("got %s", value)
    log.own.error(value)
    log.own.error("x", extra={"value": value, "card": CARD})
    assert CARD not in log.text
    assert len(log.text) < 4_000_000


def test_a_fault_in_the_filter_empties_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*arguments: Any) -> Any:
        raise RuntimeError(CARD)

    monkeypatch.setattr("apiseal.logging._message", fault)
    log = Log(JsonFormatter())
    try:
        fail()
    except ValueError:
        log.own.exception("order %s", DOCUMENT, extra={"order": DOCUMENT})
    log.assert_silent()
    assert json.loads(log.text)["message"] == MASK


def test_a_fault_in_the_redactor_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def redact(self, document: Any) -> Any:
            raise MemoryError

    log = Log()
    monkeypatch.setattr(log.own.handlers[0].filters[0], "_redactors", (Faulty(),))
    log.own.error("order %s", DOCUMENT, extra={"order": DOCUMENT})
    log.own.error(json.dumps({"card": CARD}))
    log.assert_silent()


def test_a_text_that_looks_like_a_stack_is_read_once() -> None:
    """Read in every way that it can be read, it would take longer than anybody waits."""
    text = '  File "a", line 1, in b", line 1, in c\n' * 500 + "end of " + json.dumps({"card": CARD})
    event = RedactProcessor(POLICY)(None, "info", {"event": "x", "exception": text, "stack": text})
    assert CARD not in str(event) and event["stack"] == event["exception"] == text.replace(CARD, MASK)
    frame = text.splitlines()[0] + "\n    raise\n    ^^^^^\n"
    assert RedactProcessor(POLICY)(None, "info", {"event": "x", "stack": frame * 3})["stack"] == frame * 3


def test_a_filter_needs_a_policy() -> None:
    with pytest.raises(TypeError, match="at least one policy"):
        RedactFilter()
    with pytest.raises(apiseal.PolicyError):
        RedactFilter({"apiseal_policy": 1, "id": "x", "rules": []})


# structlog


@pytest.fixture
def structured() -> Iterator[tuple[Any, io.StringIO]]:
    stream = io.StringIO()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            RedactProcessor(POLICY),
            structlog.processors.JSONRenderer(default=repr),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    yield structlog.get_logger(), stream
    structlog.reset_defaults()


@pytest.mark.parametrize("arguments", MESSAGES.values(), ids=MESSAGES.keys())
def test_no_event_shows_a_protected_value(arguments: tuple[Any, ...], structured: tuple[Any, io.StringIO]) -> None:
    log, stream = structured
    log.error(*arguments[:1], positional_args=arguments[1:])
    values = [value for value in arguments if not (isinstance(value, str) and value == CARD)]
    log.error("x", **{f"name{at}": value for at, value in enumerate(values)})
    log.bind(order=DOCUMENT).error("x", card=CARD, id=7)
    assert CARD not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 3


@pytest.mark.parametrize("failure", FAILURES)
def test_no_event_shows_an_exception_that_holds_a_protected_value(
    failure: Any, structured: tuple[Any, io.StringIO]
) -> None:
    log, stream = structured
    try:
        failure()
    except Exception as error:
        log.exception("failed", stack_info=True)
        log.error("failed", exc_info=error)
        log.error("failed", exc_info=sys.exc_info())
    lines = stream.getvalue().splitlines()
    assert CARD not in stream.getvalue()
    assert all("exc_info" not in json.loads(line) and json.loads(line)["exception"] for line in lines)
    assert len(lines) == 3


def test_other_members_of_an_event_stay_in_order(structured: tuple[Any, io.StringIO]) -> None:
    log, stream = structured
    log.info("created", id=7, total=1.5, pan=CARD)
    assert stream.getvalue() == '{"id": 7, "total": 1.5, "pan": "****1111", "event": "created", "level": "info"}\n'


def test_an_exception_with_local_variables_is_masked_whole() -> None:
    try:
        fail()
    except ValueError:
        event = structlog.processors.dict_tracebacks(None, "error", {"event": "x", "exc_info": True})
        assert CARD in repr(event)
        assert RedactProcessor(POLICY)(None, "error", event) == {"event": "x", "exception": MASK}


def test_records_that_pass_through_the_formatter_of_structlog() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ExtraAdder(),
                RedactProcessor(POLICY),
                remove,
                structlog.processors.JSONRenderer(),
            ]
        )
    )
    log = logging.Logger("foreign")
    log.addHandler(handler)
    try:
        fail()
    except ValueError:
        log.exception("order %s", DOCUMENT, extra={"order": {"card": CARD}})
    assert CARD not in stream.getvalue()
    assert json.loads(stream.getvalue())["order"] == {"card": MASK}


def test_a_fault_in_the_processor_empties_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*arguments: Any) -> Any:
        raise RuntimeError(CARD)

    monkeypatch.setattr("apiseal.logging._message", fault)
    assert RedactProcessor(POLICY)(None, "error", {"event": "x", "card": CARD}) == {"event": MASK, "level": "error"}
