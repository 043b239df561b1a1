"""Exceptions: their classes, their members, and what they never hold."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import apiseal
import pytest
from apiseal import errors

TABLE = Path(__file__).parents[2] / "docs" / "errors.md"
CODES = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+?) \| (.+?) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
KINDS = {
    range(100, 110): errors.ArgumentError,
    range(200, 210): errors.ContextError,
    range(210, 230): errors.PolicyError,
    range(300, 320): errors.DocumentError,
    range(400, 420): errors.KeyringError,
    range(500, 501): errors.TokenError,
    range(501, 502): errors.RejectedError,
    range(600, 630): errors.SignatureError,
    range(900, 902): errors.InternalError,
}


def test_the_table_is_read() -> None:
    assert len(CODES) > 75 and {code for code, *_ in CODES} >= {"100", "211", "501", "615", "901"}


@pytest.mark.parametrize("code, name", [(int(code), name) for code, name, *_ in CODES])
def test_each_code_of_the_table_has_its_class(code: int, name: str) -> None:
    kind = errors._class_of(code)
    assert issubclass(kind, next(own for codes, own in KINDS.items() if code in codes))
    assert kind is not errors.InternalError or code >= 900
    # The class states the code that the table states for it, in its own words.
    if code in errors._BY_CODE:
        assert re.search(rf"\b{code}\b", kind.__doc__ or "") or re.search(r"\d{3}-\d{3}", kind.__doc__ or "")


def test_no_class_is_for_codes_that_do_not_exist() -> None:
    assert set(errors._BY_CODE) <= {int(code) for code, *_ in CODES}


def test_the_hierarchy() -> None:
    for name in errors.__all__:
        kind = getattr(apiseal, name)
        assert issubclass(kind, apiseal.ApisealError) and kind.__module__ == "apiseal.errors"
    assert issubclass(apiseal.ArgumentError, ValueError)
    assert issubclass(apiseal.LimitError, apiseal.DocumentError)
    assert issubclass(apiseal.TokenError, apiseal.DocumentError)
    assert not issubclass(apiseal.RejectedError, apiseal.DocumentError)
    assert {kind for kind in errors._BY_CODE.values() if not issubclass(kind, apiseal.ApisealError)} == set()


POLICY = {"apiseal_policy": 1, "id": "e", "rules": [{"path": "$.a.card", "bind": ["$.id"], "types": ["string"]}]}
CIPHER = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY)
CONTEXT = {"purpose": "errors"}


def raised(work: object) -> apiseal.ApisealError:
    with pytest.raises(apiseal.ApisealError) as refused:
        work()  # type: ignore[operator]
    return refused.value


def test_a_place_and_a_path() -> None:
    error = raised(lambda: CIPHER.encrypt('{"id":1,"a":{"card":5}}', context=CONTEXT))
    assert type(error) is apiseal.PolicyError
    assert (error.code, error.name, error.path, error.http_status) == (215, "TypeMismatch", "$['a']['card']", 401)
    assert error.args == (str(error),) and str(error).endswith("[215]")
    error = raised(lambda: CIPHER.encrypt('{"id":1,}', context=CONTEXT))
    assert (error.code, error.offset, error.path, error.key_id, error.line) == (300, 8, None, None, None)
    error = raised(lambda: CIPHER.encrypt('{"a":{"id":1}}', context=CONTEXT))
    assert isinstance(error, apiseal.NoMatchError) and "optional" in (error.detail or "")


def test_offsets_count_bytes_also_for_str() -> None:
    text = '{"é":1,,}'
    offsets = {raised(lambda own=own: CIPHER.encrypt(own, context=CONTEXT)).offset for own in (text, text.encode())}  # type: ignore[misc]
    assert offsets == {text.encode().index(b",,") + 1}


def test_a_key_id() -> None:
    sealed = CIPHER.encrypt('{"id":1,"a":{"card":"x"}}', context=CONTEXT)
    other = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY)
    error = raised(lambda: other.decrypt(sealed, context=CONTEXT))
    assert isinstance(error, apiseal.UnknownKeyError) and error.key_id == CIPHER.keyring.keys[0].kid
    disabled = apiseal.FieldCipher(CIPHER.keyring.disable(error.key_id), POLICY)
    error = raised(lambda: disabled.decrypt(sealed, context=CONTEXT))
    assert isinstance(error, apiseal.KeyStateError) and error.code == 402


def test_rejected_says_nothing_more() -> None:
    """Wrong context, other place, other bound value, altered: one text, one set of members."""
    sealed = CIPHER.encrypt('{"id":1,"a":{"card":"x"}}', context=CONTEXT)
    key = apiseal.Key.generate(CIPHER.keyring.keys[0].kid)
    other_key = apiseal.FieldCipher(apiseal.Keyring([key], primary=[key.kid]), POLICY)
    seen = {
        repr((vars(own), str(own)))
        for own in (
            raised(lambda: CIPHER.decrypt(sealed, context={"purpose": "other"})),
            raised(lambda: CIPHER.decrypt(sealed.replace('"id":1', '"id":2'), context=CONTEXT)),
            raised(
                lambda: CIPHER.decrypt(
                    sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:], context=CONTEXT
                )
            ),
            raised(lambda: other_key.decrypt(sealed, context=CONTEXT)),
        )
    }
    assert len(seen) == 1
    (only,) = seen
    assert "'detail': None, 'path': None, 'offset': None, 'key_id': None" in only and "rejected [501]" in only


def test_members_of_the_class_are_not_those_of_the_error() -> None:
    raised(lambda: CIPHER.encrypt("{", context=CONTEXT))
    assert (apiseal.ApisealError.code, apiseal.ApisealError.offset, apiseal.DocumentError.offset) == (901, None, None)
    made = apiseal.SignatureError("by hand")
    assert (made.code, made.name, made.http_status, str(made)) == (901, "Internal", 500, "by hand")


def test_raise_from_keeps_both() -> None:
    with pytest.raises(RuntimeError) as refused:
        try:
            CIPHER.encrypt("{", context=CONTEXT)
        except apiseal.DocumentError as error:
            raise RuntimeError("the order") from error
    cause = refused.value.__cause__
    assert isinstance(cause, apiseal.DocumentError) and cause.code == 300 and cause.__context__ is None


def test_errors_pass_between_processes() -> None:
    error = raised(lambda: CIPHER.encrypt('{"id":1,"a":{"card":5}}', context=CONTEXT))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error) and str(other) == str(error) and vars(other) == vars(error)


def test_notes_and_members_may_be_added() -> None:
    error = raised(lambda: CIPHER.encrypt("{", context=CONTEXT))
    error.order = 7  # type: ignore[attr-defined]
    if hasattr(error, "add_note"):
        error.add_note("order 7")
    assert vars(error)["order"] == 7
