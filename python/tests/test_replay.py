"""Replay stores: one acceptance for each nonce, claimed last; whoever cannot tell refuses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, NOW, RING, URL, memory, signed, signer, verifier


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    seen: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda own: seen.append(own.exc_value))
    yield seen


def verify(own: apiseal.Verifier, lines: list) -> apiseal.Verified:
    return own.verify("POST", URL, lines, BODY)


def test_case_46_the_same_nonce_twice() -> None:
    replay = memory()
    own, lines = verifier(replay), signed()
    assert verify(own, lines) and len(replay) == 1
    with pytest.raises(apiseal.ReplayedError) as refused:
        verify(own, lines)
    assert (refused.value.code, refused.value.http_status) == (615, 401)
    # Another verifier with the same store, and the same nonce under another key.
    with pytest.raises(apiseal.ReplayedError):
        verify(verifier(replay), lines)
    assert verify(own, signed(key="bank-req"))


def test_case_46_parallel_claims_of_one_nonce() -> None:
    own = verifier(memory())
    for _ in range(20):
        lines, barrier = signed(), threading.Barrier(8)

        def attempt(lines: list = lines, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            try:
                return bool(verify(own, lines))
            except apiseal.ReplayedError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: attempt(), range(8))) == 1


def test_lesson_s12_what_fails_burns_no_nonce() -> None:
    replay = memory()
    own, lines = verifier(replay), signed()
    with pytest.raises(apiseal.DigestError):
        own.verify("POST", URL, lines, BODY + b" ")
    with pytest.raises(apiseal.InvalidSignatureError):
        own.verify("PUT", URL, lines, BODY)
    assert not own.explain("PUT", URL, lines, BODY).verifies and len(replay) == 0
    assert verify(own, lines)


def test_lesson_s21_a_full_store_refuses() -> None:
    own = verifier(memory(2, quota=2))
    first = signed()
    verify(own, first)
    verify(own, signed())
    with pytest.raises(apiseal.ReplayStoreError) as refused:
        verify(own, signed())
    assert (refused.value.code, refused.value.http_status) == (616, 503)
    with pytest.raises(apiseal.ReplayedError):
        verify(own, first)


def test_rule_s26_each_principal_has_its_share() -> None:
    own = verifier(memory(100, quota=1))
    verify(own, signed())
    with pytest.raises(apiseal.ReplayStoreError):
        verify(own, signed())
    assert verify(own, signed(key="bank-req")).principal == "Bank"


def test_rule_s26_what_was_signed_before_the_store_began_is_refused() -> None:
    own = verifier(apiseal.MemoryReplay(100, clock=lambda: NOW))
    with pytest.raises(apiseal.ReplayStoreError) as refused:
        verify(own, signed())
    assert (refused.value.code, refused.value.http_status) == (617, 503)


def test_an_empty_store_is_a_store() -> None:
    replay = memory()
    assert len(replay) == 0 and (replay or apiseal.NoReplayCheck()) is replay


def test_memory_stores_of_odd_sizes() -> None:
    for capacity in (0, 1):
        own = verifier(memory(capacity))
        for _ in range(2):
            try:
                verify(own, signed())
            except apiseal.ReplayStoreError as refused:
                assert refused.code == 616
    for wrong in (-1, 1 << 70):
        with pytest.raises(OverflowError):
            apiseal.MemoryReplay(wrong)
    with pytest.raises(TypeError):
        apiseal.MemoryReplay("100")  # type: ignore[arg-type]


class Store:
    def __init__(self, answer: Any = None) -> None:
        self.answer, self.claims, self.seen = answer, [], set()  # type: ignore[var-annotated]

    def claim(self, claim: apiseal.Claim) -> Any:
        self.claims.append(claim)
        if callable(self.answer):
            return self.answer()
        if self.answer is not None:
            return self.answer
        known = (claim.scope, claim.nonce)
        outcome = "seen" if known in self.seen else "first"
        self.seen.add(known)
        return outcome


def test_a_store_of_the_callers() -> None:
    store = Store()
    own, lines = verifier(store), signed()
    nonce = verify(own, lines).nonce
    with pytest.raises(apiseal.ReplayedError):
        verify(own, lines)
    claim = store.claims[0]
    assert isinstance(claim, apiseal.Claim) and claim == store.claims[1]
    assert (claim.nonce, claim.principal, claim.created, claim.now) == (nonce, "ACME", NOW, NOW)
    assert claim.until == claim.created + 330 and claim.skew == 30 and len(claim.scope) == 32
    verify(own, signed(key="bank-req"))
    assert store.claims[2].scope != claim.scope


def test_a_store_is_asked_after_everything_else() -> None:
    store = Store()
    for change in ({"method": "PUT"}, {"body": BODY + b" "}, {"headers": HEADERS}):
        message: dict[str, Any] = {"method": "POST", "url": URL, "headers": signed(), "body": BODY}
        with pytest.raises(apiseal.SignatureError):
            verifier(store).verify(**message | change)
    assert store.claims == []


@pytest.mark.parametrize(
    "answer, code", [("seen", 615), ("full", 616), ("unknown", 617), ("First", 617), ("", 617), ("yes", 617)]
)
def test_what_a_store_answers(answer: str, code: int, unraisable: list) -> None:
    with pytest.raises(apiseal.SignatureError) as refused:
        verify(verifier(Store(answer)), signed())
    assert refused.value.code == code and unraisable == []


@pytest.mark.parametrize("answer", [True, 1, b"first", ("first",), object()])
def test_rule_s9_an_answer_that_is_none_refuses(answer: Any, unraisable: list) -> None:
    with pytest.raises(apiseal.ReplayStoreError) as refused:
        verify(verifier(Store(answer)), signed())
    assert refused.value.http_status == 503 and isinstance(unraisable[0], TypeError)


@pytest.mark.parametrize("kind", [OSError, RuntimeError])
def test_rule_s9_a_store_that_raises_refuses(kind: type[BaseException], unraisable: list) -> None:
    def fail() -> str:
        raise kind("the store")

    with pytest.raises(apiseal.ReplayStoreError) as refused:
        verify(verifier(Store(fail)), signed())
    # What it says may be secret: it goes to the hook and not into the error.
    assert "the store" not in str(refused.value) and refused.value.__cause__ is None
    assert [str(own) for own in unraisable] == ["the store"]


def test_a_store_may_call_the_library() -> None:
    own = verifier()

    def answer() -> str:
        return "first" if verify(own, signed()) else "unknown"

    assert verify(verifier(Store(answer)), signed())


def test_an_asynchronous_store_is_told_apart() -> None:
    class Async:
        async def claim(self, claim: apiseal.Claim) -> str:
            return "first"

    with pytest.raises(apiseal.ArgumentError, match="use AsyncVerifier"):
        verifier(Async())


def test_a_verifier_holds_its_store() -> None:
    own = verifier(Store())
    assert verify(own, signed())


def test_no_replay_check_is_spelled_out() -> None:
    own, lines = verifier(apiseal.NoReplayCheck()), signed()
    assert verify(own, lines) and verify(own, lines)
    assert repr(apiseal.NoReplayCheck()) == "NoReplayCheck()"


def test_a_ring_may_be_replaced_while_it_verifies() -> None:
    ring = apiseal.Keyring(RING.keys)
    own = verifier(memory(100_000, quota=100_000), keyring=ring)
    stop = threading.Event()

    def rotate() -> None:
        while not stop.is_set():
            ring.replace(apiseal.Keyring(RING.keys, rev=ring.rev + 1))

    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        for _ in range(200):
            assert verify(own, HEADERS + signer().sign("POST", URL, HEADERS, BODY).headers)
    finally:
        stop.set()
        thread.join()
