"""Logs without what policies protect: a filter for the standard library, a processor for structlog.

    handler = logging.StreamHandler()
    handler.addFilter(RedactFilter(policy))

Both mask the message, its arguments, extra attributes, exceptions with those behind them, and stack information, before a
handler or renderer sees them. They never let through what they cannot handle: it becomes `[redacted]`.

**Recognised** are documents and encrypted tokens: dicts and other mappings, lists, tuples, sets, named tuples, dataclasses,
attrs classes and Pydantic models, each of them and each one inside of another as a document under every policy; JSON objects
and arrays within texts and bytes. JSON that is cut off or malformed, and dicts as Python prints them, cannot be told from what
follows, so the rest of that text is masked.

**Not recognised** is a protected value that stands by itself: `log.info("card %s", card)`, or one in an exception's sentence.
Nor is JSON in another encoding: Base64, percent-encoded, compressed. Log documents, not their values.

Tracebacks become texts, since the frames in `exc_info` hold local variables: a handler gets `exc_text` alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from apiseal._redaction import MASK, Masker, redactors_of

__all__ = ["RedactFilter", "RedactProcessor"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; all else is extra."""

_TEXTS = (
    "name",
    "levelname",
    "pathname",
    "filename",
    "module",
    "funcName",
    "threadName",
    "processName",
    "taskName",
    "message",
)


class RedactFilter(logging.Filter):
    """Masks each record that passes, and lets all of them through.

    Add it to every handler: a filter of a logger does not see what loggers below it emit. A record that passes twice is
    masked twice, and a mask that shows the last characters then shows none.

    `policies`: each a Policy, dict, JSON text, path or Redactor. No key is needed.
    """

    def __init__(self, *policies: Any) -> None:
        super().__init__()
        self._redactors = redactors_of(policies)

    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the record in place."""
        try:
            self._mask(record)
        except Exception:  # noqa: BLE001 - whatever fails, the record is emptied
            _empty(record)
        return True

    def _mask(self, record: logging.LogRecord) -> None:
        masker = Masker(self._redactors)
        own = record.__dict__
        own["msg"], own["args"] = _message(masker, record.msg, record.args)
        _mask_error(masker, record)
        if record.stack_info:
            record.stack_info = masker.frames(str(record.stack_info))
        for name in _TEXTS:
            if isinstance(own.get(name), str):
                own[name] = masker.text(own[name])
        extra = {name: own.pop(name) for name in own.keys() - _OWN}
        if extra:
            masked = masker.plain(extra)
            # The whole may be masked: as one document, or because it is too large.
            own.update({name: masked.get(name, MASK) if isinstance(masked, dict) else MASK for name in extra})


class RedactProcessor:
    """Masks each event of structlog. It stands last before the renderer (or `ProcessorFormatter.wrap_for_formatter`).

    `exc_info` becomes the text `exception`, as `format_exc_info` makes it; positional arguments are merged into the event.

    `policies`: as in `RedactFilter`.
    """

    def __init__(self, *policies: Any) -> None:
        self._filter = RedactFilter(*policies)
        self._redactors = redactors_of(policies)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The masked event."""
        try:
            return self._masked(event)
        except Exception:  # noqa: BLE001 - whatever fails, the event is emptied
            return {"event": MASK, "level": method}

    def _masked(self, event: MutableMapping[str, Any]) -> dict[str, Any]:
        masker = Masker(self._redactors)
        rest = dict(event)
        # What structlog itself passes between its processors and its formatter for the standard library.
        passed: dict[str, Any] = {name: rest.pop(name) for name in ("_record", "_from_structlog") if name in rest}
        if isinstance(record := passed.get("_record"), logging.LogRecord):
            self._filter.filter(record)
        else:
            passed.pop("_record", None)
        done: dict[str, Any] = {}
        if "event" in rest:
            message, args = _message(masker, rest.pop("event"), rest.pop("positional_args", ()))
            done["event"] = message % args if args else message
        if error := rest.pop("exc_info", None):
            rest.pop("exception", None)
            if text := _error_text(masker, error):
                done["exception"] = text
        if not isinstance(rest.get("exception", ""), str):
            # It was made by a processor before this one, with local variables in it.
            rest["exception"] = MASK
        for name in ("stack", "exception"):
            if isinstance(rest.get(name), str):
                done[name] = masker.frames(rest.pop(name))
        masked = masker.plain(rest)
        done.update(masked if isinstance(masked, dict) else dict.fromkeys(map(str, rest), MASK))
        order = {name: at for at, name in enumerate(event)}
        return {**dict(sorted(done.items(), key=lambda item: order.get(item[0], len(order)))), **passed}


def _message(masker: Masker, message: Any, args: Any) -> tuple[Any, Any]:
    """A message and its arguments without protected values, which may stand in both together: `{"card": "%s"}`."""
    template = message if type(message) is str else masker.shown(message)
    if not args:
        return masker.text(template) if isinstance(template, str) else template, args
    masked: Any = masker.shown(args) if isinstance(args, Mapping) else tuple(map(masker.shown, args))
    try:
        text = str(template) % masked
    except Exception:  # noqa: BLE001 - a handler would print message and arguments to standard error
        return f"{MASK} (the arguments do not fit the message)", ()
    # Without brackets in the template no document is made of several parts.
    clean = masker.text(text) if any(bracket in str(template) for bracket in "{[") else masker.tokens(text)
    return (str(template), masked) if clean == text else (clean, ())


def _mask_error(masker: Masker, record: logging.LogRecord) -> None:
    """Puts a masked text in place of an exception."""
    if record.exc_info:
        record.exc_text = _error_text(masker, record.exc_info)
    elif record.exc_text:
        record.exc_text = masker.text(str(record.exc_text))
    record.exc_info = None


def _error_text(masker: Masker, error: Any) -> str | None:
    """The traceback of an exception, of a triple of `sys.exc_info`, or of the exception that is handled now."""
    if isinstance(error, BaseException):
        return masker.error(error, error.__traceback__)
    if not isinstance(error, tuple):
        error = sys.exc_info()
    if len(error) == 3 and isinstance(error[1], BaseException):
        return masker.error(error[1], error[2])
    return None


def _empty(record: logging.LogRecord) -> None:
    """Leaves nothing in a record but where and when it was made."""
    for name in record.__dict__.keys() - _OWN:
        del record.__dict__[name]
    record.msg, record.args = MASK, ()
    record.exc_text = MASK if record.exc_info or record.exc_text else None
    record.exc_info = record.stack_info = None
    record.__dict__.pop("message", None)
