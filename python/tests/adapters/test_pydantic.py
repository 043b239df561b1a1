"""Encrypted fields of Pydantic models."""

from __future__ import annotations

import copy
import decimal
import json
import pickle
import uuid
from typing import Annotated, Any, Optional

import apiseal
import pydantic
import pydantic_core
import pytest
from apiseal.pydantic import Encrypted, Seal, Sealing
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

SSN = "078-05-1120"
RING = apiseal.Keyring.generate()
CONTEXT = {"apiseal": Sealing(RING, {"purpose": "clinic"})}


class Address(BaseModel):
    street: str
    number: int


class Patient(BaseModel):
    id: uuid.UUID
    ssn: Annotated[Encrypted[str], Seal("patients.ssn", bind={"patients.id": "id"})]
    age: Annotated[Encrypted[int] | None, Seal("patients.age", bind=("id",))] = None
    address: Annotated[Optional[Encrypted[Address]], Seal("patients.address", bind=("id",))] = None  # noqa: UP045
    tags: Annotated[Encrypted[list[Any]], Seal("patients.tags", bind=(), padding="none")] = Encrypted([])


class Ward(BaseModel):
    name: str
    patients: list[Patient]


def patient(**more: Any) -> Patient:
    return Patient(id=uuid.UUID(int=7), ssn=Encrypted(SSN), **more)


def test_a_model_comes_back_and_its_text_holds_tokens() -> None:
    made = patient(
        age=Encrypted(36), address=Encrypted(Address(street="Main", number=1)), tags=Encrypted(["a", 1.5, None])
    )
    text = made.model_dump_json(context=CONTEXT)
    for clear in (SSN, "Main"):
        assert clear not in text
    shown = json.loads(text)
    assert all(shown[name].startswith("as1.") for name in ("ssn", "age", "address", "tags"))
    read = Patient.model_validate_json(text, context=CONTEXT)
    assert read == made
    assert (read.ssn.value, read.tags.value) == (SSN, ["a", 1.5, None])
    assert read.age is not None
    assert read.age.value == 36
    assert read.address is not None
    assert read.address.value == Address(street="Main", number=1)
    assert Patient.model_validate(shown, context=CONTEXT) == made
    assert Patient.model_validate(made.model_dump(context=CONTEXT), context=CONTEXT) == made
    assert made.model_dump(context=CONTEXT)["ssn"].startswith("as1.")


@pytest.mark.parametrize("value", ["", 0, False, None, [], {}, -0.0, "1", 2**70, [[]]])
def test_lesson_f5_every_value_is_itself(value: Any) -> None:
    class Any_(BaseModel):
        value: Annotated[Encrypted[Any], Seal("any.value", bind=())]

    text = Any_(value=Encrypted(value)).model_dump_json(context=CONTEXT)
    read = Any_.model_validate_json(text, context=CONTEXT).value.value
    assert (type(read), read) == (type(value), value)


class Aliased(BaseModel):
    number: int = Field(alias="No")
    rest: int = Field(default=0, alias="Rest")


class Written(BaseModel):
    number: int = Field(serialization_alias="No")


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.number


class Secret(BaseModel):
    word: pydantic.SecretStr


class Split(BaseModel):
    number: int = Field(validation_alias="In", serialization_alias="Out")


def through(kind: Any, value: Any) -> Any:
    class Any_(BaseModel):
        value: Annotated[Encrypted[kind], Seal("any.value", bind=())]

    text = Any_(value=Encrypted(value)).model_dump_json(context=CONTEXT)
    return Any_.model_validate_json(text, context=CONTEXT).value.value


@pytest.mark.parametrize(
    "value",
    [Aliased(No=1, Rest=2), Written(number=1), Computed(number=1), {"a", "b"}, decimal.Decimal("1.10"), b"a"],
)
def test_what_is_written_opens(value: Any) -> None:
    assert through(type(value), value) == value
    assert through(Any, (1, (2,))) == [1, [2]]


@pytest.mark.parametrize(
    "value", [float("nan"), pydantic.SecretStr("hunter2"), Secret(word=pydantic.SecretStr("hunter2")), Split(In=1)]
)
def test_what_would_not_come_back_is_not_written(value: Any) -> None:
    with pytest.raises(pydantic_core.PydanticSerializationError, match="come back") as failure:
        through(type(value), value)
    assert "hunter2" not in str(failure.value)
    assert through(pydantic.SecretStr, pydantic.SecretStr("*" * 10)).get_secret_value() == "*" * 10


