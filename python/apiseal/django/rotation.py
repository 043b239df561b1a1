"""Carries columns to the key that encrypts now, and tells who still uses which key."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db import models, router, transaction
from django.db.models.functions import Cast
from django.db.models.lookups import Exact

import apiseal
from apiseal.django.fields import EncryptedField, SealedValue

__all__ = ["Progress", "census", "reencrypt"]

_TOKEN = "apiseal_token"


@dataclasses.dataclass
class Progress:
    """How far a run came."""

    last: Any = None
    """Primary key of the last row that is done: a run can go on after it."""
    changed: int = 0
    """Rows that were encrypted anew."""
    current: int = 0
    """Rows that were under the primary key already, or NULL."""
    overtaken: int = 0
    """Rows that somebody else wrote meanwhile, and so are under the primary key too."""
    failed: int = 0
    """Rows that do not open, where the run went on after them."""


def census(model: type[models.Model], field: str, *, using: str | None = None) -> dict[str | None, int]:
    """How many rows each key id has; None stands for clear values. Needs no key, and proves nothing."""
    column = _field(model, field)
    rows = _rows(model, column, using).values_list(_TOKEN, flat=True)
    return dict(Counter(_key_id(token) for token in rows.iterator(chunk_size=2000) if token is not None))


def reencrypt(
    model: type[models.Model],
    field: str,
    *,
    using: str | None = None,
    batch_size: int = 500,
    after: Any = None,
    encrypt_clear: bool = False,
    on_batch: Callable[[Progress], None] | None = None,
    on_error: Callable[[Any, apiseal.ApisealError], None] | None = None,
) -> Progress:
    """Decrypts each row and encrypts it under the primary key of the ring, where it is under another.

    Rows go by their primary key, in batches that are transactions. A run that was stopped can be started again: rows that
    are done are passed over, and `after` saves reading them. A row that somebody writes meanwhile is left to him.

    `encrypt_clear`: clear values are encrypted too; otherwise they are refused, since nobody vouches for them.
    `on_batch` is called after each batch. `on_error` is called with the primary key of a row that does not open, and the run
    goes on; without it the error is raised, and the batches before stay done.
    """
    column = _field(model, field)
    using = using or router.db_for_write(model)
    progress = Progress(last=after)
    while True:
        with transaction.atomic(using=using):
            batch = list(_batch(model, column, using, progress.last, batch_size))
            for key, token, bound in batch:
                try:
                    _carry(model, column, using, key, token, bound, encrypt_clear, progress)
                except apiseal.ApisealError as error:
                    if on_error is None:
                        if hasattr(error, "add_note"):
                            error.add_note(f"in the row {key!r} of {model._meta.label}")
                        raise
                    progress.failed += 1
                    on_error(key, error)
        if not batch:
            return progress
        progress.last = batch[-1][0]
        if on_batch:
            on_batch(progress)


def _field(model: type[models.Model], name: str) -> EncryptedField:
    field = model._meta.get_field(name)
    if not isinstance(field, EncryptedField):
        raise TypeError(f"{name} is no encrypted field of {model._meta.label}")
    return field


def _rows(model: type[models.Model], field: EncryptedField, using: str | None) -> Any:
    """All rows, with what stands in the column itself."""
    return model._base_manager.using(using).annotate(**{_TOKEN: Cast(models.F(field.name), models.TextField())})


def _batch(
    model: type[models.Model], field: EncryptedField, using: str, after: Any, size: int
) -> Iterator[tuple[Any, str | None, dict[str, Any]]]:
    rows = _rows(model, field, using).order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    names = list(field.bind.values())
    attributes = [field._of_model(name).attname for name in names]
    for key, token, *values in rows.values_list("pk", _TOKEN, *attributes)[:size]:
        yield key, token, dict(zip(names, values, strict=True))


def _carry(
    model: type[models.Model],
    field: EncryptedField,
    using: str,
    key: Any,
    token: str | None,
    values: dict[str, Any],
    encrypt_clear: bool,
    progress: Progress,
) -> None:
    if token is None:
        progress.current += 1
        return
    bound, context = field.bound_of(values), field.stated_context()
    old = _key_id(token)
    if old is None and encrypt_clear:
        new = field.sealed(field.checked(field.read_clear(token)), bound).token
    else:
        new = field.cipher.encrypt_json(
            field.cipher.decrypt_json(token, bind=bound, context=context), bind=bound, context=context
        )
        if _key_id(new) == old:
            progress.current += 1
            return
    # Only if the token still stands there: whoever wrote the row meanwhile wrote what is newer.
    still_there = Exact(Cast(models.F(field.name), models.TextField()), token)
    rows = model._base_manager.using(using).filter(still_there, pk=key)
    if rows.update(**{field.name: SealedValue(field, new)}):
        progress.changed += 1
    else:
        progress.overtaken += 1


def _key_id(token: str) -> str | None:
    """The key that a token names; None for a clear value."""
    found = apiseal.inspect(json.dumps(token))
    return found[0].key_id if found and found[0].part == "token" else None
