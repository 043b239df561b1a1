"""Encrypted columns of SQLAlchemy, on SQLite and on PostgreSQL."""

from __future__ import annotations

import decimal
import json
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import apiseal
import pytest
import sqlalchemy as sa
from apiseal.sqlalchemy import EncryptedJSON, EncryptedText, Keys, Sealed, SealedText, reencrypt
from servers import PostgresServer, postgres  # noqa: F401
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

SSN = "078-05-1120"
RING = apiseal.Keyring.generate()
CONTEXT = {"purpose": "clinic"}
KEYS = Keys(lambda: RING, lambda: CONTEXT)


class Base(orm.DeclarativeBase):
    pass


class Person:
    """A mixin: its attributes are those of each table."""

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: str(uuid.uuid4()))
    ssn_token: Mapped[str | None] = mapped_column("ssn", SealedText())
    ssn = Sealed[str]("ssn_token", label="people.ssn", bind={"people.id": "id"}, keys=KEYS)


class Patient(Person, Base):
    __tablename__ = "patients"
    name: Mapped[str | None]
    history_token: Mapped[str | None] = mapped_column("history", SealedText())
    history = Sealed[Any]("history_token", label="patients.history", bind=("id",), keys=KEYS)
    email: Mapped[str | None] = mapped_column(EncryptedText(label="patients.email", keys=KEYS))
    tags: Mapped[Any | None] = mapped_column(EncryptedJSON(label="patients.tags", keys=KEYS, padding="none"))
    visits: Mapped[list[Visit]] = orm.relationship(back_populates="patient", order_by="Visit.number")


class Employee(Person, Base):
    __tablename__ = "employees"


class Visit(Base):
    __tablename__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(sa.ForeignKey("patients.id"))
    number: Mapped[int]
    note_token: Mapped[str | None] = mapped_column("note", SealedText())
    note = Sealed[str]("note_token", label="visits.note", bind=("patient_id", "number"), keys=KEYS, nested=True)
    patient: Mapped[Patient] = orm.relationship(back_populates="visits")


class Counted(Base):
    __tablename__ = "counted"
    id: Mapped[int] = mapped_column(primary_key=True)
    text_token: Mapped[str | None] = mapped_column(SealedText())
    text = Sealed[str]("text_token", label="counted.text", bind=("id",), keys=KEYS)


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(sa.JSON().with_variant(JSONB(), "postgresql"))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/db"
    if request.param == "postgres":
        url = f"postgresql+psycopg://apiseal@127.0.0.1:{request.getfixturevalue('postgres').port}/postgres"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[orm.Session]:
    with orm.Session(engine) as session:
        yield session
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> apiseal.Keyring:
    own = apiseal.Keyring.generate()
    monkeypatch.setattr(KEYS, "_keyring", own)
    monkeypatch.setattr(KEYS, "_ciphers", {})
    return own


def raw(session: orm.Session, table: str, column: str) -> list[Any]:
    return list(session.execute(sa.text(f"SELECT {column} FROM {table} ORDER BY id")).scalars())


def saved(session: orm.Session, *rows: Any) -> None:
    session.add_all(rows)
    session.commit()


def test_a_row_comes_back_and_its_columns_hold_tokens(session: orm.Session) -> None:
    history = {"diagnosis": ["flu", 1.5, True, None]}
    made = Patient(ssn=SSN, history=history, email="ada@example.com", tags=["x", 1])
    assert (made.ssn, made.history) == (SSN, history)
    saved(session, made)
    for column in ("ssn", "history", "email", "tags"):
        assert raw(session, "patients", column)[0].startswith("as1.")
    session.expunge_all()
    read = session.scalars(sa.select(Patient)).one()
    assert (read.ssn, read.history, read.email, read.tags) == (SSN, history, "ada@example.com", ["x", 1])


@pytest.mark.parametrize("value", ["", "true", "4111", 0, False, [], {}, -0.0, 2**70, [None]])
def test_lesson_f5_every_value_is_itself(session: orm.Session, value: Any) -> None:
    made = Patient(history=value, tags=value)
    saved(session, made)
    assert all(raw(session, "patients", column)[0].startswith("as1.") for column in ("history", "tags"))
    session.expunge_all()
    read = session.scalars(sa.select(Patient)).one()
    for own in (read.history, read.tags):
        assert (type(own), own) == (type(value), value)


class Typed(Base):
    __tablename__ = "typed"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    other: Mapped[uuid.UUID | None]
    price: Mapped[decimal.Decimal | None]
    a_token: Mapped[str | None] = mapped_column(SealedText())
    a = Sealed[str]("a_token", label="typed.a", bind=("id",), keys=KEYS)
    b_token: Mapped[str | None] = mapped_column(SealedText())
    b = Sealed[str]("b_token", label="typed.b", bind=("name",), keys=KEYS)
    c_token: Mapped[str | None] = mapped_column(SealedText())
    c = Sealed[str]("c_token", label="typed.c", bind=("other",), keys=KEYS)
    d_token: Mapped[str | None] = mapped_column(SealedText())
    d = Sealed[str]("d_token", label="typed.d", bind=("price",), keys=KEYS)


