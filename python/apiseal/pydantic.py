"""Pydantic: values that are clear in the program and tokens wherever a model is serialized.

    class Patient(BaseModel):
        id: UUID
        ssn: Annotated[Encrypted[str], Seal("patients.ssn", bind=("id",))]

    patient = Patient(id=uuid4(), ssn=Encrypted("078-05-1120"))
    context = {"apiseal": Sealing(keyring, {"purpose": "clinic"})}
    text = patient.model_dump_json(context=context)
    Patient.model_validate_json(text, context=context).ssn.value

A text in the input is a token, always; it is decrypted together with the fields that `bind` names. A clear value is an
`Encrypted` object, which prints as nothing. Without a `Sealing` in the context nothing is decrypted, and nothing is serialized
to JSON; `model_dump()` gives the `Encrypted` object itself.

Errors of decryption are those of `apiseal.errors` and leave validation at once: Pydantic would put the input into its own.
"""

from __future__ import annotations

import dataclasses
import hmac
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, NoReturn, TypeVar, get_args, get_origin

try:
    import pydantic
    import pydantic_core
    from pydantic_core import core_schema
except ImportError as error:
    raise ImportError('apiseal.pydantic needs the package pydantic: pip install "apiseal[pydantic]"') from error

import apiseal
from apiseal import _faults

__all__ = ["Encrypted", "Seal", "Sealing"]

_T = TypeVar("_T")

_MEMBER = "apiseal"
"""Where the `Sealing` stands in the context of Pydantic."""

_HIDDEN = b"**********"
"""What `SecretStr` and its like are in JSON."""