def test_models_in_models() -> None:
    made = Ward(name="w", patients=[patient(), patient(age=Encrypted(5))])
    text = made.model_dump_json(context=CONTEXT)
    assert SSN not in text
    assert Ward.model_validate_json(text, context=CONTEXT) == made
    adapter = TypeAdapter(list[Patient])
    text = adapter.dump_json(made.patients, context=CONTEXT).decode()
    assert adapter.validate_json(text, context=CONTEXT) == made.patients


def test_lesson_f10_tokens_of_other_objects_and_fields() -> None:
    made = json.loads(patient(age=Encrypted(5)).model_dump_json(context=CONTEXT))
    for change in ({"id": str(uuid.UUID(int=8))}, {"ssn": made["age"]}, {"ssn": made["tags"]}, {"age": made["ssn"]}):
        with pytest.raises(apiseal.RejectedError):
            Patient.model_validate({**made, **change}, context=CONTEXT)
    Patient.model_validate(made, context=CONTEXT)


def test_lesson_f3_clear_values_are_refused() -> None:
    for clear in (SSN, 5, ["x"], {"value": SSN}, b"x", None):
        with pytest.raises(apiseal.NotEncryptedError) as failure:
            Patient.model_validate({"id": str(uuid.UUID(int=7)), "ssn": clear}, context=CONTEXT)
        assert SSN not in str(failure.value)
    with pytest.raises(apiseal.NotEncryptedError):
        Patient.model_validate_json(json.dumps({"id": str(uuid.UUID(int=7)), "ssn": SSN}), context=CONTEXT)


def test_nothing_happens_without_a_context() -> None:
    made = patient()
    text = made.model_dump_json(context=CONTEXT)
    for wrong in (None, {}, {"apiseal": RING}, {"other": CONTEXT["apiseal"]}, "x"):
        with pytest.raises(Exception, match="state context") as failure:
            made.model_dump_json(context=wrong)
        assert SSN not in str(failure.value)
        with pytest.raises(Exception, match="state context"):
            made.model_dump(mode="json", context=wrong)
        with pytest.raises(apiseal.ContextError):
            Patient.model_validate_json(text, context=wrong)
    assert SSN not in repr(made.model_dump())
    assert made.model_dump()["ssn"] is made.ssn


def test_nothing_prints_or_pickles_the_value() -> None:
    made = patient(address=Encrypted(Address(street="Main", number=1)))
    for shown in (
        repr(made),
        str(made),
        f"{made.ssn} {made.ssn!r} {made.ssn:>30}",
        repr(made.model_dump()),
        repr([made.ssn]),
    ):
        assert SSN not in shown
        assert "Main" not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        json.dumps(made.model_dump(), default=vars)
    with pytest.raises(TypeError):
        hash(made.ssn)
    assert copy.deepcopy(made) == made == made.model_copy(deep=True)
    assert made.ssn == Encrypted(SSN)
    assert made.ssn != Encrypted("1")
    assert made.ssn != SSN


def test_errors_do_not_show_the_value() -> None:
    class Number(BaseModel):
        value: Annotated[Encrypted[int], Seal("text.value", bind=())]

    class Text(BaseModel):
        value: Annotated[Encrypted[str], Seal("text.value", bind=())]

    text = Text(value=Encrypted("secret")).model_dump_json(context=CONTEXT)
    with pytest.raises(apiseal.DocumentError) as failure:
        Number.model_validate_json(text, context=CONTEXT)
    assert "secret" not in str(failure.value)
    assert failure.value.__cause__ is None
    with pytest.raises(apiseal.DocumentError) as failure:
        Number(value=Encrypted("secret"))  # type: ignore[arg-type]
    assert "secret" not in str(failure.value)
    made = Text(value=Encrypted("x"))
    made.value = "secret"  # type: ignore[assignment]
    for dump in (made.model_dump, made.model_dump_json):
        with pytest.raises(Exception, match="assign clear values as Encrypted") as wrong:
            dump(context=CONTEXT)  # type: ignore[operator]
        assert "secret" not in str(wrong.value)
    made.value = Encrypted(["secret"])  # type: ignore[arg-type]
    with pytest.raises(Exception, match="not what the model says") as wrong:
        made.model_dump_json(context=CONTEXT)
    assert "secret" not in str(wrong.value)
    with pytest.raises(Exception, match="begins like"):
        Text(value=Encrypted("as1.x")).model_dump_json(context=CONTEXT)