@pytest.mark.parametrize(
    "members",
    [
        {"id": "5", "a": "x"},
        {"id": True, "a": "x"},
        {"id": 5, "name": 7, "b": "x"},
        {"id": 5, "other": "6F9619FF-8B86-D011-B42D-00CF4FC964FF", "c": "x"},
        {"id": 5, "other": "no", "c": "x"},
        {"id": 5, "price": 7, "d": "x"},
    ],
)
def test_a_row_that_would_not_open_when_it_is_read_is_not_written(members: dict[str, Any]) -> None:
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Typed(**members))
        with pytest.raises(apiseal.ArgumentError, match="comes back"):
            session.flush()
        session.rollback()
        row = Typed(id=5, name="n", other=uuid.uuid4(), a="1", b="2", c="3")
        session.add(row)
        session.commit()
        assert (row.a, row.b, row.c) == ("1", "2", "3")
        row.name = 8
        with pytest.raises(apiseal.ArgumentError, match="comes back"):
            session.flush()


def test_none_is_null_and_can_be_asked_for(session: orm.Session) -> None:
    made = Patient(ssn=SSN, email="x")
    saved(session, made, Patient(name="without"))
    for null in (Patient.email.is_(None), Patient.email == None, Patient.ssn_token.is_(None)):
        assert session.scalars(sa.select(Patient).where(null)).one().name == "without"
    assert session.scalars(sa.select(Patient).where(Patient.email.is_not(None))).one() is made
    made.ssn = None
    session.commit()
    assert (made.ssn, raw(session, "patients", "ssn")) == (None, [None, None])


def test_lesson_f10_tokens_of_other_rows_columns_and_tables(session: orm.Session) -> None:
    one, other = Patient(ssn=SSN, history="x"), Patient(ssn="1")
    saved(session, one, other)
    session.execute(sa.update(Patient).where(Patient.id == other.id).values(ssn_token=one.ssn_token))
    session.commit()
    with pytest.raises(apiseal.RejectedError):
        other.ssn  # noqa: B018
    session.execute(sa.update(Patient).where(Patient.id == one.id).values(ssn_token=one.history_token))
    session.commit()
    with pytest.raises(apiseal.RejectedError):
        one.ssn  # noqa: B018


def test_lesson_f3_a_clear_value_is_refused(session: orm.Session) -> None:
    saved(session, Patient(ssn=SSN, email="x"))
    session.execute(sa.text("UPDATE patients SET ssn = 'clear'"))
    session.commit()
    with pytest.raises(apiseal.NotEncryptedError):
        session.scalars(sa.select(Patient)).one().ssn  # noqa: B018
    session.rollback()
    session.execute(sa.text("UPDATE patients SET email = 'clear'"))
    session.commit()
    with pytest.raises(apiseal.NotEncryptedError):
        session.scalars(sa.select(Patient)).all()


def test_clear_values_cannot_be_written_past_the_attribute(session: orm.Session) -> None:
    for statement in (
        sa.insert(Patient).values(id="1", ssn_token=SSN),
        sa.insert(Patient.__table__).values(id="1", ssn=SSN),  # type: ignore[arg-type]
        sa.update(Patient).values(ssn_token=SSN),
        sa.update(Patient).values(ssn_token="as1." + SSN),
    ):
        with pytest.raises((apiseal.NotEncryptedError, apiseal.TokenError)) as failure:
            session.execute(statement)
        assert SSN not in str(failure.value)
        session.rollback()
    session.add(Patient(ssn_token=SSN))
    with pytest.raises(apiseal.NotEncryptedError):
        session.commit()
    session.rollback()
    session.execute(sa.insert(Patient), [{"id": "1", "email": "bulk"}])
    assert raw(session, "patients", "email")[0].startswith("as1.")


def test_errors_hold_no_clear_values(session: orm.Session) -> None:
    session.add(Patient(email="as1.secret", name="secret"))
    with pytest.raises(apiseal.AlreadyEncryptedError) as failure:
        session.commit()
    assert "secret" not in str(failure.value)
    assert failure.value.code == 214
    session.rollback()
    with pytest.raises(apiseal.DocumentError) as wrong:
        session.execute(sa.insert(Patient), [{"id": "1", "email": 12345}])
    assert "12345" not in str(wrong.value)
    session.rollback()
    made = Patient(id="1", ssn=SSN)
    saved(session, made)
    assert SSN not in repr(sa.inspect(made).dict)
    session.expunge_all()
    session.add(Patient(id="1", ssn=SSN))
    with pytest.raises(sa.exc.IntegrityError) as twice:
        session.commit()
    assert SSN not in str(twice.value)


