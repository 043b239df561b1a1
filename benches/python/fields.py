"""Encrypted fields: documents of three sizes in both layouts, and what others take for the same values."""

from __future__ import annotations

import json
from collections.abc import Iterator

import apiseal
import peers
from measure import Subject, calls, human, measure
from rust import Rust

PATHS = {
    "payment": ["$.card.number", "$.card.cvc", "$.customer.ssn"],
    "orders": [
        f"$.orders[*].{own}"
        for own in (
            "customer.name",
            "customer.email",
            "customer.ssn",
            "customer.phone",
            "payment.card",
            "payment.holder",
        )
    ],
}
PATHS["large"] = PATHS["orders"]
CONTEXT = {"purpose": "orders", "tenant": "acme"}


def policy(corpus: str, layout: str) -> dict:
    """As `benches/src/cases.rs` states it."""
    rules = [{"path": path, **({"bind": ["$.id"]} if layout == "T" else {})} for path in PATHS[corpus]]
    head = {"layout": "token"} if layout == "T" else {"layout": "document", "bind": ["$.id"]}
    return {"apiseal_policy": 1, "id": "bench", **head, "rules": rules}


def cipher(corpus: str, layout: str) -> apiseal.FieldCipher:
    return apiseal.FieldCipher(apiseal.Keyring.generate(), policy(corpus, layout))


def peers_of(corpus: str) -> dict[str, peers.Tree]:
    by_hand = [peers.walker(path) for path in PATHS[corpus]]
    found: dict[str, peers.Tree] = {
        "by hand": peers.ByHand(by_hand),
        "by hand, a key a value": peers.ByHand(by_hand, "value"),
    }
    if corpus != "large":  # what the JSONPath packages lack shows in `orders`; here each round of them takes seconds
        found |= {name: peers.ByHand([find(path) for path in PATHS[corpus]]) for name, find in peers.FINDERS.items()}
        found |= {"tink": peers.Tink(by_hand), "aws": peers.Aws(by_hand)}
    return found


NAMES = ["by hand", "by hand, a key a value", *peers.FINDERS, "tink", "aws"]


def subjects(operation: str, corpus: str, layout: str, rust: Rust) -> dict[str, Subject]:
    documents = rust.documents(corpus)
    own = cipher(corpus, layout)
    others = peers_of(corpus)
    check(own, others, documents[0])
    if operation == "encrypt":
        found = {"apiseal": calls(lambda document: own.encrypt(document, context=CONTEXT), documents)}
        found |= {name: calls(other.encrypt, documents) for name, other in others.items()}
    else:
        sealed = [own.encrypt(document, context=CONTEXT) for document in documents]
        found = {"apiseal": calls(lambda document: own.decrypt(document, context=CONTEXT), sealed)}
        some = documents[:16]  # those of the slow ones take long to make
        found |= {
            name: calls(other.decrypt, [other.encrypt(document) for document in some]) for name, other in others.items()
        }
    return found | {"rust": rust.subject(f"{operation} {corpus} {layout}")}


def check(own: apiseal.FieldCipher, others: dict[str, peers.Tree], document: bytes) -> None:
    """All of them encrypt the same values, and give them back."""
    assert own.decrypt(own.encrypt(document, context=CONTEXT), context=CONTEXT) == document
    for name, other in others.items():
        sealed = json.loads(other.encrypt(document))
        for path in own.policy.paths:
            for place in apiseal.locate(json.dumps(sealed), path):
                assert place.end - place.start > 40, (name, path)
        assert json.loads(other.decrypt(other.encrypt(document))) == json.loads(document), name


def rows(rust: Rust, seconds: float) -> Iterator[str]:
    yield "| case | apiseal | Rust | over Rust | " + " | ".join(NAMES) + " |"
    yield "|---|---:|---:|---:|" + "---:|" * len(NAMES)
    for corpus in PATHS:
        for layout in ("T", "D"):
            for operation in ("encrypt", "decrypt"):
                best = measure(subjects(operation, corpus, layout, rust), seconds * (6 if corpus == "large" else 1))
                own, floor = best["apiseal"], best["rust"]
                ratios = [f"{best[name] / own:.1f}×" if name in best else "–" for name in NAMES]
                over = f"{(own - floor) * 1e6:+.2f} µs" if own < 1e-4 else f"{(own / floor - 1) * 100:+.0f} %"
                yield (
                    f"| {operation} {corpus} {layout} | {human(own)} | {human(floor)} | {over} | "
                    + " | ".join(ratios)
                    + " |"
                )


def overhead_rows(rust: Rust, seconds: float) -> Iterator[str]:
    """What a call costs beside the work: 1 KB in the forms that callers have."""
    yield "| encrypt payment T, called with | time | over Rust |"
    yield "|---|---:|---:|"
    documents, own = rust.documents("payment"), cipher("payment", "T")
    context = apiseal.Context(CONTEXT)
    found = {
        "bytes, context as a dict": calls(lambda document: own.encrypt(document, context=CONTEXT), documents),
        "bytes, context as an object": calls(lambda document: own.encrypt(document, context=context), documents),
        "str, context as an object": calls(
            lambda document: own.encrypt(document, context=context), [own.decode() for own in documents]
        ),
        "dict, context as an object": calls(
            lambda document: own.encrypt(document, context=context), [json.loads(own) for own in documents]
        ),
        "rust": rust.subject("encrypt payment T"),
        "a lambda that is called": calls(lambda document: document, documents),
    }
    best = measure(found, 4 * seconds)
    for name, time in best.items():
        if name != "rust":
            over = time - best["rust"] - best["a lambda that is called"]
            yield f"| {name} | {human(time)} | {'' if name.startswith('a lambda') else f'{over * 1e6:+.2f} µs'} |"
