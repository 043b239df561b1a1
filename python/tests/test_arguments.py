"""Arguments that are wrong: a clear exception of Python, and never a context that is left out."""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import apiseal
import pytest

POLICY = {"apiseal_policy": 1, "id": "a", "rules": [{"path": "$.card", "bind": []}]}
RING = apiseal.Keyring.generate()
CIPHER = apiseal.FieldCipher(RING, POLICY)
DOCUMENT = b'{"card": 1}'
CONTEXT = {"purpose": "arguments"}


@pytest.mark.parametrize(
    "document", [5, None, 1.5, True, ("a",), {1}, object(), iter([1]), range(3), 1j, type], ids=repr
)
@pytest.mark.parametrize("name", ["encrypt", "decrypt", "decrypt_lenient", "decrypt_migrating", "diagnose", "inspect"])
def test_documents_of_wrong_types(name: str, document: Any) -> None:
    with pytest.raises(TypeError, match="a document as bytes, str, dict or list"):
        getattr(CIPHER, name)(document, context=CONTEXT)


@pytest.mark.parametrize(
    "name",
    [
        "encrypt",
        "decrypt",
        "decrypt_lenient",
        "decrypt_migrating",
        "diagnose",
        "inspect",
        "encrypt_lines",
        "decrypt_lines",
    ],
)
def test_lesson_f11_a_context_is_always_stated(name: str) -> None:
    work = getattr(CIPHER, name)
    source = [] if name.endswith("lines") else DOCUMENT
    with pytest.raises(TypeError, match="context"):
        work(source)
    with pytest.raises(TypeError):
        work(source, CONTEXT)
    for context, code in [
        ({}, 201),
        ({"tenant": "acme"}, 200),
        ({"purpose": "a", "": "b"}, 201),
        ({"purpose": "a", "apiseal.x": "b"}, 205),
    ]:
        with pytest.raises(apiseal.ContextError) as refused:
            work(source, context=context)
        assert refused.value.code == code
    for wrong in (
        None,
        "orders",
        [("purpose", "orders")],
        5,
        {"purpose": 1},
        {1: "a"},
        {"purpose": None},
        {"purpose": b"x"},
        {b"purpose": "x"},
        {"purpose"},
    ):
        with pytest.raises(TypeError):
            work(source, context=wrong)
    with pytest.raises((UnicodeError, apiseal.ApisealError)):
        work(source, context={"purpose": "\ud800"})


def test_contexts() -> None:
    sealed = CIPHER.encrypt(DOCUMENT, context={"purpose": "a", "tenant": "b"})
    forms: list[Any] = [
        {"tenant": "b", "purpose": "a"},
        MappingProxyType({"purpose": "a", "tenant": "b"}),
        UserDict(purpose="a", tenant="b"),
        apiseal.Context({"purpose": "a", "tenant": "b"}),
        apiseal.Context(purpose="a", tenant="b"),
        apiseal.Context({"purpose": "a"}, tenant="b"),
    ]
    for context in forms:
        assert CIPHER.decrypt(sealed, context=context) == DOCUMENT
    context = forms[3]
    assert context == forms[4] and context != apiseal.Context(purpose="a") and context["tenant"] == "b"
    assert (
        context.as_dict() == {"purpose": "a", "tenant": "b"} and repr(context) == "<apiseal.Context of purpose, tenant>"
    )
    with pytest.raises(KeyError):
        context["none"]
    for wrong, code in [
        (lambda: apiseal.Context(), 201),
        (lambda: apiseal.Context({"a": "b"}, a="c"), 202),
        (lambda: apiseal.Context({"a": "b" * 1025}), 203),
    ]:
        with pytest.raises(apiseal.ContextError) as refused:
            wrong()
        assert refused.value.code == code


def test_a_mapping_that_raises_is_no_context() -> None:
    class Broken(Mapping):
        def __getitem__(self, name: str) -> str:
            raise LookupError("the database")

        def __iter__(self) -> Any:
            return iter(["purpose"])

        def __len__(self) -> int:
            return 1

    with pytest.raises(LookupError, match="the database"):
        CIPHER.encrypt(DOCUMENT, context=Broken())


