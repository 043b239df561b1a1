"""Rows with encrypted fields, bound in every way that there is."""

from __future__ import annotations

import uuid

from apiseal.django import EncryptedJSONField, EncryptedTextField
from django.db import models


class Person(models.Model):
    """An abstract base: its fields are those of each table."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ssn = EncryptedTextField(label="patients.ssn", bind={"patients.id": "id"}, max_length=11)

    class Meta:
        abstract = True


class Patient(Person):
    name = models.CharField(max_length=50, default="")
    history = EncryptedJSONField(label="patients.history", bind=("id",), null=True, blank=True)
    email = EncryptedTextField(label="patients.email", bind=(), null=True, blank=True)


class Inpatient(Patient):
    """A table that is joined to its parent's."""

    room = EncryptedTextField(label="inpatients.room", bind=("pk",), context={"purpose": "rooms"})


class Visit(models.Model):
    patient = models.ForeignKey(Patient, models.CASCADE)
    number = models.IntegerField()
    note = EncryptedTextField(label="visits.note", bind=("patient", "number"), null=True, nested=True)


class Counted(models.Model):
    """Bound to what the database counts up."""

    text = EncryptedTextField(label="counted.text", bind=("id",))


class Document(models.Model):
    """Documents whose fields `FieldCipher` encrypts; the column is jsonb in PostgreSQL."""

    body = models.JSONField()
