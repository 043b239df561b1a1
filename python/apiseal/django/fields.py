"""Model fields whose columns hold encrypted tokens.

    class Patient(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        ssn = EncryptedTextField(label="patients.ssn", bind=("id",))
        history = EncryptedJSONField(label="patients.history", bind=("id",), null=True)

`label` says what the value is, for ever: it belongs to the encryption, so that no token serves in another column. It is not
the name of the column, which may change. `bind` names fields of the same row whose values belong to it too, so that no token
serves in another row; `()` spells out that it may be moved between rows. What is bound must be known before the row is
written: a primary key that the database counts up is not; a `UUIDField` with a default is.

A column holds a token or NULL. A clear value is refused with `NotEncryptedError`; `migrate="2027-06-30"` lets clear values
through before that day (UTC), so that rows can be encrypted while the service runs.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn

from django import forms
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Case, Value, signals
from django.db.models.expressions import Col
from django.db.models.functions import Cast
from django.db.models.query_utils import DeferredAttribute

import apiseal
from apiseal import _faults
from apiseal.django import conf

__all__ = ["EncryptedField", "EncryptedJSONField", "EncryptedTextField", "SealedValue"]


class SealedValue:
    """A token of a bound field, which opens together with its row: what `values()` and `values_list()` give.

    Its text tells nothing.
    """

    __slots__ = ("_bound", "_field", "token")

    def __init__(self, field: EncryptedField, token: str, bound: dict[str, Any] | None = None) -> None:
        self.token = token
        self._field = field
        self._bound = bound

    def open(self, **bound: Any) -> Any:
        """The clear value. `bound`: the values of the bound fields of its row, by their names."""
        if bound.keys() != set(self._field.bind.values()):
            raise _faults.argument(f"state the bound fields: {', '.join(self._field.bind.values())}")
        return self._field.opened(self.token, self._field.bound_of(bound))

    def __repr__(self) -> str:
        return f"<sealed value of {self._field.label}>"


class _OfFixture:
    """A token that goes into its column as it is: Django reads attributes, not `pre_save`, where it loads a fixture."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token


