"""Columns are carried to another key, or from clear values to tokens."""

# ruff: noqa: F811 - pytest hands fixtures over by their names

from __future__ import annotations

from typing import Any

import django_project
import pytest

django_project.configure()

import apiseal
from apiseal.django import EncryptedJSONField, EncryptedTextField, census, reencrypt
from clinic.models import Patient
from django.core.management import CommandError, call_command
from django.db import connections, models
from django_rows import database, db, postgres, raw, ring, write_raw  # noqa: F401

SSN = "078-05-1120"


def rotated(ring: apiseal.Keyring) -> str:
    key = apiseal.Key.generate("k-new")
    ring.replace(ring.with_key(key).promote("k-new"))
    return "k-new"


@pytest.mark.parametrize("model, field", [(Patient, "ssn"), (Patient, "history"), (Patient, "email")])
def test_rotation_carries_every_row_and_can_be_stopped(db: Any, ring: apiseal.Keyring, model: Any, field: str) -> None:
    old = ring.primaries[0].kid
    for at in range(25):
        Patient.objects.create(ssn=str(at), history={"n": at}, email=str(at) if at else None)
    total = 24 if field == "email" else 25
    assert census(model, field) == {old: total}
    new = rotated(ring)
    steps: list[Any] = []

    def stop(progress: Any) -> None:
        steps.append(progress.last)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reencrypt(model, field, batch_size=5, on_batch=stop)
    assert census(model, field)[new] in (9, 10)
    done = reencrypt(model, field, batch_size=5, after=steps[-1])
    assert (done.changed, done.failed) in ((15, 0), (14, 0))
    assert census(model, field) == {new: total}
    again = reencrypt(model, field)
    assert (again.changed, again.current) == (0, 25)
    ring.replace(ring.disable(old))
    fresh = {"ssn": {str(at) for at in range(25)}, "history": None, "email": {str(at) for at in range(1, 25)} | {None}}
    if field == "ssn":
        assert {row.ssn for row in Patient.objects.defer("email")} == fresh["ssn"]
    elif field == "history":
        assert sorted(row.history["n"] for row in Patient.objects.defer("email")) == list(range(25))
    else:
        assert {row.email for row in Patient.objects.all()} == fresh["email"]


def test_a_row_that_is_written_meanwhile_is_left_alone(
    db: Any, ring: apiseal.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Patient.objects.create(ssn=SSN)
    rotated(ring)
    from apiseal.django import rotation

    batch = rotation._batch

    def late(*arguments: Any) -> Any:
        rows = list(batch(*arguments))
        if rows:
            Patient.objects.get(pk=made.pk)
            fresh = Patient.objects.get(pk=made.pk)
            fresh.ssn = "newer"
            fresh.save()
        return rows

    monkeypatch.setattr(rotation, "_batch", late)
    done = reencrypt(Patient, "ssn")
    assert (done.changed, done.overtaken) == (0, 1)
    assert Patient.objects.get(pk=made.pk).ssn == "newer"


def test_rotation_refuses_what_does_not_open(db: Any, ring: apiseal.Keyring) -> None:
    made = sorted((Patient.objects.create(ssn=str(at)) for at in range(3)), key=lambda row: row.pk)
    write_raw(Patient, "ssn", raw(Patient, "ssn", pk=made[0].pk), pk=made[1].pk)
    new = rotated(ring)
    with pytest.raises(apiseal.RejectedError):
        reencrypt(Patient, "ssn")
    failed: list[Any] = []
    done = reencrypt(Patient, "ssn", on_error=lambda key, error: failed.append((key, type(error))))
    assert failed == [(made[1].pk, apiseal.RejectedError)]
    assert (done.changed, done.failed) == (2, 1)
    assert census(Patient, "ssn")[new] == 2
    with pytest.raises(TypeError, match="no encrypted field"):
        reencrypt(Patient, "name")


def test_clear_rows_are_encrypted_only_where_asked(db: Any, ring: apiseal.Keyring) -> None:
    made = Patient.objects.create(ssn=SSN, history=[1])
    write_raw(Patient, "ssn", SSN, pk=made.pk)
    write_raw(Patient, "history", '{"a": [1.5]}', pk=made.pk)
    assert census(Patient, "ssn") == {None: 1}
    with pytest.raises(apiseal.NotEncryptedError):
        reencrypt(Patient, "ssn")
    for field in ("ssn", "history"):
        assert reencrypt(Patient, field, encrypt_clear=True).changed == 1
    read = Patient.objects.get(pk=made.pk)
    assert (read.ssn, read.history) == (SSN, {"a": [1.5]})


def test_the_command(db: Any, ring: apiseal.Keyring, capsys: pytest.CaptureFixture[str]) -> None:
    old = ring.primaries[0].kid
    made = [Patient.objects.create(ssn=str(at)) for at in range(3)]
    call_command("apiseal_reencrypt", "clinic.Patient.ssn", "--census")
    assert capsys.readouterr().out == f"{old}\t3\n"
    rotated(ring)
    call_command("apiseal_reencrypt", "clinic.Patient.ssn", "--batch-size", "2")
    assert "3 encrypted anew" in capsys.readouterr().out
    last = max(row.pk for row in made)
    call_command("apiseal_reencrypt", "clinic.Patient.ssn", "--after", str(last))
    assert capsys.readouterr().out == ""
    write_raw(Patient, "ssn", "as1.broken", pk=made[0].pk)
    with pytest.raises(CommandError, match="malformed"):
        call_command("apiseal_reencrypt", "clinic.Patient.ssn")
    with pytest.raises(CommandError, match="1 rows do not open"):
        call_command("apiseal_reencrypt", "clinic.Patient.ssn", "--keep-going")
    for wrong in ("clinic", "clinic.None.ssn", "clinic.Patient.none"):
        with pytest.raises(CommandError, match=r"state app_label.Model.field"):
            call_command("apiseal_reencrypt", wrong)


class Clear(models.Model):
    code = models.CharField(max_length=20)
    body = models.JSONField(null=True)

    class Meta:
        app_label = "moving"
        db_table = "moving"


class Moved(models.Model):
    code = EncryptedTextField(label="moving.code", bind=("id",), migrate="2099-01-01")
    body = EncryptedJSONField(label="moving.body", bind=("id",), migrate="2099-01-01", null=True)

    class Meta:
        app_label = "moved"
        db_table = "moving"


def test_a_clear_column_becomes_an_encrypted_one(
    database: str, ring: apiseal.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connections[database].schema_editor() as editor:
        editor.create_model(Clear)
    try:
        Clear.objects.create(id=1, code=SSN, body={"b": [1.10, "é"]})
        Clear.objects.create(id=2, code="", body=None)
        with connections[database].schema_editor() as editor:
            for name in ("code", "body"):
                editor.alter_field(Moved, Clear._meta.get_field(name), Moved._meta.get_field(name))
        rows = [(row.code, row.body) for row in Moved.objects.order_by("id")]
        assert rows == [(SSN, {"b": [1.1, "é"]}), ("", None)]
        Moved.objects.get(id=1).save()  # what was not touched stays as it is
        assert raw(Moved, "code", id=1) == SSN
        for name, changed in (("code", 2), ("body", 1)):
            assert reencrypt(Moved, name, encrypt_clear=True).changed == changed
            assert None not in census(Moved, name)
            monkeypatch.setattr(Moved._meta.get_field(name), "migrate", None)
        assert [(row.code, row.body) for row in Moved.objects.order_by("id")] == rows
    finally:
        with connections[database].schema_editor() as editor:
            editor.delete_model(Moved)
