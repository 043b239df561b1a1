"""Fixtures for tests of rows: the databases, a keyring of the test's own, and what stands in columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django_project
import pytest

django_project.configure()

import apiseal
from apiseal.django import SealedValue
from clinic.models import Counted, Document, Inpatient, Patient, Visit
from django.core.management import call_command
from django.db import connections, models
from django.db.models import F
from django.db.models.functions import Cast
from django.test import override_settings
from servers import postgres  # noqa: F401

MIGRATIONS = django_project.make_migrations()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    alias = "default"
    if request.param == "postgres":
        alias = "postgres"
        connections.databases[alias]["PORT"] = request.getfixturevalue("postgres").port
    django_project.CURRENT["alias"] = alias
    call_command("migrate", database=alias, verbosity=0)
    yield alias
    connections[alias].close()
    django_project.CURRENT["alias"] = "default"


@pytest.fixture
def db(database: str) -> Iterator[Any]:
    yield connections[database]
    for model in (Visit, Inpatient, Patient, Counted, Document):
        model._base_manager.using(database)._raw_delete(database)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[apiseal.Keyring]:
    """A keyring of the test's own."""
    own = apiseal.Keyring.generate()
    with override_settings(APISEAL={"KEYRING": own, "CONTEXT": {"purpose": "clinic"}}):
        yield own


def raw(model: Any, field: str, **by: Any) -> Any:
    """What stands in the column."""
    token = Cast(F(field), models.TextField())
    return model.objects.filter(**by).annotate(own=token).values_list("own", flat=True).get()


def write_raw(model: Any, field: str, value: str | None, **by: Any) -> None:
    model.objects.filter(**by).update(**{field: SealedValue(model._meta.get_field(field), value or "")})
