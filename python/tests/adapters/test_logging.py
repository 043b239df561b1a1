"""Protected values never reach a handler of the standard library."""

# ruff: noqa: BLE001, LOG001

from __future__ import annotations

import datetime
import io
import json
import logging
import logging.handlers
import queue
from typing import Any

import apiseal
import pytest
from apiseal._redaction import MASK
from apiseal.logging import RedactFilter, RedactProcessor
from leaks import CARD, DOCUMENT, FAILURES, MESSAGES, POLICY, TOKEN, Printed, chained, fail
from pythonjsonlogger.json import JsonFormatter


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
