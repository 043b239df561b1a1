"""SQLAlchemy: columns that hold encrypted tokens.

A value that belongs to its row stands in two attributes: the column with the token, and the value, which is encrypted and
decrypted together with what identifies the row:

    class Patient(Base):
        __tablename__ = "patients"
        id: Mapped[str] = mapped_column(primary_key=True, default=lambda: str(uuid.uuid4()))
        ssn_token: Mapped[str | None] = mapped_column("ssn", SealedText())
        ssn = Sealed[str]("ssn_token", label="patients.ssn", bind=("id",), keys=keys)

    Patient(ssn="078-05-1120"); patient.ssn

A type of a column does not see the row, and so cannot bind a value to it. `EncryptedText` and `EncryptedJSON` are for values
that may be moved between rows of one column:

        email: Mapped[str | None] = mapped_column(EncryptedText(label="patients.email", keys=keys))

`label` says what the value is, for ever; it is not the name of the column. A column holds a token or NULL; a clear value is
refused with `NotEncryptedError`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, NoReturn, TypeVar, overload

try:
    import sqlalchemy as sa
    from sqlalchemy import event, orm
    from sqlalchemy.exc import DontWrapMixin
    from sqlalchemy.sql import operators
    from sqlalchemy.types import TypeDecorator
except ImportError as error:
    raise ImportError('apiseal.sqlalchemy needs the package sqlalchemy: pip install "apiseal[sqlalchemy]"') from error

import apiseal
from apiseal import _faults

__all__ = ["EncryptedJSON", "EncryptedText", "Keys", "Sealed", "SealedText", "reencrypt"]

_T = TypeVar("_T")
_Context = Mapping[str, str] | apiseal.Context | Callable[[], Mapping[str, str] | apiseal.Context]


class Keys:
    """A keyring and what encryptions belong to; one for all columns.

    `keyring`: a `Keyring`, or a function that gives one, asked at the first use. `context`: a mapping, or a function that is
    asked each time.
    """

    def __init__(self, keyring: apiseal.Keyring | Callable[[], apiseal.Keyring], context: _Context) -> None:
        self._keyring = keyring
        self._context = context
        self._ciphers: dict[tuple[str, bool, str | int | None], apiseal.ValueCipher] = {}

    def cipher(
        self, label: str, nested: bool = False, padding: Literal["default", "none"] | int | None = None
    ) -> apiseal.ValueCipher:
        """The cipher of a label, made once."""
        key = (label, nested, padding)
        if key not in self._ciphers:
            if not isinstance(self._keyring, apiseal.Keyring):
                self._keyring = self._keyring()
            self._ciphers[key] = apiseal.ValueCipher(self._keyring, label, nested=nested, padding=padding)
        return self._ciphers[key]

    @property
    def context(self) -> Any:
        """The context of this moment."""
        return self._context() if callable(self._context) else self._context


class _NoLookups(TypeDecorator.Comparator[Any]):
    """Only `IS NULL` can be asked of tokens: equal values have different ones."""

    __slots__ = ()

    def operate(self, op: Any, *other: Any, **options: Any) -> Any:
        """`IS NULL` and `IS NOT NULL`. Columns are compared as well: SQLAlchemy has them as keys of its dicts."""
        against = other[0] if other else ()
        is_null = against is None or isinstance(against, sa.sql.elements.Null)
        if is_null and op in (operators.is_, operators.is_not, operators.eq, operators.ne):
            return super().operate(op, *other, **options)
        if op in (operators.eq, operators.ne) and isinstance(against, sa.ColumnClause):
            return super().operate(op, *other, **options)
        _refuse(op)

    def reverse_operate(self, op: Any, other: Any, **options: Any) -> Any:
        """Nothing."""
        _refuse(op)


def _refuse(op: Any) -> NoReturn:
    raise _faults.argument(
        f"the column is encrypted, and equal values have different tokens: `{getattr(op, '__name__', op)}` finds nothing; "
        "only IS NULL works"
    )


class _Encrypted(TypeDecorator[_T]):
    """A value that is not bound to its row. `keys` may be left out where only the schema matters, as in migrations."""

    impl = sa.Text
    cache_ok = True

    def __init__(
        self,
        *,
        label: str,
        keys: Keys | None = None,
        nested: bool = False,
        padding: Literal["default", "none"] | int | None = None,
    ) -> None:
        super().__init__()
        self.label = label
        self.keys = keys
        self.nested = nested
        self.padding = padding

    comparator_factory = _NoLookups

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """The token of a clear value. An error is not wrapped: SQLAlchemy would add the parameters, in clear."""
        if value is None:
            return None
        try:
            return self.cipher.encrypt(self.checked(value), bind={}, context=self._stated.context)
        except apiseal.ApisealError as error:
            raise _unwrapped(error) from None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """The clear value of a token."""
        if value is None:
            return None
        return self.checked(self.cipher.decrypt(value, bind={}, context=self._stated.context))

    @property
    def cipher(self) -> apiseal.ValueCipher:
        """Of this label."""
        return self._stated.cipher(self.label, self.nested, self.padding)

    @property
    def _stated(self) -> Keys:
        if self.keys is None:
            raise _faults.argument(f"the column {self.label} has no keys")
        return self.keys

    def __repr__(self) -> str:
        # As Alembic writes it into migrations.
        return f"{type(self).__name__}(label={self.label!r})"

    def checked(self, value: Any) -> Any:
        """The value, if it is of this type."""
        return value


class EncryptedText(_Encrypted[str]):
    """A text column that holds tokens of texts; they may be moved between rows."""

    cache_ok = True

    def checked(self, value: Any) -> str:
        if not isinstance(value, str):
            raise _faults.wrong_type(f"the value of {self.label} is no text")
        return value


class EncryptedJSON(_Encrypted[Any]):
    """A text column that holds tokens of JSON values but null; they may be moved between rows. Changes inside of a value are
    not noticed: assign it anew."""

    cache_ok = True


class SealedText(TypeDecorator[str]):
    """The column of a `Sealed` attribute: it takes tokens and nothing else."""

    impl = sa.Text
    cache_ok = True
    comparator_factory = _NoLookups

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """The token as it is."""
        try:
            if value is None or (isinstance(value, str) and _key_id(value) is not None):
                return value
            text = "the column takes tokens: assign the clear value to the attribute that is `Sealed`"
            raise _faults.not_encrypted(text)
        except apiseal.ApisealError as error:
            raise _unwrapped(error) from None


class _Clear:
    """A clear value that waits for its row to be written. It prints nothing of itself."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<sealed value>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the row has clear values that were not written yet: flush the session before you pickle it")


