"""Encrypted model fields, on SQLite and on PostgreSQL."""

# ruff: noqa: F811 - pytest hands fixtures over by their names

from __future__ import annotations

import copy
import datetime
import json
import pickle
import uuid
from typing import Any

import django_project
import pytest

django_project.configure()

import apiseal
from apiseal.django import EncryptedJSONField, EncryptedTextField, SealedValue
from clinic.models import Counted, Inpatient, Patient, Visit
from django.core import checks, serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.models import Case, Count, F, Q, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.forms import modelform_factory
from django.test import Client, override_settings
from django_rows import MIGRATIONS, database, db, postgres, raw, ring, write_raw  # noqa: F401

SSN = "078-05-1120"
HISTORY = {"diagnosis": ["flu", 1.5, True, None], "é": {"x": 12345678901234567890}}


def test_a_row_comes_back_and_its_columns_hold_tokens(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, history=HISTORY, email="ada@example.com")
    for field in ("ssn", "history", "email"):
        assert raw(Patient, field, pk=made.pk).startswith("as1.")
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.history, read.email) == (SSN, HISTORY, "ada@example.com")
    assert (made.ssn, made.history) == (SSN, HISTORY)


@pytest.mark.parametrize("value", ["", "true", "4111111111111111", "é\n", " ", "x" * 10_000])
def test_lesson_f6_every_text_is_encrypted(db: Any, value: str) -> None:
    made = Patient.objects.create(ssn=value, email=value)
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.email) == (value, value)
    assert raw(Patient, "ssn", pk=made.pk).startswith("as1.")


@pytest.mark.parametrize("value", ["", "true", 0, False, [], {}, 1.5, -0.0, "1", [None], {"a": [{}]}, 2**70])
def test_lesson_f5_every_json_value_is_itself(db: Any, value: Any) -> None:
    made = Patient.objects.create(ssn=SSN, history=value)
    read = Patient.objects.get(pk=made.pk)
    assert (type(read.history), read.history) == (type(value), value)


def test_none_is_null_and_can_be_asked_for(db: Any) -> None:
    with_history = Patient.objects.create(ssn=SSN, history=[1])
    without = Patient.objects.create(ssn=SSN)
    assert Patient.objects.get(history__isnull=True) == without
    assert Patient.objects.get(history__isnull=False) == with_history
    assert Patient.objects.get(pk=without.pk).history is None


def test_lesson_f10_tokens_of_other_rows_and_columns_are_refused(db: Any) -> None:
    one, other = (Patient.objects.create(ssn=ssn, history=ssn) for ssn in (SSN, "000-00-0000"))
    write_raw(Patient, "ssn", raw(Patient, "ssn", pk=one.pk), pk=other.pk)
    with pytest.raises(apiseal.RejectedError) as failure:
        Patient.objects.get(pk=other.pk).ssn  # noqa: B018
    assert failure.value.path == "patients.ssn"
    write_raw(Patient, "ssn", raw(Patient, "history", pk=other.pk), pk=other.pk)
    with pytest.raises(apiseal.RejectedError):
        Patient.objects.get(pk=other.pk).ssn  # noqa: B018


def test_lesson_f3_a_clear_value_is_refused(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, email="x")
    write_raw(Patient, "ssn", SSN, pk=made.pk)
    read = Patient.objects.get(pk=made.pk)
    with pytest.raises(apiseal.NotEncryptedError):
        read.ssn  # noqa: B018
    write_raw(Patient, "ssn", raw(Patient, "ssn", pk=made.pk), pk=made.pk)
    write_raw(Patient, "email", "clear", pk=made.pk)
    with pytest.raises(apiseal.NotEncryptedError):
        Patient.objects.get(pk=made.pk)


