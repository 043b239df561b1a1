"""What else is done with fields: single values, partial and lenient reading, diagnosis, census, re-encryption, redaction."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import apiseal
import pytest

CONTEXT = {"purpose": "orders", "tenant": "acme"}
OTHER = CONTEXT | {"tenant": "other"}
RULES = [{"path": "$.orders[*].card", "bind": ["1/id"]}, {"path": "$.note", "bind": [], "occurs": "optional"}]
POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": RULES}
RING = apiseal.Keyring.generate()
KID = RING.keys[0].kid
CIPHER = apiseal.FieldCipher(RING, POLICY)
CLEAR = '{"orders": [{"id": 1, "card": "4111"}, {"id": 2, "card": 1.10}], "note": "x"}'
SEALED = CIPHER.encrypt(CLEAR, context=CONTEXT)
PATHS = ["$['orders'][0]['card']", "$['orders'][1]['card']", "$['note']"]


def token(at: int) -> str:
    place = apiseal.locate(SEALED, PATHS[at])[0]
    return SEALED.encode()[place.start : place.end].decode()


def test_locate_gives_paths_and_bytes() -> None:
    found = apiseal.locate(CLEAR, "$..card")
    assert found == [(PATHS[0], 30, 36), (PATHS[1], 57, 61)]
    assert isinstance(found[0], apiseal.Location) and CLEAR[found[0].start : found[0].end] == '"4111"'
    assert apiseal.locate('{"é": ["\U0001f600", 1]}', "$.é[1]") == [("$['é'][1]", 16, 17)]
    assert apiseal.locate("{}", "$.none") == []
    for document in ({}, [], {"a": 1}):
        with pytest.raises(TypeError, match="bytes or str"):
            apiseal.locate(document, "$.a")  # type: ignore[arg-type]
    with pytest.raises(apiseal.LimitError):
        apiseal.locate("[[[1]]]", "$..*", limits=apiseal.Limits(depth=2))


def test_inspect_needs_no_key_and_proves_nothing() -> None:
    found = apiseal.inspect(SEALED)
    assert [own.path for own in found] == PATHS
    for own in found:
        assert (own.part, own.key_id, own.suite, own.mode, own.authenticated) == (
            "token",
            KID,
            "aes-256-gcm",
            "exact",
            False,
        )
        assert own.end - own.start == own.length + 2
    assert apiseal.inspect(CLEAR) == [] == apiseal.inspect({"a": 1})
    # With the key, what is found was decrypted.
    assert all(own.authenticated for own in CIPHER.inspect(SEALED, context=CONTEXT))
    with pytest.raises(apiseal.RejectedError):
        CIPHER.inspect(SEALED, context=OTHER)


def test_decrypt_partial_opens_what_is_asked_for() -> None:
    part = CIPHER.decrypt_partial(SEALED, ["$.orders[1].card"], context=CONTEXT)
    assert part.values == {PATHS[1]: b"1.10"} and part.bound
    assert part.document == SEALED.replace(token(1), "1.10")
    value = CIPHER.decrypt_partial(json.loads(SEALED), ["$.orders[1].card"], context=CONTEXT, decimals=True).document
    assert value["orders"][1]["card"] == Decimal("1.10") and value["note"].startswith("as1.")
    for paths, error in [
        (["$.none"], apiseal.ApisealError),
        (["$["], apiseal.ArgumentError),
        ("$.note", TypeError),
        ([1], TypeError),
    ]:
        with pytest.raises(error):
            CIPHER.decrypt_partial(SEALED, paths, context=CONTEXT)  # type: ignore[arg-type]


def test_decrypt_lenient_tells_each_position_by_itself() -> None:
    swapped = SEALED.replace(token(0), "\0").replace(token(1), token(0)).replace("\0", token(1))
    found = CIPHER.decrypt_lenient(swapped, context=CONTEXT)
    assert [own.path for own in found.positions] == PATHS and found.bound
    assert [own.value for own in found.positions] == [None, None, b'"x"']
    errors = [own.error for own in found.positions]
    assert errors[2] is None and all(isinstance(own, apiseal.RejectedError) for own in errors[:2])


def test_diagnose_tells_how_far_each_position_came() -> None:
    found = CIPHER.diagnose(SEALED, context=OTHER, candidates=[CONTEXT, apiseal.Context(purpose="x")])
    assert [own.path for own in found.findings] == PATHS
    for own in found.findings:
        assert (own.stage, own.key_id, own.candidate) == ("commitment", KID, 0)
    assert all(own.stage == "opens" for own in CIPHER.diagnose(SEALED, context=CONTEXT).findings)
    with pytest.raises(TypeError):
        CIPHER.diagnose(SEALED, context=OTHER, candidates=CONTEXT)  # type: ignore[arg-type]


def test_migration_lets_clear_values_through_and_tells_them() -> None:
    rules = [
        {"path": "$.ssn", "bind": [], "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}
    ]
    own = apiseal.FieldCipher(RING, {"apiseal_policy": 1, "id": "m", "rules": rules}, clock=lambda: 1_800_000_000)
    migrated = own.decrypt_migrating({"ssn": "078-05-1120"}, context=CONTEXT)
    assert migrated == ({"ssn": "078-05-1120"}, ["$['ssn']"])
    sealed = own.encrypt({"ssn": "078-05-1120"}, context=CONTEXT)
    assert own.decrypt_migrating(sealed, context=CONTEXT).accepted_plain == []
    with pytest.raises(apiseal.NotEncryptedError):
        CIPHER.decrypt(CLEAR, context=CONTEXT)
    late = apiseal.FieldCipher(RING, {"apiseal_policy": 1, "id": "m", "rules": rules}, clock=lambda: 5_000_000_000)
    with pytest.raises(apiseal.NotEncryptedError):
        late.decrypt({"ssn": "078-05-1120"}, context=CONTEXT)


def test_lesson_f12_reencryption_keeps_what_is_bound() -> None:
    ring = RING.with_key(apiseal.Key.generate("next")).promote("next")
    layout = {
        "apiseal_policy": 1,
        "id": "d",
        "layout": "document",
        "bind": ["$"],
        "rules": [{"path": "$.orders[*].card"}, {"path": "$.note"}],
    }
    target = apiseal.FieldCipher(ring, layout)
    for document in (SEALED, SEALED.encode(), json.loads(SEALED)):
        done = apiseal.Reencryption(CIPHER, target).run(document, source_context=CONTEXT, target_context=OTHER)
        assert (done.opened, done.left_clear) == (3, 0) and type(done.document) is type(document)
        assert {own.key_id for own in apiseal.inspect(done.document) if own.key_id} == {"next"}
        opened = target.decrypt(done.document, context=OTHER)
        assert opened in (CLEAR, CLEAR.encode(), json.loads(CLEAR)) and type(opened) is type(document)
    # Nothing is left in clear unless that is said.
    less = apiseal.FieldCipher(ring, {"apiseal_policy": 1, "id": "l", "rules": RULES[:1]})
    with pytest.raises(apiseal.PolicyError) as refused:
        apiseal.Reencryption(CIPHER, less).run(SEALED, source_context=CONTEXT, target_context=CONTEXT)
    assert refused.value.code == 226
    done = apiseal.Reencryption(CIPHER, less, leave_clear=True).run(
        SEALED, source_context=CONTEXT, target_context=CONTEXT
    )
    assert (done.opened, done.left_clear) == (3, 1)


REDACTOR = apiseal.Redactor(
    {"apiseal_policy": 1, "id": "r", "rules": [{"path": "$..pan", "bind": [], "mask": {"keep_last": 4}}]}
)


@pytest.mark.parametrize(
    "document, redacted",
    [
        ('{"pan": "4111111111111111"}', '{"pan": "****1111"}'),
        (b'{"a": [{"pan": 5}]}', b'{"a": [{"pan": "[redacted]"}]}'),
        ({"pan": "4111111111111111", "id": 10**25}, {"pan": "****1111", "id": 10**25}),
        ([{"pan": None}], [{"pan": "[redacted]"}]),
        ("{", '{"redacted":"unreadable"}'),
        (b"\xff", b'{"redacted":"unreadable"}'),
        ('{"pan":"\ud800"}', '{"redacted":"unreadable"}'),
        ({"pan": float("nan")}, {"redacted": "unreadable"}),
        ({"pan": {1, 2}}, {"redacted": "unreadable"}),
        (object(), {"redacted": "unreadable"}),
        (None, {"redacted": "unreadable"}),
        (bytearray(b'{"pan": "41"}'), b'{"pan": "[redacted]"}'),
    ],
    ids=repr,
)
def test_lesson_f17_redaction_never_raises_about_a_document(document: Any, redacted: Any) -> None:
    assert REDACTOR.redact(document) == redacted
    assert type(REDACTOR.redact(document)) is type(redacted)


def test_redaction_counts_what_it_could_not_read() -> None:
    own = apiseal.Redactor({"apiseal_policy": 1, "id": "r", "rules": [{"path": "$.a", "bind": []}]})
    for document in ("{", "{}", 5, "]"):
        own.redact(document)
    assert own.unreadable == 3


def test_redaction_of_what_is_encrypted() -> None:
    redacted = json.loads(apiseal.Redactor(POLICY).redact(SEALED))
    assert redacted == {
        "orders": [{"id": 1, "card": "[redacted]"}, {"id": 2, "card": "[redacted]"}],
        "note": "[redacted]",
    }


EMAILS = apiseal.ValueCipher(RING, "users.email")


@pytest.mark.parametrize("value", ["ada@example.com", 7, None, [1, {"a": 2}], 10**30, "", True])
def test_values_by_themselves(value: Any) -> None:
    own = EMAILS.encrypt(value, bind={"users.id": 7}, context=CONTEXT)
    assert own.startswith(f"as1.{KID}.")
    assert EMAILS.decrypt(own, bind={"users.id": 7}, context=CONTEXT) == value
    for bind, context in [
        ({"users.id": 8}, CONTEXT),
        ({"users.id": "7"}, CONTEXT),
        ({}, CONTEXT),
        ({"users.id": 7}, OTHER),
    ]:
        with pytest.raises(apiseal.RejectedError):
            EMAILS.decrypt(own, bind=bind, context=context)
    with pytest.raises(apiseal.RejectedError):
        apiseal.ValueCipher(RING, "users.phone").decrypt(own, bind={"users.id": 7}, context=CONTEXT)


def test_values_as_exact_text() -> None:
    for text in ("1.10", b'{"b": 1, "a": 1E400}', '"\\u00e9"'):
        own = EMAILS.encrypt_json(text, bind={}, context=CONTEXT)
        assert EMAILS.decrypt_json(own, bind={}, context=CONTEXT) == (
            text if isinstance(text, bytes) else text.encode()
        )
    assert EMAILS.decrypt(
        EMAILS.encrypt_json("1.10", bind={}, context=CONTEXT), bind={}, context=CONTEXT, decimals=True
    ) == Decimal("1.10")
    for wrong, error in [("{", apiseal.DocumentError), ("", apiseal.DocumentError), (5, TypeError), ({}, TypeError)]:
        with pytest.raises(error):
            EMAILS.encrypt_json(wrong, bind={}, context=CONTEXT)  # type: ignore[arg-type]


@pytest.mark.parametrize("bind", [None, [], "users.id", {1: 2}, {"users.id": object()}])
def test_what_values_are_bound_to_is_a_dict(bind: Any) -> None:
    with pytest.raises(TypeError):
        EMAILS.encrypt("x", bind=bind, context=CONTEXT)


def test_options_of_values() -> None:
    for options in (
        {"keys": [KID]},
        {"any_key": True},
        {"padding": "none"},
        {"padding": "default"},
        {"padding": 64},
        {"nested": True},
        {"hedged_salts": True},
    ):
        own = apiseal.ValueCipher(RING, "l", **options)
        assert (
            own.decrypt(own.encrypt("x", bind={}, context=CONTEXT), bind={}, context=CONTEXT) == "x"
            and own.label == "l"
        )
    for options, error in [
        ({"keys": ["none"]}, apiseal.ApisealError),
        ({"keys": [KID], "any_key": True}, apiseal.ArgumentError),
        ({"padding": "much"}, apiseal.ArgumentError),
        ({"padding": 0}, apiseal.ApisealError),
        ({"padding": 1.5}, apiseal.ArgumentError),
        ({"keys": KID}, TypeError),
    ]:
        with pytest.raises(error):
            apiseal.ValueCipher(RING, "l", **options).encrypt("x", bind={}, context=CONTEXT)


@pytest.mark.parametrize("padding", [None, "none", 16, 1024])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 300])
def test_the_length_of_a_token_is_known_before(size: int, padding: Any) -> None:
    own = apiseal.ValueCipher(RING, "l", padding=padding)
    made = own.encrypt_json('"' + "x" * size + '"', bind={}, context=CONTEXT)
    assert (
        len(made)
        == apiseal.token_len(size + 2, KID, padding=padding)
        <= apiseal.max_token_len(size + 2, padding=padding)
    )


def test_lint_tells_what_a_policy_does() -> None:
    policy = apiseal.Policy(POLICY)
    assert (policy.id, policy.layout, policy.paths) == ("orders.v1", "token", ["$.orders[*].card", "$.note"])
    told = policy.lint('{"orders": [{"id": 1, "card": 2}], "ssn": "078-05-1120"}')
    assert told.rules[0].encrypts == ["$['orders'][0]['card']"] and told.rules[1].encrypts == []
    assert [path for path, _ in told.clear] == ["$['ssn']"]
    assert policy.lint().rules[0].encrypts == []


def test_policies_from_everywhere(tmp_path: Any) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY))
    for source in (POLICY, json.dumps(POLICY), " \n" + json.dumps(POLICY), path, str(path), apiseal.Policy(POLICY)):
        own = apiseal.FieldCipher(RING, source)
        assert own.policy.id == "orders.v1" and own.decrypt(SEALED, context=CONTEXT) == CLEAR
    with pytest.raises(FileNotFoundError):
        apiseal.Policy(tmp_path / "none.json")
    path.write_bytes(b"\xff")
    with pytest.raises(apiseal.ArgumentError, match="UTF-8"):
        apiseal.Policy(path)
    for wrong in (5, None, b"{}", [POLICY]):
        with pytest.raises(TypeError, match="a Policy, dict, JSON text or path"):
            apiseal.Policy(wrong)
    for refused in (
        {},
        {"apiseal_policy": 1},
        {**POLICY, "more": 1},
        {**POLICY, "rules": []},
        "{",
        {"apiseal_policy": float("nan")},
    ):
        with pytest.raises((apiseal.PolicyError, apiseal.DocumentError)):
            apiseal.Policy(refused)
    # A number that is no integer, and a truth that is no number, stay what they are.
    with pytest.raises(apiseal.PolicyError):
        apiseal.Policy({**POLICY, "apiseal_policy": True})
