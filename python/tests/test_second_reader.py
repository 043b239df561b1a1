"""The second reader of the format, written in Python from the document alone, opens what this package makes, and the reverse."""

from __future__ import annotations

import json
import os

import apiseal
import apiseal_reader as reader
import pytest
from generator import Case as MadeCase
from generator import Maker
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case, cases

SECRET = bytes(range(32))
SUITES = {1: "aes-256-gcm", 2: "chacha20-poly1305"}
CONTEXTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
        lambda name: not name.startswith("apiseal.")
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    max_size=3,
).map(lambda pairs: {**pairs, "purpose": "exchange"})


@given(cases(), CONTEXTS, st.sampled_from(sorted(SUITES)), st.booleans())
def test_documents_open_crosswise(case: Case, context: dict, suite: int, hedged: bool) -> None:
    key = apiseal.Key.hazmat_from_secret("k1", SECRET, suite=SUITES[suite])
    cipher = apiseal.FieldCipher(apiseal.Keyring([key], primary=["k1"]), case.policy, hedged_salts=hedged)
    ring = reader.Ring([reader.Key("k1", SECRET, suite, "seal", "active", {})], {"seal": ["k1"]})
    document = case.document.encode()
    ours = cipher.encrypt(document, context=context)
    assert reader.decrypt(ours, case.policy, ring, context) == document
    theirs = reader.encrypt(document, case.policy, ring, context, os.urandom)
    assert cipher.decrypt(theirs, context=context) == document
    # One bit of one context value: neither opens it.
    other = context | {"purpose": "exchangf"}
    with pytest.raises(apiseal.RejectedError):
        cipher.decrypt(theirs, context=other)
    with pytest.raises(reader.Refused, match="Rejected"):
        reader.decrypt(ours, case.policy, ring, other)


def outcome_here(op: str, case: MadeCase) -> tuple[str, object]:
    """What this package makes of a call of the second reader's own generator."""
    try:
        keys = [
            apiseal.Key.hazmat_from_secret(key.kid, key.secret, suite=SUITES[key.suite]).replace(
                state=key.state, scope=key.scope
            )
            for key in case.keys
        ]
        ring = apiseal.Keyring(keys, primary=sorted(case.primaries))
        cipher = apiseal.FieldCipher(ring, json.dumps(case.policy), clock=lambda: case.now)
        return "ok", getattr(cipher, op)(case.document, context=case.context)
    except apiseal.ApisealError as error:
        return "error", error.name


def outcome_there(op: str, case: MadeCase) -> tuple[str, object]:
    try:
        if op == "encrypt":
            return "ok", reader.encrypt(case.document, case.policy, case.ring, case.context, os.urandom, case.now)
        return "ok", reader.decrypt(case.document, case.policy, case.ring, case.context, case.now)
    except reader.Refused as refused:
        return "error", refused.name


@pytest.mark.parametrize("seed", range(4))
def test_outcomes_are_equal(seed: int) -> None:
    """Documents, policies, rings and contexts of which many are refused: by the same name on both sides. The same calls go
    from the second reader to the core in `tests/second_reader`; here they pass through this package."""
    opened = refused = 0
    for number in range(60):
        maker = Maker(f"python/{seed}/{number}")
        case = maker.case()
        here, there = outcome_here("encrypt", case), outcome_there("encrypt", case)
        if here[0] == "error" or there[0] == "error":
            refused += 1
            # What the format leaves open: a loader may prove more overlaps, and one of two faults comes first.
            assert (
                here == there or here[1] == "PolicyFile" or {here[1], there[1]} == {"BoundMissing", "BoundConflict"}
            ), case
            continue
        opened += 1
        assert isinstance(here[1], bytes) and isinstance(there[1], bytes)
        for sealed in (here[1], there[1]):
            again = MadeCase(case.policy, case.context, case.keys, case.primaries, case.now, sealed)
            assert outcome_here("decrypt", again) == outcome_there("decrypt", again) == ("ok", case.document)
            changed = maker.mutated(again)
            assert outcome_here("decrypt", changed) == outcome_there("decrypt", changed), changed
    assert opened > 15 and refused > 3
