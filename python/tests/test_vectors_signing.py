"""The shared vectors of signed messages."""

from __future__ import annotations

import json

import apiseal
import pytest
from vectors import lines, load, request, response, signing_key

MESSAGES = load("signing/messages.json")
NEGATIVE = load("signing/negative.json")
DIRECTIONS = {"client": "req", "service": "res"}


def keyring(case: dict) -> apiseal.Keyring:
    profile = json.loads(case["profile"])["id"] if case["profile"] else "apiseal-v1"
    keys = MESSAGES["keys"].items()
    return apiseal.Keyring(
        [signing_key(kid, case["suite"], own, direction=DIRECTIONS[kid], profiles=[profile]) for kid, own in keys]
    )


@pytest.mark.parametrize("case", MESSAGES["cases"], ids=lambda case: case["what"])
def test_messages(case: dict) -> None:
    ring = keyring(case)
    profile = apiseal.Profile(case["profile"]) if case["profile"] else None
    clock = {"clock": lambda: MESSAGES["now"]}
    verifier = apiseal.Verifier(ring, profile, replay=apiseal.NoReplayCheck(), **clock)
    adds, base = lines(case["signed"]["adds"]), case["signed"]["base"].encode()
    if "message" in case:
        own = request(case["message"])
        verified = verifier.verify(**own | {"headers": own["headers"] + adds})
        assert (verified.key_id, verified.base) == ("client", base)
        assert verified.body == own["body"] or not verified.is_body_proved
        # What Python signs, Python verifies; without a nonce it is the same signature again.
        label = case["signed"]["adds"][-1][1].split("=")[0]
        signed = apiseal.Signer(ring, profile, key="client", label=label, **clock).sign(**own)
        again = [(name.encode(), value.encode()) for name, value in signed.headers]
        assert verifier.verify(**own | {"headers": own["headers"] + again}).key_id == "client"
        assert (again == adds) == ("nonce" not in (case["profile"] or "nonce"))
    else:
        asked, own = verifier.verify(**request(case["request"])), response(case["response"])
        answer = own | {"headers": own["headers"] + adds}
        verified = verifier.verify_response(**answer, request=asked)
        assert (verified.key_id, verified.base) == ("service", base)
        # The nonce is that of the request: the same bytes come out.
        signer = apiseal.Signer(ring, profile, key="service", **clock)
        assert [(n.encode(), v.encode()) for n, v in signer.sign_response(**own, request=asked).headers] == adds
        with pytest.raises(apiseal.InvalidSignatureError):
            verifier.verify_response(**answer | {"status": answer["status"] + 1}, request=asked)


def negative_cases() -> list:
    return [pytest.param(case, id=f"{case['case']}-{at}") for at, case in enumerate(NEGATIVE["cases"])]


def test_there_are_many_negative_cases() -> None:
    assert len(negative_cases()) > 190


def negative_keyring() -> apiseal.Keyring:
    keys = []
    for entry in NEGATIVE["keys"]:
        own = {
            name: entry[name] for name in ("state", "principal", "direction", "profiles", "scope") if entry.get(name)
        }
        keys.append(signing_key(entry["kid"], entry["suite"], entry["secret"], **own))
    return apiseal.Keyring(keys)


@pytest.mark.parametrize("case", negative_cases())
def test_negative(case: dict) -> None:
    verifier = apiseal.Verifier(negative_keyring(), replay=apiseal.NoReplayCheck(), clock=lambda: NEGATIVE["now"])
    own = request(case["message"])
    if "code" not in case["expected"]:
        assert verifier.verify(**own)
        return
    with pytest.raises(apiseal.ApisealError) as refused:
        verifier.verify(**own)
    error = refused.value
    assert (error.code, error.name) == (case["expected"]["code"], case["expected"]["error"]), case["what"]
    # A peer learns nothing from the answer.
    assert error.http_status == 401
    explanation = verifier.explain(**own)
    assert not explanation.verifies and explanation.error is not None and explanation.error.code == error.code