def test_a_changed_row_identity_is_followed(session: orm.Session) -> None:
    one, other = Patient(), Patient()
    saved(session, one, other)
    made = Visit(patient_id=one.id, number=1, note="secret")
    saved(session, made)
    # Expired by the commit: the old value is read when the new one is set.
    made.number = 2
    assert made.note == "secret"
    session.commit()
    assert made.note == "secret"
    made.patient_id = other.id
    session.commit()
    moved_to = other.id
    session.expunge_all()
    read = session.scalars(sa.select(Visit)).one()
    assert (read.patient_id, read.note) == (moved_to, "secret")
    read.number, read.note = 3, "new"
    session.commit()
    assert read.note == "new"
    session.execute(sa.update(Visit).values(number=9))
    session.commit()
    with pytest.raises(apiseal.RejectedError):
        read.note  # noqa: B018


def test_what_was_not_touched_keeps_its_token(session: orm.Session) -> None:
    made = Patient(ssn=SSN)
    saved(session, made)
    before = raw(session, "patients", "ssn")
    made.name = "Ada"
    session.commit()
    assert raw(session, "patients", "ssn") == before
    made.ssn = "1"
    session.commit()
    assert raw(session, "patients", "ssn") != before
    assert made.ssn == "1"


def test_a_copied_token_is_refused(session: orm.Session) -> None:
    one = Patient(ssn=SSN)
    saved(session, one)
    session.add(Patient(ssn_token=one.ssn_token))
    with pytest.raises(apiseal.RejectedError):
        session.commit()
    session.rollback()
    session.add(Patient(ssn=one.ssn))
    session.commit()
    assert [row.ssn for row in session.scalars(sa.select(Patient))] == [SSN, SSN]


def test_a_number_that_is_counted_up_is_not_known_yet(session: orm.Session) -> None:
    session.add(Counted(text="x"))
    with pytest.raises(apiseal.ArgumentError, match="bound to id, which has no value yet"):
        session.commit()
    session.rollback()
    made = Counted(id=7, text="x")
    saved(session, made)
    assert made.text == "x"
    session.add(Counted(id=8))
    session.commit()


def test_relationships_give_identities_in_time(session: orm.Session) -> None:
    # The key of the patient is set into the visit in the same flush, after the visit was prepared: a clear error, or right.
    made = Patient(id="p1", visits=[Visit(number=1, note="secret", patient_id="p1")])
    saved(session, made)
    assert made.visits[0].note == "secret"
    session.add(Patient(visits=[Visit(number=1, note="secret")]))
    try:
        session.commit()
    except apiseal.ArgumentError as error:
        assert "patient_id" in str(error)
        session.rollback()
    assert {row.note for row in session.scalars(sa.select(Visit))} == {"secret"}


def test_lookups_are_refused() -> None:
    for build in (
        lambda: Patient.email == "x",
        lambda: Patient.email != "x",
        lambda: Patient.email.in_(["x"]),
        lambda: Patient.email.like("x%"),
        lambda: Patient.email.desc(),
        lambda: Patient.email + "x",
        lambda: "x" + Patient.email,
        lambda: Patient.tags == [1],
        lambda: Patient.ssn_token == "as1.",
        lambda: Patient.email > Patient.name,
        lambda: Patient.email.is_(True),
    ):
        with pytest.raises(apiseal.ArgumentError, match="only IS NULL works"):
            build()


def test_pickles_merges_and_refreshes(session: orm.Session, engine: sa.Engine) -> None:
    made = Patient(ssn=SSN)
    with pytest.raises(TypeError, match="flush the session"):
        pickle.dumps(made)
    saved(session, made)
    assert made.ssn == SSN
    stored = pickle.dumps(made)
    assert SSN.encode() not in stored
    with orm.Session(engine) as other:
        again = other.merge(pickle.loads(stored))
        assert again.ssn == SSN
        again.ssn = "2"
        other.commit()
    session.refresh(made)
    assert made.ssn == "2"
    made.ssn = "3"
    session.rollback()
    assert made.ssn == "2"


def test_updates_of_many_rows(session: orm.Session) -> None:
    one, other = Patient(email="a"), Patient(email="b")
    saved(session, one, other)
    session.execute(sa.update(Patient).values(email="c", tags=[1]))
    session.commit()
    assert [(row.email, row.tags) for row in (one, other)] == [("c", [1])] * 2
    assert all(token.startswith("as1.") for token in raw(session, "patients", "email"))