def test_clear_values_pass_while_the_field_migrates(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Patient.objects.create(ssn=SSN, history=[1])
    write_raw(Patient, "ssn", SSN, pk=made.pk)
    write_raw(Patient, "history", '{"a": 1}', pk=made.pk)
    tomorrow = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
    for name in ("ssn", "history"):
        monkeypatch.setattr(Patient._meta.get_field(name), "migrate", tomorrow)
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.history) == (SSN, {"a": 1})
    # Malformed tokens and foreign ones are no clear values.
    for text in ("as1.", "as1.x.y", "as1.k.AAAA"):
        write_raw(Patient, "ssn", text, pk=made.pk)
        with pytest.raises(apiseal.ApisealError):
            Patient.objects.get(pk=made.pk).ssn  # noqa: B018
    write_raw(Patient, "ssn", SSN, pk=made.pk)
    for name in ("ssn", "history"):
        monkeypatch.setattr(Patient._meta.get_field(name), "migrate", tomorrow - datetime.timedelta(days=1))
    with pytest.raises(apiseal.NotEncryptedError):
        Patient.objects.get(pk=made.pk).ssn  # noqa: B018


def test_what_was_not_touched_keeps_its_token(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, history=[1])
    before = raw(Patient, "ssn", pk=made.pk)
    read = Patient.objects.get(pk=made.pk)
    assert read.ssn == SSN
    read.name = "Ada"
    read.save()
    assert raw(Patient, "ssn", pk=made.pk) == before
    read.ssn = "1"
    read.save()
    assert Patient.objects.get(pk=made.pk).ssn == "1"


def test_changes_inside_of_json_are_saved(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, history={"a": [1]})
    read = Patient.objects.get(pk=made.pk)
    read.history["a"].append(2)
    read.save()
    assert Patient.objects.get(pk=made.pk).history == {"a": [1, 2]}


def test_a_changed_row_identity_is_followed(db: Any) -> None:
    one, other = (Patient.objects.create(ssn=SSN) for _ in range(2))
    made = Visit.objects.create(patient=one, number=1, note="secret")
    read = Visit.objects.get(pk=made.pk)
    read.patient, read.number = other, 2
    assert read.note == "secret"
    read.save()
    assert Visit.objects.get(pk=made.pk).note == "secret"
    read = Visit.objects.get(pk=made.pk)
    read.number = "3"  # as a form may give it
    read.save()
    assert Visit.objects.get(pk=made.pk).note == "secret"
    with pytest.raises(apiseal.ArgumentError, match="update_fields"):
        read.save(update_fields=["number"])
    with pytest.raises(apiseal.ArgumentError, match="update_fields"):
        read.save(update_fields=["patient_id"])
    read.number = 4
    read.save(update_fields=["number", "note"])
    assert Visit.objects.get(pk=made.pk).note == "secret"
    # Nobody sees this one; the value is refused rather than wrong.
    Visit.objects.filter(pk=made.pk).update(number=9)
    with pytest.raises(apiseal.RejectedError):
        Visit.objects.get(pk=made.pk).note  # noqa: B018


def test_a_copied_row_is_encrypted_for_itself(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN)
    read = Patient.objects.get(pk=made.pk)
    read.pk = uuid.uuid4()
    read._state.adding = True
    read.save()
    assert Patient.objects.get(pk=read.pk).ssn == SSN
    assert Patient.objects.get(pk=made.pk).ssn == SSN


def test_deferred_fields(db: Any) -> None:
    one = Patient.objects.create(ssn=SSN)
    made = Visit.objects.create(patient=one, number=1, note="secret")
    assert Visit.objects.defer("note").get(pk=made.pk).note == "secret"
    assert Visit.objects.only("note").get(pk=made.pk).note == "secret"
    read = Visit.objects.only("note").get(pk=made.pk)
    read.number = 5
    with pytest.raises(apiseal.RejectedError):
        read.save()
    made.refresh_from_db()
    assert made.note == "secret"
    assert (
        Patient.objects.select_related().prefetch_related("visit_set").get(pk=one.pk).visit_set.all()[0].note
        == "secret"
    )


def test_bulk_create_encrypts_each_row(db: Any) -> None:
    made = Patient.objects.bulk_create(Patient(ssn=str(at), history=at) for at in range(50))
    assert {row.ssn for row in Patient.objects.all()} == {str(at) for at in range(50)}
    assert len({raw(Patient, "ssn", pk=row.pk) for row in made}) == 50


