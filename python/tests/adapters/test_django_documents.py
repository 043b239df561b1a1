"""Documents whose fields `FieldCipher` encrypts, in columns of JSON: PostgreSQL orders and prints them anew."""

# ruff: noqa: F811 - pytest hands fixtures over by their names

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import django_project
import pytest

django_project.configure()

import apiseal
from clinic.models import Document
from django_rows import database, db, postgres  # noqa: F401

DOCUMENTS = [
    {"zeta": 1, "id": 7, "card": "4111111111111111", "a": {"zz": [1, {"y": "é", "x": None}], "b": True}},
    '{"id":7, "zz": 1E2, "card": "x", "amount": 1.10, "big": 123456789012345678901234567890, "z": -0.0, "n": 1e300}',
    '{ "id" : 7.0, "card": {"number": 4111111111111111.50, "t\\u0065xt": "\\u00e9\\/"}, "empty": {}, "list": [] }',
]
POLICIES: dict[str, dict[str, Any]] = {
    "token": {"rules": [{"path": "$.card", "bind": ["$.id"]}]},
    "document": {"layout": "document", "bind": ["$.id"], "rules": [{"path": "$.card"}]},
    "whole document": {"layout": "document", "bind": ["$"], "rules": [{"path": "$.card"}]},
}


def exactly(text: str) -> Any:
    """The values of a JSON text, with every number as exact as it stands there."""
    return json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_that_the_database_prints_anew_decrypts(db: Any, policy: dict[str, Any], document: Any) -> None:
    cipher = apiseal.FieldCipher(django_project.RING, {"apiseal_policy": 1, "id": "p", **policy})
    text = document if isinstance(document, str) else json.dumps(document)
    sealed = cipher.encrypt(text, context={"purpose": "x"})
    table = Document._meta.db_table
    with db.cursor() as cursor:
        # As text, so that only the database reads and prints numbers.
        cursor.execute(f"INSERT INTO {table} (body) VALUES (%s)", [sealed])
        column = "body::text" if db.vendor == "postgresql" else "body"
        cursor.execute(f"SELECT {column} FROM {table}")
        (stored,) = cursor.fetchone()
    if db.vendor == "postgresql":
        assert stored != sealed
        assert list(json.loads(stored)) != list(json.loads(sealed))
    opened = cipher.decrypt(stored, context={"purpose": "x"})
    assert exactly(opened) == exactly(text)
    if policy.get("bind") == ["$"]:
        changed = re.sub(r'("(?:zeta|zz|list)" ?:) ?', r'\1 5, "more": ', stored, count=1)
        assert changed != stored
        with pytest.raises(apiseal.RejectedError):
            cipher.decrypt(changed, context={"purpose": "x"})


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_documents_through_the_json_field_of_django(db: Any, policy: dict[str, Any]) -> None:
    cipher = apiseal.FieldCipher(django_project.RING, {"apiseal_policy": 1, "id": "p", **policy})
    Document.objects.create(pk=1, body=cipher.encrypt(DOCUMENTS[0], context={"purpose": "x"}))
    assert cipher.decrypt(Document.objects.get(pk=1).body, context={"purpose": "x"}) == DOCUMENTS[0]
    assert Document.objects.get(body__id=7).pk == 1