class Encrypted(Generic[_T]):
    """A clear value that is serialized as a token only. It prints as nothing, and is not pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: _T) -> None:
        self._value = value

    @property
    def value(self) -> _T:
        """The clear value."""
        return self._value

    def __repr__(self) -> str:
        return "Encrypted(…)"

    __str__ = __repr__

    def __format__(self, form: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Encrypted):
            return NotImplemented
        if isinstance(self._value, str) and isinstance(other._value, str):
            return hmac.compare_digest(self._value.encode(), other._value.encode())
        return bool(self._value == other._value)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Encrypted[_T]:
        return self

    def __deepcopy__(self, memo: Any) -> Encrypted[_T]:
        import copy

        return Encrypted(copy.deepcopy(self._value, memo))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a clear value is not pickled: dump the model to JSON, with a Sealing in the context")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: pydantic.GetCoreSchemaHandler) -> NoReturn:
        raise pydantic.errors.PydanticSchemaGenerationError(
            'Encrypted says nothing about place and row by itself: Annotated[Encrypted[str], Seal("label", bind=("id",))]'
        )


class Sealing:
    """A keyring and what encryptions belong to, for the context of Pydantic: `context={"apiseal": Sealing(…)}`.

    One object serves a service, and its threads.
    """

    def __init__(self, keyring: apiseal.Keyring, context: Mapping[str, str] | apiseal.Context) -> None:
        self._keyring = keyring
        self._context = context if isinstance(context, apiseal.Context) else apiseal.Context(context)
        self._ciphers: dict[Seal, apiseal.ValueCipher] = {}

    def seal(self, seal: Seal, text: bytes, bound: Mapping[str, Any]) -> str:
        """A token of a JSON text."""
        return self._cipher(seal).encrypt_json(text, bind=dict(bound), context=self._context)

    def open(self, seal: Seal, token: str, bound: Mapping[str, Any]) -> bytes:
        """The JSON text of a token."""
        return self._cipher(seal).decrypt_json(token, bind=dict(bound), context=self._context)

    def _cipher(self, seal: Seal) -> apiseal.ValueCipher:
        if seal not in self._ciphers:
            self._ciphers[seal] = apiseal.ValueCipher(
                self._keyring, seal.label, nested=seal.nested, padding=seal.padding
            )
        return self._ciphers[seal]


@dataclasses.dataclass(frozen=True, init=False)
class Seal:
    """What an `Encrypted` field is, and what it is bound to.

    `label`: says what the value is, for ever. `bind`: names of fields of the same model that are declared before, or a mapping
    from labels to names; whole numbers, texts and UUIDs; `()` spells out that the token may be moved between objects.
    """

    label: str
    bind: tuple[tuple[str, str], ...]
    nested: bool
    padding: Literal["default", "none"] | int | None

    def __init__(
        self,
        label: str,
        *,
        bind: Sequence[str] | Mapping[str, str],
        nested: bool = False,
        padding: Literal["default", "none"] | int | None = None,
    ) -> None:
        if isinstance(bind, str):
            raise TypeError('bind is a tuple of names of fields: ("id",)')
        pairs = bind.items() if isinstance(bind, Mapping) else [(name, name) for name in bind]
        for name, value in (("label", label), ("bind", tuple(pairs)), ("nested", nested), ("padding", padding)):
            object.__setattr__(self, name, value)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        inner, is_optional = _inner_of(source)
        adapter: pydantic.TypeAdapter[Any] | None = None

        def adapted() -> pydantic.TypeAdapter[Any]:
            # Made at the first use: a model may be its own part.
            nonlocal adapter
            if adapter is None:
                adapter = pydantic.TypeAdapter(inner)
            return adapter

        def validate(value: Any, info: core_schema.ValidationInfo) -> Any:
            if value is None and is_optional:
                return None
            if isinstance(value, Encrypted):
                return Encrypted(_checked(self, lambda: adapted().validate_python(value.value)))
            if not isinstance(value, str):
                raise _faults.not_encrypted(f"{self.label}: give a token, or the clear value as Encrypted(…)")
            text = _sealing(info.context).open(self, value, self._bound(info.data or {}))
            return Encrypted(_checked(self, lambda: adapted().validate_json(text)))

        def serialize(model: Any, value: Any, info: core_schema.FieldSerializationInfo) -> Any:
            if value is None and is_optional:
                return None
            if not isinstance(value, Encrypted):
                raise _faults.unbound(f"{self.label}: assign clear values as Encrypted(…)")
            if not info.mode_is_json() and not _is_sealing(info.context):
                return value
            # What identifies the object is read from it, however it is serialized.
            text = _checked(self, lambda: _dumped(self, adapted(), value.value))
            return _sealing(info.context).seal(self, text, self._bound(_fields_of(model)))

        return core_schema.with_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                serialize, is_field_serializer=True, info_arg=True
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^as1\.", "description": f"encrypted: {self.label}"}

    def _bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {label: self._exact(name, values) for label, name in self.bind}

    def _exact(self, name: str, values: Mapping[str, Any]) -> int | str:
        if name not in values:
            raise _faults.unbound(
                f"{self.label} is bound to {name}, which is missing or not valid: it must be a field that is declared before"
            )
        value = values[name]
        if isinstance(value, uuid.UUID):
            return str(value)
        if isinstance(value, int | str):
            return value
        raise _faults.unbound(f"{self.label} cannot be bound to {name}: only to whole numbers, texts and UUIDs")


def _inner_of(source: Any) -> tuple[Any, bool]:
    """The type of the value, and whether there may be none."""
    parts = get_args(source)
    if get_origin(source) is not Encrypted and type(None) in parts and len(parts) == 2:
        inner, _ = _inner_of(next(part for part in parts if part is not type(None)))
        return inner, True
    if get_origin(source) is not Encrypted or len(parts) != 1:
        raise pydantic.errors.PydanticSchemaGenerationError("Seal belongs to Encrypted[…], as in Encrypted[str]")
    return parts[0], False


def _fields_of(model: Any) -> Mapping[str, Any]:
    """The fields of a model or dataclass."""
    return getattr(model, "__dict__", None) or {}


def _is_sealing(context: Any) -> bool:
    return isinstance(context, Mapping) and isinstance(context.get(_MEMBER), Sealing)


def _sealing(context: Any) -> Sealing:
    if not _is_sealing(context):
        raise _faults.no_context('state context={"apiseal": Sealing(keyring, {"purpose": …})}')
    found: Sealing = context[_MEMBER]
    return found


def _dumped(seal: Seal, adapter: pydantic.TypeAdapter[Any], value: Any) -> bytes:
    """A JSON text that gives the value back: by the names of fields where they are read so, else by their aliases."""
    for by_alias in (False, True):
        text = adapter.dump_json(value, by_alias=by_alias, round_trip=True, warnings="error")
        try:
            again = adapter.validate_json(text)
        except pydantic_core.ValidationError:
            continue
        if again == value:
            return text
        # Lists in place of tuples are meant where the type is Any; what hides its value has the text of any other.
        if _HIDDEN not in text and text == adapter.dump_json(again, by_alias=by_alias, round_trip=True):
            return text
    raise _faults.wrong_type(f"the value of {seal.label} would not come back as it is from its JSON text")


def _checked(seal: Seal, validated: Callable[[], Any]) -> Any:
    """What a validation or serialization gives; its error would show the clear value."""
    try:
        return validated()
    except (pydantic_core.ValidationError, pydantic_core.PydanticSerializationError):
        raise _faults.wrong_type(f"the value of {seal.label} is not what the model says it is") from None