def test_update_and_bulk_update(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, email="a")
    Patient.objects.filter(pk=made.pk).update(email="b")
    assert Patient.objects.get(pk=made.pk).email == "b"
    assert raw(Patient, "email", pk=made.pk).startswith("as1.")
    made.email = "c"
    Patient.objects.bulk_update([made], ["email"])
    assert Patient.objects.get(pk=made.pk).email == "c"
    assert raw(Patient, "email", pk=made.pk).startswith("as1.")
    with pytest.raises(apiseal.ArgumentError, match=r"use save\(\)"):
        Patient.objects.update(ssn=SSN)
    with pytest.raises(apiseal.ArgumentError, match=r"use save\(\)"):
        Patient.objects.bulk_update([made], ["ssn"])
    with pytest.raises(apiseal.ArgumentError, match=r"use save\(\)"):
        Patient.objects.update(ssn=Value(SSN, output_field=Patient._meta.get_field("ssn")))
    Patient.objects.filter(pk=made.pk).update(history=None)
    made.email = Concat(Value("a"), Value("b"))
    with pytest.raises(apiseal.ArgumentError, match="expressions"):
        made.save()


@pytest.mark.parametrize(
    "expression",
    [Value("a"), F("name"), F("ssn"), Concat(Value("a"), F("name")), Cast(F("name"), models.TextField()),
     Case(When(name="", then=Value("a"))), Case(When(name="x", then=None), default=F("name")),
     Coalesce(F("email"), F("email")), Subquery(Patient.objects.values("name")[:1]),
     Value("a", output_field=Patient._meta.get_field("history"))],
)  # fmt: skip
def test_no_expression_of_the_database_writes_in_clear(db: Any, expression: Any) -> None:
    made = Patient.objects.create(ssn=SSN, email="a")
    before = raw(Patient, "email", pk=made.pk)
    with pytest.raises(apiseal.ArgumentError, match="update"):
        Patient.objects.update(email=expression)
    assert raw(Patient, "email", pk=made.pk) == before


def test_expressions_that_give_tokens_or_null_are_taken(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, email="a")
    own = Patient._meta.get_field("email")
    for expression, email in (
        (F("email"), "a"),
        (Cast(F("email"), models.TextField()), "a"),
        (Case(When(name="", then=Value("b", output_field=own)), default=F("email")), "b"),
        (Value(None), None),
    ):
        Patient.objects.update(email=expression)
        assert Patient.objects.get(pk=made.pk).email == email


@pytest.mark.parametrize(
    "lookup",
    [{"email": "a"}, {"email__in": ["a"]}, {"email__contains": "a"}, {"ssn__gt": "a"}, {"history__a": 1}, {"email": None},
     {"history__has_key": "a"}, {"email__iexact": None}, {"visit__note__startswith": "x"}],
)  # fmt: skip
def test_lookups_are_refused(db: Any, lookup: dict[str, Any]) -> None:
    for query in (lambda: Patient.objects.filter(**lookup), lambda: Patient.objects.exclude(Q(**lookup))):
        with pytest.raises(FieldError, match="Only `isnull` works"):
            query()


def test_values_give_what_opens_with_its_row(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, email="a")
    row = Patient.objects.values("id", "ssn", "email").get(pk=made.pk)
    assert row["email"] == "a"
    assert isinstance(row["ssn"], SealedValue)
    assert repr(row["ssn"]) == str(row["ssn"]) == "<sealed value of patients.ssn>"
    assert row["ssn"].open(id=row["id"]) == SSN
    with pytest.raises(apiseal.RejectedError):
        row["ssn"].open(id=uuid.uuid4())
    with pytest.raises(apiseal.ArgumentError, match="state the bound fields: id"):
        row["ssn"].open()
    assert Patient.objects.aggregate(n=Count("ssn"))["n"] == 1
    # Assigned to another row, it is not taken for that row's.
    other = Patient(ssn=row["ssn"])
    with pytest.raises(apiseal.RejectedError):
        other.save()


def test_a_primary_key_that_is_counted_up_is_not_known_yet(db: Any) -> None:
    with pytest.raises(apiseal.ArgumentError, match="bound to id, which has no value yet"):
        Counted.objects.create(text="x")
    Counted(id=7, text="x").save(force_insert=True)
    assert Counted.objects.get(pk=7).text == "x"