def test_limits() -> None:
    default = apiseal.Limits()
    assert (default.document, default.field, default.depth, default.fields) == (64 << 20, 16 << 20, 128, 1 << 20)
    small = apiseal.Limits(document=100, depth=2, fields=1)
    assert small.field <= 100 and small == apiseal.Limits(document=100, depth=2, fields=1) != default
    assert "document=100" in repr(small)
    own = apiseal.FieldCipher(
        RING,
        {"apiseal_policy": 1, "id": "l", "rules": [{"path": "$.*", "bind": []}]},
        limits=apiseal.Limits(document=400, depth=2, fields=1, field=32),
    )
    assert own.encrypt('{"a":1}', context=CONTEXT)
    for document, code in [
        ('{"a":' + "1" * 400 + "}", 310),
        ('{"a":[[1]]}', 311),
        ('{"a":1,"b":2}', 313),
        ('{"a":"' + "x" * 33 + '"}', 312),
    ]:
        with pytest.raises(apiseal.LimitError) as refused:
            own.encrypt(document, context=CONTEXT)
        assert refused.value.code == code
    for wrong in ({"document": 0}, {"depth": (1 << 20) + 1}, {"document": 10, "field": 11}):
        with pytest.raises(apiseal.ArgumentError):
            apiseal.Limits(**wrong)
    for wrong in ({"document": "1"}, {"depth": 1.5}, {"none": 1}):
        with pytest.raises(TypeError):
            apiseal.Limits(**wrong)
    with pytest.raises(TypeError):
        apiseal.Limits(100)  # type: ignore[misc]
    with pytest.raises(TypeError):
        apiseal.FieldCipher(RING, POLICY, limits={"document": 100})  # type: ignore[arg-type]


def test_ciphers_need_a_ring_and_a_policy() -> None:
    for make in (
        lambda: apiseal.FieldCipher(),  # type: ignore[call-arg]
        lambda: apiseal.FieldCipher(RING),  # type: ignore[call-arg]
        lambda: apiseal.FieldCipher(POLICY, RING),  # type: ignore[arg-type]
        lambda: apiseal.FieldCipher(None, POLICY),  # type: ignore[arg-type]
        lambda: apiseal.FieldCipher(RING, POLICY, None, None),  # type: ignore[misc]
    ):
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize("name", ["clock", "audit"])
def test_callbacks_are_callables(name: str) -> None:
    makers = [apiseal.FieldCipher, apiseal.ValueCipher, apiseal.Signer, apiseal.Verifier]
    arguments: list[tuple[tuple, dict]] = [
        ((RING, POLICY), {}),
        ((RING, "l"), {}),
        ((RING,), {}),
        ((RING,), {"replay": apiseal.NoReplayCheck()}),
    ]
    for make, (own, more) in zip(makers, arguments, strict=True):
        with pytest.raises(TypeError, match=f"a callable .* as {name}"):
            make(*own, **more, **{name: 5})


def test_nothing_is_made_out_of_nothing() -> None:
    for kind in (
        apiseal.Key,
        apiseal.Lines,
        apiseal.Signed,
        apiseal.Verified,
        apiseal.Proof,
        apiseal.Protected,
        apiseal.Accepted,
        apiseal.Pending,
        apiseal.Spool,
    ):
        with pytest.raises(TypeError, match="No constructor|cannot create"):
            kind()


def test_every_public_call_has_a_signature() -> None:
    for name in apiseal.__all__:
        own = getattr(apiseal, name)
        if not inspect.isclass(own):
            continue
        for member in vars(own):
            if not member.startswith("_") and callable(getattr(own, member)):
                assert inspect.signature(getattr(own, member)) is not None


def test_what_is_exported_is_there() -> None:
    assert len(apiseal.__all__) == len(set(apiseal.__all__))
    assert all(hasattr(apiseal, name) for name in apiseal.__all__)
    assert apiseal.__version__.count(".") == 2