class _Attribute(DeferredAttribute):
    """Opens a sealed value when it is read. A clear text is not kept in the instance, so that it is not in pickles of it."""

    field: EncryptedField

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        value = instance.__dict__[name] if name in instance.__dict__ else super().__get__(instance, owner)
        if not isinstance(value, SealedValue):
            return value
        bound = value._bound if value._bound is not None else self.field.bound_in(instance)
        clear = self.field.opened(value.token, bound)
        if self.field.is_mutable:
            instance.__dict__[name] = clear
        return clear

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedField(models.Field):  # type: ignore[type-arg]
    """What both kinds of fields have in common.

    `label`: what the value is; `bind`: names of fields of the row, or a mapping from labels to names; `context`: instead of
    `APISEAL['CONTEXT']`; `migrate`: the day until which clear values are let through; `nested`: texts that begin like a
    token are encrypted as they are, rather than refused; `padding`: as for `ValueCipher`.
    """

    descriptor_class = _Attribute
    is_mutable = False

    def __init__(
        self,
        *args: Any,
        label: str,
        bind: Sequence[str] | Mapping[str, str],
        context: Mapping[str, str] | None = None,
        migrate: str | datetime.date | None = None,
        nested: bool = False,
        padding: Literal["default", "none"] | int | None = None,
        **options: Any,
    ) -> None:
        if isinstance(bind, str):
            raise TypeError('bind is a tuple of names of fields: ("id",)')
        self.label = label
        self.bind = dict(bind) if isinstance(bind, Mapping) else {name: name for name in bind}
        self.context = dict(context) if context is not None else None
        self.migrate = datetime.date.fromisoformat(migrate) if isinstance(migrate, str) else migrate
        self.nested = nested
        self.padding = padding
        self._made: tuple[apiseal.Keyring, apiseal.ValueCipher] | None = None
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        options["label"] = self.label
        is_plain = all(label == bound for label, bound in self.bind.items())
        options["bind"] = tuple(self.bind) if is_plain else dict(self.bind)
        for option, value in (("context", self.context), ("nested", self.nested), ("padding", self.padding)):
            if value:
                options[option] = value
        if self.migrate:
            options["migrate"] = self.migrate.isoformat()
        return name, path, args, options

    def get_internal_type(self) -> str:
        return "TextField"

    # Encryption and decryption

    @property
    def cipher(self) -> apiseal.ValueCipher:
        """Of this label, with the keyring of the settings."""
        ring = conf.keyring()
        if self._made is None or self._made[0] is not ring:
            made = apiseal.ValueCipher(ring, self.label, nested=self.nested, padding=self.padding)
            self._made = (ring, made)
        return self._made[1]

    def stated_context(self) -> Any:
        """The context of this field, or of all."""
        return self.context if self.context is not None else conf.context()

    def sealed(self, value: Any, bound: dict[str, Any]) -> SealedValue:
        """An encrypted value. `bound`: by label."""
        return SealedValue(self, self.cipher.encrypt(value, bind=bound, context=self.stated_context()), bound)

    def opened(self, token: str, bound: dict[str, Any]) -> Any:
        """The clear value of what stands in the column."""
        try:
            value = self.cipher.decrypt(token, bind=bound, context=self.stated_context())
        except apiseal.NotEncryptedError as error:
            if not self.is_migrating:
                self._tell(error)
            return self.read_clear(token)
        except apiseal.ApisealError as error:
            self._tell(error)
        return self.checked(value)

    @property
    def is_migrating(self) -> bool:
        """Whether clear values are let through today."""
        return self.migrate is not None and datetime.datetime.now(datetime.timezone.utc).date() < self.migrate

    def _tell(self, error: apiseal.ApisealError) -> NoReturn:
        error.path = self.label
        if hasattr(error, "add_note"):
            error.add_note(f"in the field {getattr(self, 'name', None)} with the label {self.label}")
        raise error

    def bound_in(self, instance: Any) -> dict[str, Any]:
        """What a value of this instance is bound to, by label."""
        return self.bound_of({name: getattr(instance, self._of_model(name).attname) for name in self.bind.values()})

    def bound_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same from the values of the bound fields, by name: as JSON, equal before and after the row was written."""
        return {label: self._exact(name, values[name]) for label, name in self.bind.items()}

    def _of_model(self, name: str) -> Any:
        return self.model._meta.pk if name == "pk" else self.model._meta.get_field(name)

    def _exact(self, name: str, value: Any) -> int | str:
        field = self._of_model(name)
        value = (field.target_field if field.is_relation else field).to_python(value)
        if value is None or value == "":
            raise _faults.argument(
                f"{self.name} is bound to {name}, which has no value yet: give it one before the row is written "
                "(a UUIDField with a default has one), or bind to another field"
            )
        if isinstance(value, uuid.UUID):
            return str(value)
        if isinstance(value, int | str):
            return value
        raise _faults.argument(f"{self.name} cannot be bound to {name}: only to whole numbers, texts and UUIDs")

    # Rows

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        return SealedValue(self, value) if self.bind else self.opened(value, {})

    def pre_save(self, instance: Any, add: bool) -> Any:
        """The token for this row. A value that was not touched keeps its own."""
        value = instance.__dict__.get(self.attname)
        if value is None:
            return None
        if hasattr(value, "resolve_expression"):
            raise _faults.argument(f"{self.name} is encrypted: it takes values, not expressions of the database")
        bound = self.bound_in(instance)
        if isinstance(value, SealedValue):
            # A new row may have been given the value of another one.
            if value._field.label == self.label and value._bound == bound and not instance._state.adding:
                return value
            known = value._bound if value._bound is not None else bound
            value = value._field.opened(value.token, known)
        sealed = self.sealed(self.checked(self.to_python(value)), bound)
        if not self.is_mutable:
            instance.__dict__[self.attname] = sealed
        return sealed

    def get_prep_value(self, value: Any) -> Any:
        """Never a clear value, wherever it is asked for."""
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if isinstance(value, SealedValue | _OfFixture):
            return value.token
        if self.bind:
            raise _faults.argument(
                f"{self.name} is bound to {', '.join(self.bind.values())} of its row, which update() and bulk_update() "
                "do not know: use save()"
            )
        return self.sealed(self.checked(self.to_python(value)), {}).token

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """Called for what goes into the column, after `update()` has made expressions of the database ready."""
        if hasattr(value, "resolve_expression") and not self._is_own(value):
            raise _faults.argument(
                f"{self.name} is encrypted: an expression of the database would write what it gives in clear; "
                "update() takes values"
            )
        return "%s"

    def _is_own(self, value: Any) -> bool:
        """Whether an expression gives nothing but tokens of this field or NULL: `bulk_update()` makes such ones."""
        if isinstance(value, Case):
            return all(self._is_own(one) for one in (*(case.result for case in value.cases), value.default))
        if isinstance(value, Cast):
            return all(self._is_own(one) for one in value.get_source_expressions())
        if isinstance(value, Value) and value.value is None:
            return True
        field = value.target if isinstance(value, Col) else value._output_field_or_none
        return isinstance(value, Value | Col) and isinstance(field, EncryptedField) and field.label == self.label

    def value_to_string(self, obj: Any) -> Any:
        """For dumps, which hold tokens and not clear values."""
        sealed = self.pre_save(obj, add=False)
        return None if sealed is None else sealed.token

    # Queries

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            self._refuse(lookup_name)
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        self._refuse(lookup_name)

    def _refuse(self, lookup: str) -> NoReturn:
        raise FieldError(
            f"{self.name} is encrypted, and equal values have different tokens: `{lookup}` finds nothing. Only `isnull` "
            "works; look rows up by another field."
        )

    # Checks

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        return [*super().check(**options), *self._check_options(), *self._check_bind()]

    def _check_options(self) -> list[checks.CheckMessage]:
        found: list[checks.CheckMessage] = []
        if self.unique or getattr(self, "db_index", False) or self.primary_key or self.has_db_default():
            text = "An encrypted field cannot be unique, indexed, a primary key, or have a db_default."
            found.append(checks.Error(text, hint="Equal values have different tokens.", obj=self, id="apiseal.E001"))
        try:
            # With a key of its own: checks run where no keys are, for example to make migrations.
            apiseal.ValueCipher(apiseal.Keyring.generate(), self.label, nested=self.nested, padding=self.padding)
            if self.context is not None:
                apiseal.Context(self.context)
        except apiseal.ApisealError as error:
            found.append(checks.Error(f"The field cannot encrypt: {error}", obj=self, id="apiseal.E002"))
        return found

    def _check_bind(self) -> list[checks.CheckMessage]:
        found: list[checks.CheckMessage] = []
        for name in self.bind.values():
            try:
                field = self._of_model(name)
            except FieldDoesNotExist:
                found.append(checks.Error(f"It is bound to {name}, which is no field.", obj=self, id="apiseal.E003"))
                continue
            target = field.target_field if field.is_relation and hasattr(field, "target_field") else field
            kinds = (models.IntegerField, models.CharField, models.TextField, models.UUIDField)
            if not isinstance(target, kinds) or type(field).pre_save is not models.Field.pre_save:
                text = f"It is bound to {name}, which is no whole number, text or UUID, or changes when it is saved."
                found.append(checks.Error(text, obj=self, id="apiseal.E004"))
            elif isinstance(target, models.AutoField | models.BigAutoField) and target is field:
                text = (
                    f"It is bound to {name}, which the database counts up: it is not known before the row is written."
                )
                hint = "Bind to a UUIDField with a default, or give the number yourself."
                found.append(checks.Warning(text, hint=hint, obj=self, id="apiseal.W001"))
        return found

    # For kinds of values

    def checked(self, value: Any) -> Any:
        """The value, if it is of this field's kind."""
        return value

    def read_clear(self, text: str) -> Any:
        """The value of a column that was not encrypted yet."""
        return self.to_python(text)


