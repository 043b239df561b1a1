"""Protected values never reach a renderer of structlog."""

# ruff: noqa: G201, LOG001

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from apiseal._redaction import MASK
from apiseal.logging import RedactProcessor
from leaks import CARD, DOCUMENT, FAILURES, MESSAGES, POLICY, fail


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