def test_inherited_tables(db: Any) -> None:
    made = Inpatient.objects.create(ssn=SSN, history=[1], room="12")
    read = Inpatient.objects.get(pk=made.pk)
    assert (read.ssn, read.history, read.room) == (SSN, [1], "12")
    assert Patient.objects.get(pk=made.pk).ssn == SSN
    read.room = "13"
    read.save()
    assert Inpatient.objects.get(pk=made.pk).room == "13"


def test_texts_that_begin_like_tokens(db: Any) -> None:
    with pytest.raises(apiseal.AlreadyEncryptedError):
        Patient.objects.create(ssn="as1.mine")
    one = Patient.objects.create(ssn=SSN)
    made = Visit.objects.create(patient=one, number=1, note="as1.mine")
    assert Visit.objects.get(pk=made.pk).note == "as1.mine"


def test_errors_and_pickles_hold_no_clear_text(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN)
    read = Patient.objects.get(pk=made.pk)
    assert read.ssn == SSN
    for instance in (made, read):
        assert SSN.encode() not in pickle.dumps(instance)
        assert SSN not in repr(instance.__dict__)
    assert pickle.loads(pickle.dumps(read)).ssn == SSN
    assert copy.deepcopy(read).ssn == SSN
    with pytest.raises(apiseal.DocumentError) as failure:
        Patient._meta.get_field("email").checked(5)
    assert "5" not in str(failure.value).replace("500", "")


def test_contexts_and_keys_matter(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN)
    members = {"KEYRING": django_project.RING, "CONTEXT": lambda: {"purpose": "clinic", "tenant": "b"}}
    with override_settings(APISEAL=members), pytest.raises(apiseal.RejectedError):
        Patient.objects.get(pk=made.pk).ssn  # noqa: B018
    with (
        override_settings(APISEAL={**members, "KEYRING": apiseal.Keyring.generate()}),
        pytest.raises(apiseal.UnknownKeyError),
    ):
        Patient.objects.get(pk=made.pk).ssn  # noqa: B018
    for wrong in ({}, {"KEYRING": 5}, {"KEYRING": django_project.RING}, {"KEYRINGS": 1}):
        with override_settings(APISEAL=wrong), pytest.raises(Exception, match="APISEAL"):
            Patient.objects.create(ssn=SSN)
    assert Patient.objects.get(pk=made.pk).ssn == SSN


def test_dumps_hold_tokens_and_load_where_they_belong(db: Any) -> None:
    made = Patient.objects.create(ssn=SSN, history=HISTORY, email="a@b.c")
    for form in ("json", "xml", "python"):
        dump = serializers.serialize(form, Patient.objects.all())
        assert SSN not in str(dump)
        assert "a@b.c" not in str(dump)
        assert "flu" not in str(dump)
        for loaded in serializers.deserialize(form, dump):
            loaded.save()
        read = Patient.objects.get(pk=made.pk)
        assert (read.ssn, read.history, read.email) == (SSN, HISTORY, "a@b.c")
    dump = json.loads(serializers.serialize("json", Patient.objects.all()))
    dump[0]["fields"]["ssn"] = SSN
    with pytest.raises(apiseal.NotEncryptedError):
        next(iter(serializers.deserialize("json", json.dumps(dump)))).save()


# Migrations, checks, forms


def test_migrations_hold_what_fields_are(db: Any) -> None:
    for part in (
        "apiseal.django.fields.EncryptedTextField(bind={'patients.id': 'id'}, label='patients.ssn', max_length=11)",
        "bind=('patient', 'number'), label='visits.note', nested=True",
        "context={'purpose': 'rooms'}",
    ):
        assert part in MIGRATIONS, MIGRATIONS
    django_project.make_command(check=True, dry_run=True)
    state = MigrationLoader(None).project_state()
    made = Patient.objects.create(ssn=SSN, history=[1])
    historical = state.apps.get_model("clinic", "Patient")
    read = historical.objects.get(pk=made.pk)
    assert (read.ssn, read.history) == (SSN, [1])
    read.ssn = "1"
    read.save()
    assert Patient.objects.get(pk=made.pk).ssn == "1"