def test_bound_fields_must_be_there() -> None:
    class Late(BaseModel):
        ssn: Annotated[Encrypted[str], Seal("late.ssn", bind=("id",))]
        id: int

    text = Late(id=7, ssn=Encrypted(SSN)).model_dump_json(context=CONTEXT)
    with pytest.raises(apiseal.ApisealError, match="declared before"):
        Late.model_validate_json(text, context=CONTEXT)

    class Odd(BaseModel):
        id: float
        ssn: Annotated[Encrypted[str], Seal("odd.ssn", bind=("id",))]

    with pytest.raises(Exception, match="only to whole numbers"):
        Odd(id=1.5, ssn=Encrypted(SSN)).model_dump_json(context=CONTEXT)
    with pytest.raises(apiseal.ApisealError, match="missing or not valid") as failure:
        Patient.model_validate({"id": "no uuid", "ssn": SSN}, context=CONTEXT)
    assert SSN not in str(failure.value)


def test_a_changed_identity_is_followed() -> None:
    made = patient()
    made.id = uuid.UUID(int=9)
    read = Patient.model_validate_json(made.model_dump_json(context=CONTEXT), context=CONTEXT)
    assert (read.id, read.ssn.value) == (uuid.UUID(int=9), SSN)
    # Fields that are left out of the text still count.
    token = made.model_dump(include={"ssn"}, context=CONTEXT)["ssn"]
    assert Patient.model_validate({"id": made.id, "ssn": token}, context=CONTEXT).ssn.value == SSN


def test_aliases_defaults_assignment_and_dataclasses() -> None:
    class Aliased(BaseModel):
        model_config = ConfigDict(validate_assignment=True, populate_by_name=True)
        number: int = Field(alias="n")
        text: Annotated[Encrypted[str], Seal("a.text", bind=("number",)), Field(alias="t")]

    made = Aliased(n=1, t=Encrypted("x"))
    text = made.model_dump_json(by_alias=True, context=CONTEXT)
    assert set(json.loads(text)) == {"n", "t"}
    assert Aliased.model_validate_json(text, context=CONTEXT) == made
    made.text = Encrypted("y")
    assert made.text.value == "y"
    with pytest.raises(apiseal.ApisealError):
        made.text = "y"  # type: ignore[assignment]

    @pydantic.dataclasses.dataclass
    class Data:
        id: int
        text: Annotated[Encrypted[str], Seal("d.text", bind=("id",))]

    adapter = TypeAdapter(Data)
    text = adapter.dump_json(Data(1, Encrypted("x")), context=CONTEXT).decode()
    assert adapter.validate_json(text, context=CONTEXT).text.value == "x"


def test_wrong_declarations_are_refused() -> None:
    with pytest.raises(pydantic.errors.PydanticSchemaGenerationError, match="says nothing about place"):

        class Bare(BaseModel):
            text: Encrypted[str]

    for source in (str, Encrypted, Encrypted[str] | int):
        with pytest.raises(pydantic.errors.PydanticSchemaGenerationError, match="Seal belongs to"):
            TypeAdapter(Annotated[source, Seal("a.b", bind=())])
    with pytest.raises(TypeError):
        Seal("a.b", bind="id")
    with pytest.raises(TypeError):
        Seal("a.b")  # type: ignore[call-arg]
    with pytest.raises(apiseal.ContextError):
        Sealing(RING, {})


@pytest.mark.filterwarnings("ignore:Default value Encrypted")
def test_json_schema() -> None:
    for mode in ("validation", "serialization"):
        shown = Patient.model_json_schema(mode=mode)["properties"]["ssn"]  # type: ignore[arg-type]
        assert (shown["type"], shown["pattern"]) == ("string", r"^as1\.")


def test_rotation_is_reading_and_writing() -> None:
    ring = apiseal.Keyring.generate()
    context = {"apiseal": Sealing(ring, {"purpose": "clinic"})}
    text = patient().model_dump_json(context=context)
    ring.replace(ring.with_key(apiseal.Key.generate("k-new")).promote("k-new"))
    again = Patient.model_validate_json(text, context=context).model_dump_json(context=context)
    assert json.loads(again)["ssn"].startswith("as1.k-new.")
    assert Patient.model_validate_json(again, context=context) == patient()


def test_columns_of_databases_hold_the_same_tokens() -> None:
    made = patient()
    token = made.model_dump(context=CONTEXT)["ssn"]
    cipher = apiseal.ValueCipher(RING, "patients.ssn")
    assert cipher.decrypt(token, bind={"patients.id": str(made.id)}, context={"purpose": "clinic"}) == SSN