def test_contexts_and_keys_matter(session: orm.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Patient(ssn=SSN)
    saved(session, made)
    monkeypatch.setitem(CONTEXT, "tenant", "b")
    with pytest.raises(apiseal.RejectedError):
        made.ssn  # noqa: B018
    monkeypatch.delitem(CONTEXT, "tenant")
    monkeypatch.setattr(KEYS, "_ciphers", {})
    monkeypatch.setattr(KEYS, "_keyring", apiseal.Keyring.generate())
    with pytest.raises(apiseal.UnknownKeyError):
        made.ssn  # noqa: B018
    assert "keys" not in repr(EncryptedText(label="a.b"))
    with pytest.raises(apiseal.ArgumentError, match="has no keys"):
        session.execute(sa.select(sa.literal("x", EncryptedText(label="a.b"))))


def test_wrong_declarations_are_refused() -> None:
    with pytest.raises(TypeError, match="bind is a tuple"):
        Sealed[str]("x", label="a.b", bind="id", keys=KEYS)
    registry = orm.registry()

    class Wrong:
        __tablename__ = "wrong"
        id: Mapped[int] = mapped_column(primary_key=True)
        token: Mapped[str | None] = mapped_column(SealedText())
        value = Sealed[str]("token", label="a.b", bind=("nobody",), keys=KEYS)

    registry.mapped(Wrong)
    with pytest.raises(apiseal.ArgumentError, match="names nobody"):
        registry.configure()
    registry.dispose()


@pytest.mark.parametrize("attribute", ["ssn", "ssn_token", "email", "tags"])
def test_rotation_carries_every_row_and_can_be_stopped(
    session: orm.Session, engine: sa.Engine, ring: apiseal.Keyring, attribute: str
) -> None:
    saved(session, *(Patient(ssn=str(at), email=str(at), tags={"n": at}) for at in range(25)), Patient(name="empty"))
    old = ring.primaries[0].kid
    ring.replace(ring.with_key(apiseal.Key.generate("k-new")).promote("k-new"))
    steps: list[Any] = []

    def stop(after: Any) -> None:
        steps.append(after)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reencrypt(engine, Patient, attribute, batch_size=10, on_batch=stop)
    assert reencrypt(engine, Patient, attribute, after=steps[-1]) == 5
    assert reencrypt(engine, Patient, attribute) == 0
    column = attribute.removesuffix("_token")
    tokens = [token for token in raw(session, "patients", column) if token]
    assert {token.split(".")[1] for token in tokens} == {"k-new"}
    ring.replace(ring.disable(old))
    rows = session.scalars(
        sa.select(Patient).options(orm.load_only(getattr(Patient, "ssn_token" if column == "ssn" else column)))
    ).all()
    found = [getattr(row, column) for row in rows]
    assert sorted(found, key=str) == sorted(
        [*({"n": at} if column == "tags" else str(at) for at in range(25)), None], key=str
    )


def test_rotation_refuses_what_does_not_open(session: orm.Session, engine: sa.Engine, ring: apiseal.Keyring) -> None:
    saved(session, Patient(id="1", ssn="1"), Patient(id="2", ssn="2"))
    ring.replace(ring.with_key(apiseal.Key.generate("k-new")).promote("k-new"))
    session.execute(sa.text("UPDATE patients SET ssn = 'clear' WHERE id = '2'"))
    session.commit()
    before = raw(session, "patients", "ssn")
    session.commit()
    with pytest.raises(apiseal.NotEncryptedError):
        reencrypt(engine, Patient, "ssn")
    assert raw(session, "patients", "ssn") == before
    session.commit()
    saved(session, Patient(id="3", name="x"))
    with pytest.raises(apiseal.ArgumentError, match="not encrypted"):
        reencrypt(engine, Patient, "name")


POLICIES: dict[str, dict[str, Any]] = {
    "token": {"rules": [{"path": "$.card", "bind": ["$.id"]}]},
    "document": {"layout": "document", "bind": ["$.id"], "rules": [{"path": "$.card"}]},
    "whole document": {"layout": "document", "bind": ["$"], "rules": [{"path": "$.card"}]},
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_documents_in_jsonb_decrypt(session: orm.Session, policy: dict[str, Any]) -> None:
    cipher = apiseal.FieldCipher(RING, {"apiseal_policy": 1, "id": "p", **policy})
    clear = {"zz": 1.10, "id": 7, "card": {"number": "4111", "x": [1e3, None]}, "a": {"é": True}}
    saved(session, Document(id=1, body=cipher.encrypt(clear, context=CONTEXT)))
    session.expunge_all()
    stored = session.scalars(sa.select(Document)).one().body
    assert cipher.decrypt(stored, context=CONTEXT) == clear
    text = session.execute(sa.text("SELECT CAST(body AS TEXT) FROM documents")).scalar_one()
    assert json.loads(cipher.decrypt(text, context=CONTEXT)) == clear