def test_options_survive_deconstruction() -> None:
    for field in (
        EncryptedTextField(label="a.b", bind=()),
        EncryptedTextField(label="a.b", bind={"x.id": "id"}, context={"purpose": "x"}, padding="none", nested=True),
        EncryptedJSONField(label="a.b", bind=["id"], migrate="2027-01-31", null=True, padding=64),
    ):
        _, path, args, options = field.deconstruct()
        again = type(field)(*args, **options)
        assert path.startswith("apiseal.django.fields.Encrypted")
        assert again.deconstruct()[2:] == field.deconstruct()[2:]
        assert (again.bind, again.migrate, again.context) == (field.bind, field.migrate, field.context)
    for wrong in ({}, {"label": "a.b"}, {"bind": ()}, {"label": "a.b", "bind": "id"}):
        with pytest.raises(TypeError):
            EncryptedTextField(**wrong)


def test_checks_tell_what_is_wrong() -> None:
    class Wrong(models.Model):
        moment = models.DateTimeField(auto_now=True)
        ratio = models.FloatField()
        unique = EncryptedTextField(label="w.unique", bind=(), unique=True)
        indexed = EncryptedTextField(label="w.indexed", bind=(), db_index=True)
        label = EncryptedTextField(label="", bind=())
        nowhere = EncryptedTextField(label="w.nowhere", bind=("nobody",))
        float_ = EncryptedTextField(label="w.float", bind=("ratio",))
        moved = EncryptedTextField(label="w.moved", bind=("moment",))
        sealed = EncryptedTextField(label="w.sealed", bind=("unique",))
        counted = EncryptedTextField(label="w.counted", bind=("id",))
        contexts = EncryptedTextField(label="w.contexts", bind=(), context={"": "x"})

        class Meta:
            app_label = "wrong"

    found = {(message.obj.name, message.id) for message in Wrong.check() if message.id and "apiseal" in message.id}
    assert found == {
        ("unique", "apiseal.E001"), ("indexed", "apiseal.E001"), ("label", "apiseal.E002"), ("contexts", "apiseal.E002"),
        ("nowhere", "apiseal.E003"), ("float_", "apiseal.E004"), ("moved", "apiseal.E004"), ("sealed", "apiseal.E004"),
        ("counted", "apiseal.W001"),
    }  # fmt: skip
    ours = [message for message in checks.run_checks() if str(message.id).startswith("apiseal")]
    assert [(message.id, message.obj.model) for message in ours] == [("apiseal.W001", Counted)]


def test_forms(db: Any) -> None:
    form_class = modelform_factory(Patient, fields=["name", "ssn", "history", "email"])
    form = form_class({"name": "Ada", "ssn": SSN, "history": '{"a": 1}', "email": ""})
    assert form.is_valid(), form.errors
    made = form.save()
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.history, read.email) == (SSN, {"a": 1}, None)
    assert form_class(instance=read).initial["ssn"] == SSN
    assert not form_class({"name": "", "ssn": "x" * 12}).is_valid()
    assert not form_class({"name": "", "ssn": "x", "history": "{"}).is_valid()
    with pytest.raises(ValidationError, match="at most 11"):
        Patient(ssn="x" * 12).full_clean()
    with pytest.raises(ValidationError, match="valid JSON"):
        Patient(ssn="x", history=float("nan")).full_clean()
    Patient(name="x", ssn="x", history={"a": 1}).full_clean()


def test_the_admin(db: Any) -> None:
    from django.contrib.auth.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "x"))
    made = Patient.objects.create(ssn=SSN, history={"a": 1})
    assert SSN in client.get("/admin/clinic/patient/").content.decode()
    page = f"/admin/clinic/patient/{made.pk}/change/"
    shown = client.get(page).content.decode()
    assert SSN in shown
    assert "as1." not in shown
    answer = client.post(page, {"name": "Ada", "ssn": "1", "history": '{"b": 2}', "email": ""})
    assert answer.status_code == 302
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.history, read.name) == ("1", {"b": 2}, "Ada")