class Sealed(Generic[_T]):
    """An attribute whose value is encrypted together with what identifies its row.

    `column`: name of the mapped attribute with the token, of the type `SealedText`.
    `bind`: names of attributes of the row, or a mapping from labels to names; whole numbers, texts and UUIDs. They must have
    their values when the row is written: a key that the database counts up has none. If one of them is changed, the value is
    encrypted anew when the row is flushed.
    `keys`, `label`, `nested`, `padding`: as for the types.
    """

    def __init__(
        self,
        column: str,
        *,
        label: str,
        bind: Sequence[str] | Mapping[str, str],
        keys: Keys,
        nested: bool = False,
        padding: Literal["default", "none"] | int | None = None,
    ) -> None:
        if isinstance(bind, str):
            raise TypeError('bind is a tuple of names of attributes: ("id",)')
        self.column = column
        self.label = label
        self.bind = dict(bind) if isinstance(bind, Mapping) else {name: name for name in bind}
        self.keys = keys
        self._options = (nested, padding)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        event.listen(owner, "before_insert", self._before_insert, propagate=True)
        event.listen(owner, "before_update", self._before_update, propagate=True)
        event.listen(owner, "mapper_configured", self._configured, propagate=True)

    @overload
    def __get__(self, instance: None, owner: type) -> Sealed[_T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _T | None: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        value = getattr(instance, self.column)
        if value is None:
            return None
        if isinstance(value, _Clear):
            return value.value
        return self.open(value, self._known(instance))

    def __set__(self, instance: object, value: _T | None) -> None:
        setattr(instance, self.column, None if value is None else _Clear(value))

    def __delete__(self, instance: object) -> NoReturn:
        raise AttributeError("assign None")

    def open(self, token: str, bound: Mapping[str, Any]) -> Any:
        """The clear value of a token. `bound`: the values of the bound attributes, by their names."""
        return self._cipher.decrypt(token, bind=self._exact(bound), context=self.keys.context)

    def seal(self, value: Any, bound: Mapping[str, Any]) -> str:
        """A token for the row with these values."""
        return self._cipher.encrypt(value, bind=self._exact(bound), context=self.keys.context)

    @property
    def _cipher(self) -> apiseal.ValueCipher:
        return self.keys.cipher(self.label, *self._options)

    def _exact(self, bound: Mapping[str, Any]) -> dict[str, Any]:
        return {label: self._exact_one(name, bound[name]) for label, name in self.bind.items()}

    def _exact_one(self, name: str, value: Any) -> int | str:
        if value is None:
            raise _faults.argument(
                f"{self.name} is bound to {name}, which has no value yet: give it one before the row is written, or bind to "
                "another attribute"
            )
        if isinstance(value, uuid.UUID):
            return str(value)
        if isinstance(value, int | str):
            return value
        raise _faults.argument(f"{self.name} cannot be bound to {name}: only to whole numbers, texts and UUIDs")

    def _now(self, instance: object) -> dict[str, Any]:
        return {name: getattr(instance, name) for name in self.bind.values()}

    def _known(self, instance: object) -> dict[str, Any]:
        """What the token in the row is bound to: what the attributes were when it was read."""
        known = self._now(instance)
        attributes: Any = sa.inspect(instance).attrs
        for name in known:
            if deleted := attributes[name].history.deleted:
                known[name] = deleted[0]
        return known

    def _configured(self, mapper: orm.Mapper[Any], owner: type) -> None:
        """Has SQLAlchemy remember what the bound attributes were, also where they were not read before they are changed."""
        for name in (*self.bind.values(), self.column):
            if name not in mapper.attrs:
                raise _faults.argument(f"{self.name} names {name}, which is no attribute of {owner.__name__}")
        for name in self.bind.values():
            event.listen(getattr(owner, name), "set", _remember, active_history=True)

    def _before_insert(self, mapper: orm.Mapper[Any], connection: sa.Connection, instance: object) -> None:
        value = getattr(instance, self.column)
        if value is not None:
            now = self._defaults(mapper, instance)
            # A token in a new row is that of another one, unless it opens here.
            clear = value.value if isinstance(value, _Clear) else self.open(value, self._known(instance))
            setattr(instance, self.column, self._sealed(mapper, clear, now))

    def _before_update(self, mapper: orm.Mapper[Any], connection: sa.Connection, instance: object) -> None:
        value = getattr(instance, self.column)
        if value is None:
            return
        now = self._now(instance)
        if isinstance(value, _Clear):
            setattr(instance, self.column, self._sealed(mapper, value.value, now))
        elif (known := self._known(instance)) != now:
            setattr(instance, self.column, self._sealed(mapper, self.open(value, known), now))

    def _sealed(self, mapper: orm.Mapper[Any], value: Any, now: dict[str, Any]) -> str:
        """A token that opens when the row is read: what is bound must come back as it is now."""
        for name, own in now.items():
            if own is not None and name in mapper.columns and not _comes_back(mapper.columns[name].type, own):
                raise _faults.argument(
                    f"{self.name} is bound to {name}, which comes back from its column as another type than "
                    f"{type(own).__name__}, and would not open it: assign what the column gives"
                )
        return self.seal(value, now)

    def _defaults(self, mapper: orm.Mapper[Any], instance: object) -> dict[str, Any]:
        """What the bound attributes are, with defaults of columns, which SQLAlchemy would ask for only later."""
        now = self._now(instance)
        for name, value in now.items():
            default: Any = mapper.columns[name].default if value is None and name in mapper.columns else None
            if default is not None and (default.is_scalar or default.is_callable):
                made = default.arg(None) if default.is_callable else default.arg
                setattr(instance, name, made)
                now[name] = made
        return now


def _remember(instance: object, value: Any, before: Any, initiator: Any) -> None:
    """Nothing: that somebody listens makes SQLAlchemy look up what was there."""


def reencrypt(
    engine: sa.Engine,
    model: type[Any],
    attribute: str,
    *,
    batch_size: int = 500,
    after: Any = None,
    on_batch: Callable[[Any], None] | None = None,
) -> int:
    """Encrypts a column anew under the primary key of the ring, where it is under another; the number of rows that changed.

    `attribute`: the mapped attribute with the token of a `Sealed` value, that value itself, or one of the type
    `EncryptedText` or `EncryptedJSON`. Rows go by their primary key, of one column, in batches that are transactions;
    `on_batch` is called after each with the key of its last row, after which another run can go on. A row that somebody
    writes meanwhile is left to him. Clear values are refused.
    """
    mapper: orm.Mapper[Any] = sa.inspect(model)
    sealed = next((own for own in _sealed_of(model) if attribute in (own.name, own.column)), None)
    column = mapper.columns[sealed.column if sealed else attribute]
    if len(mapper.primary_key) != 1:
        raise _faults.argument("the table has more than one column as its primary key")
    key, raw = mapper.primary_key[0], sa.type_coerce(column, sa.Text)
    names = list(sealed.bind.values()) if sealed else []
    query = sa.select(key, raw, *(mapper.columns[name] for name in names)).where(raw.is_not(None)).order_by(key)
    changed = 0
    while True:
        with engine.begin() as connection:
            rows = connection.execute((query if after is None else query.where(key > after)).limit(batch_size)).all()
            for own, token, *values in rows:
                new = _carried(column.type, sealed, token, dict(zip(names, values, strict=True)))
                if new is not None:
                    change = sa.update(column.table).where(key == own, raw == token)
                    done = connection.execute(change.values({column: sa.literal(new, sa.Text())}))
                    changed += done.rowcount
        if not rows:
            return changed
        after = rows[-1][0]
        if on_batch:
            on_batch(after)


def _comes_back(kind: sa.types.TypeEngine[Any], value: Any) -> bool:
    """Whether a column gives what was assigned, as far as its type tells."""
    try:
        own = object if isinstance(kind, TypeDecorator) else kind.python_type
    except NotImplementedError:
        return True
    if own is str and isinstance(value, uuid.UUID):
        return True
    if own is uuid.UUID and isinstance(value, str):
        return _is_uuid(value)
    return isinstance(value, own) and not (own is int and isinstance(value, bool))


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _sealed_of(model: type[Any]) -> list[Sealed[Any]]:
    return [own for kind in model.__mro__ for own in vars(kind).values() if isinstance(own, Sealed)]


def _carried(kind: Any, sealed: Sealed[Any] | None, token: str, values: dict[str, Any]) -> str | None:
    """The token under the primary key; None if it is under that already."""
    if sealed is not None:
        cipher, bound, context = sealed._cipher, sealed._exact(values), sealed.keys.context
    elif isinstance(kind, _Encrypted):
        cipher, bound, context = kind.cipher, {}, kind._stated.context
    else:
        raise _faults.argument("the attribute is not encrypted")
    clear = cipher.decrypt_json(token, bind=bound, context=context)
    new = cipher.encrypt_json(clear, bind=bound, context=context)
    return None if _key_id(new) == _key_id(token) else new


def _key_id(token: str) -> str | None:
    """The key that a token names; None for a clear value."""
    found = apiseal.inspect(json.dumps(token))
    return found[0].key_id if found and found[0].part == "token" else None


def _unwrapped(error: apiseal.ApisealError) -> apiseal.ApisealError:
    """The same error, of a class that SQLAlchemy does not wrap."""
    kind = type(type(error).__name__, (type(error), DontWrapMixin), {"__module__": type(error).__module__})
    again: apiseal.ApisealError = kind(*error.args)
    again.__dict__.update(error.__dict__)
    return again
