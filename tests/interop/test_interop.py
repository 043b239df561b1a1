"""What one implementation signs, the other verifies, in both directions. Faults of the others are listed with their reason, and
looked at: one that was mended has to leave the list.

APISEAL_INTEROP_SEED and APISEAL_INTEROP_CASES vary the random part.
"""

from __future__ import annotations

import base64
import hmac
import os
from dataclasses import replace

import pytest

from cases import ALGORITHMS, CASES, DIGEST, NOW, POST, Case, param, random_cases, request
from faults import FAULTS, LAX
from implementations import SECRETS, Lines, Refused

SEED = os.environ.get("APISEAL_INTEROP_SEED", "1")
COUNT = int(os.environ.get("APISEAL_INTEROP_CASES", "120"))


def changed(lines: Lines) -> Lines:
    """With one letter of the signature changed."""
    out = [list(line) for line in lines]
    for line in out:
        if line[0].lower() == "signature":
            head, tag = line[1].split("=:", 1)
            line[1] = f"{head}=:{'B' if tag[0] == 'A' else 'A'}{tag[1:]}"
    return out


def exchange(signer, verifier, case: Case) -> None:
    lines = signer.sign(case)
    assert {name.lower() for name, _ in lines} >= {"signature", "signature-input"}
    verifier.verify(case, lines)
    with pytest.raises(Refused):
        verifier.verify(case, changed(lines))


def judge(signer, verifier, peer: str, case: Case) -> None:
    if (peer, case.name) not in FAULTS:
        exchange(signer, verifier, case)
        return
    with pytest.raises(Refused):
        exchange(signer, verifier, case)


NAMED = [pytest.param(case, id=case.name) for case in CASES]
RANDOM = [pytest.param(case, id=case.name) for case in random_cases(COUNT, SEED)]


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("case", NAMED)
def test_they_verify_ours(ours, theirs, case: Case, alg: str) -> None:
    judge(ours, theirs, theirs.name, case.but(alg=alg))


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("case", NAMED)
def test_we_verify_theirs(ours, theirs, case: Case, alg: str) -> None:
    judge(theirs, ours, theirs.name, case.but(alg=alg))


@pytest.mark.parametrize("case", RANDOM)
def test_random_messages(ours, theirs, case: Case) -> None:
    exchange(ours, theirs, case)
    exchange(theirs, ours, case)


def forged(case: Case, base: str, list_and_parameters: str, label: str = "sig1") -> Lines:
    """Signed by hand, for what no implementation signs."""
    text = f'{base}"@signature-params": {list_and_parameters}'
    tag = base64.b64encode(hmac.digest(SECRETS["hmac-sha256"], text.encode(), "sha256")).decode()
    return [["Signature-Input", f"{label}={list_and_parameters}"], ["Signature", f"{label}=:{tag}:"]]


KEY = 'keyid="peer key \\"1\\""'
PARAMETERS = f";created={NOW};{KEY}"
GET = Case("", request("/?a=1&a=2"), ['"@method"'])


def lax(what: str) -> tuple[Case, Lines]:
    """A message that is not to be accepted."""
    match what:
        case "content changed":
            case = Case("", replace(POST, body=b"[]"), ['"content-digest"'])
            return case, forged(case, f'"content-digest": {DIGEST}\n', f'("content-digest"){PARAMETERS}')
        case "repeated query parameter":
            case = GET.but(components=[param("a")])
            lines = f"{param('a')}: 1\n{param('a')}: 2\n"
            return case, forged(case, lines, f"({param('a')}){PARAMETERS}")
        case "label twice":
            lines = forged(GET, '"@method": GET\n', f'("@method"){PARAMETERS}')
            return GET, [[name, f"sig1={':AA==:' if name == 'Signature' else '()'}, {value}"] for name, value in lines]
        case "component twice":
            return GET, forged(GET, '"@method": GET\n' * 2, f'("@method" "@method"){PARAMETERS}')
        case _:
            parameters = f";created={NOW - 365 * 86400};{KEY}"
            return GET, forged(GET, '"@method": GET\n', f'("@method"){parameters}')


@pytest.mark.parametrize("what", sorted({what for _, what in LAX}))
def test_what_is_refused_here(ours, theirs, what: str) -> None:
    case, lines = lax(what)
    with pytest.raises(Refused):
        ours.verify(case, lines)
    if LAX[theirs.name, what]:
        theirs.verify(case, lines)
    else:
        with pytest.raises(Refused):
            theirs.verify(case, lines)


def test_faults_are_explained(ours, theirs) -> None:
    """Who meets such a peer learns what it does otherwise."""
    explained = 0
    for case in CASES:
        # What a peer does not sign at all has no signature to explain.
        if (theirs.name, case.name) not in FAULTS or case.name == "sf of a field without a registered type":
            continue
        told = ours.ask({"op": "http_explain"} | ours.describe(case, theirs.sign(case)))
        assert len(told["changes"]) == 1 and told["remaining"] is None, told["text"]
        explained += 1
    assert explained >= 2


def test_every_fault_belongs_to_a_case() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    for (peer, name), reason in FAULTS.items():
        assert peer in ("pypi", "npm") and name in names and len(reason) > 20