class EncryptedTextField(EncryptedField):
    """A text. `max_length` is checked on the clear text, in forms and by `full_clean`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.max_length is not None:
            self.validators.append(MaxLengthValidator(self.max_length))

    def checked(self, value: Any) -> str:
        if not isinstance(value, str):
            raise _faults.wrong_type(f"the value of {self.label} is no text")
        return value

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str | SealedValue) else str(value)

    def formfield(self, **options: Any) -> Any:
        own: dict[str, Any] = {"max_length": self.max_length, "empty_value": None if self.null else ""}
        if self.max_length is None and not self.choices:
            own["widget"] = forms.Textarea
        return super().formfield(**{**own, **options})


class EncryptedJSONField(EncryptedField):
    """Any JSON value but null, which is NULL in the column; `encoder` and `decoder` do not exist: values are as JSON has them.

    What was read once is kept in the instance, so that changes inside of it are saved.
    """

    empty_strings_allowed = False
    is_mutable = True

    def read_clear(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            self._tell(_faults.not_encrypted("the column holds neither a token nor JSON"))

    def to_python(self, value: Any) -> Any:
        return value

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValidationError("Value must be valid JSON.", code="invalid") from None

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": forms.JSONField, **options})


def _encrypted(model: Any) -> list[EncryptedField]:
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedField)]


def _prepare(sender: Any, **_: Any) -> None:
    """Connects models that have encrypted fields, inherited ones too."""
    if not sender._meta.abstract and _encrypted(sender):
        signals.post_init.connect(_remember, sender=sender, dispatch_uid=("apiseal", id(sender)))
        signals.pre_save.connect(_before_save, sender=sender, dispatch_uid=("apiseal", id(sender)))
        signals.post_save.connect(_after_save, sender=sender, dispatch_uid=("apiseal", id(sender)))


def _remember(sender: Any, instance: Any, **_: Any) -> None:
    """Ties sealed values to what their row was when it was read: the bound fields may be changed before they are opened."""
    own = instance.__dict__
    for field in _encrypted(sender):
        value = own.get(field.attname)
        if isinstance(value, SealedValue) and value._bound is None:
            names = {name: field._of_model(name).attname for name in field.bind.values()}
            # Otherwise a bound field is deferred, and read when the value is.
            if all(own.get(name) is not None for name in names.values()):
                bound = field.bound_of({name: own[attname] for name, attname in names.items()})
                own[field.attname] = SealedValue(field, value.token, bound)


def _before_save(sender: Any, instance: Any, raw: bool, update_fields: Any, **_: Any) -> None:
    for field in _encrypted(sender):
        if raw and isinstance(value := instance.__dict__.get(field.attname), str):
            # A fixture holds tokens; one that does not open here is refused.
            field.opened(value, field.bound_in(instance))
            instance.__dict__[field.attname] = _OfFixture(value)
        if update_fields is not None and field.name not in update_fields:
            names = {form for name in field.bind.values() for form in _names(field._of_model(name))}
            if changed := names & set(update_fields):
                raise _faults.argument(
                    f"{field.name} is bound to {', '.join(sorted(changed))}: name it in update_fields too, or it could not "
                    "be read any more"
                )


def _after_save(sender: Any, instance: Any, raw: bool, **_: Any) -> None:
    for field in _encrypted(sender) if raw else ():
        if isinstance(value := instance.__dict__.get(field.attname), _OfFixture):
            instance.__dict__[field.attname] = SealedValue(field, value.token)


def _names(field: Any) -> tuple[str, str]:
    return field.name, field.attname


signals.class_prepared.connect(_prepare)
