"""Stores that are awaited: the same verdicts, and never two acceptances of one nonce."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import apiseal
import pytest
from signing import BODY, HEADERS, RING, URL, clock, signed, signer, verifier


class Store:
    """As Redis does `SET NX`: it answers after a while."""

    def __init__(self, answer: Any = None) -> None:
        self.answer, self.seen, self.asked = answer, set(), 0  # type: ignore[var-annotated]

    async def claim(self, claim: apiseal.Claim) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is not None:
            return await self.answer() if callable(self.answer) else self.answer
        known = (claim.scope, claim.nonce)
        outcome = "seen" if known in self.seen else "first"
        self.seen.add(known)
        await asyncio.sleep(0)
        return outcome


def own(store: Any = None, **more: Any) -> apiseal.AsyncVerifier:
    return apiseal.AsyncVerifier(RING, replay=store or Store(), clock=clock, **more)


def verify(store: Any, lines: list, body: bytes = BODY) -> apiseal.Verified:
    return asyncio.run(own(store).verify("POST", URL, lines, body))


def test_the_verdict_is_that_of_the_other_verifier() -> None:
    lines = signed()
    one, other = verify(Store(), lines), verifier().verify("POST", URL, lines, BODY)
    for member in ("key_id", "principal", "components", "nonce", "created", "body", "base", "is_body_proved"):
        assert getattr(one, member) == getattr(other, member)


def test_case_46_two_hundred_tasks_with_one_nonce() -> None:
    async def attempt(one: apiseal.AsyncVerifier, lines: list) -> bool:
        try:
            return bool(await one.verify("POST", URL, lines, BODY))
        except apiseal.ReplayedError:
            return False

    async def main() -> list[int]:
        one = own()
        return [sum(await asyncio.gather(*(attempt(one, lines) for _ in range(200)))) for lines in (signed(), signed())]

    assert asyncio.run(main()) == [1, 1]


@pytest.mark.parametrize(
    "answer, code",
    [("seen", 615), ("full", 616), ("unknown", 617), ("First", 617), (True, 617), (b"first", 617), (1, 617)],
)
def test_what_a_store_answers(answer: Any, code: int) -> None:
    with pytest.raises(apiseal.SignatureError) as refused:
        verify(Store(answer), signed())
    assert refused.value.code == code


def test_rule_s9_a_store_that_raises_refuses(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> str:
        raise OSError("connection refused")

    with caplog.at_level(logging.WARNING), pytest.raises(apiseal.ReplayStoreError) as refused:
        verify(Store(fail), signed())
    assert refused.value.http_status == 503
    (record,) = caplog.records
    assert record.name == "apiseal" and record.exc_info and "connection refused" in caplog.text


def test_a_store_that_hangs_may_be_cancelled() -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        one, lines = own(Store(hang)), signed()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(one.verify("POST", URL, lines, BODY), 0.02)
        task = asyncio.ensure_future(one.verify("POST", URL, lines, BODY))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Nothing was claimed: the sender may try again where the store answers.
        assert await own().verify("POST", URL, lines, BODY)

    asyncio.run(main())


def test_lesson_s12_a_store_is_not_asked_for_what_fails() -> None:
    store = Store()
    with pytest.raises(apiseal.DigestError):
        verify(store, signed(), BODY + b" ")
    with pytest.raises(apiseal.SignatureMissingError):
        verify(store, HEADERS)
    assert store.asked == 0


@pytest.mark.parametrize("replay", [None, object(), "store", 5])
def test_what_is_no_store(replay: Any) -> None:
    with pytest.raises(TypeError, match="claim"):
        apiseal.AsyncVerifier(RING, replay=replay)


def test_a_store_that_is_not_awaited_refuses() -> None:
    class Sync:
        def claim(self, claim: apiseal.Claim) -> str:
            return "first"

    with pytest.raises(apiseal.ReplayStoreError):
        verify(Sync(), signed())


def test_a_pending_verification_is_finished_once() -> None:
    pending = verifier().verify_pending("POST", URL, signed(), BODY)
    (claim,) = pending.claims
    assert claim.principal == "ACME"
    assert pending.finish(["first"]).body == BODY
    for use in (lambda: pending.finish(["first"]), lambda: pending.claims):
        with pytest.raises(apiseal.ArgumentError, match="finished already"):
            use()


@pytest.mark.parametrize("answers", [[], ["seen"], ["no"], ["FIRST"]])
def test_answers_that_do_not_fit(answers: list[str]) -> None:
    pending = verifier().verify_pending("POST", URL, signed(), BODY)
    with pytest.raises(apiseal.ApisealError):
        pending.finish(answers)
    with pytest.raises(apiseal.ArgumentError):
        pending.finish(["first"])


@pytest.mark.parametrize("answers", ["first", [1], None, [b"first"]])
def test_answers_of_wrong_types(answers: Any) -> None:
    pending = verifier().verify_pending("POST", URL, signed(), BODY)
    with pytest.raises(TypeError):
        pending.finish(answers)
    # A mistake of the caller burns nothing.
    assert pending.finish(["first"])


def test_pending_goes_stale() -> None:
    now = [clock()]
    one = verifier(clock=lambda: now[0])
    pending = one.verify_pending("POST", URL, signed(), BODY)
    now[0] += 301
    with pytest.raises(apiseal.SignatureExpiredError):
        pending.finish(["first"])


def acceptor(store: Any) -> apiseal.AsyncAcceptor:
    return apiseal.AsyncAcceptor(CIPHER, own(store))


POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}
CIPHER = apiseal.FieldCipher(apiseal.Keyring.generate(), POLICY, clock=clock)
CLEAR = b'{"id": 7, "card": "4111111111111111"}'
CONTEXT = {"purpose": "orders"}


def protected() -> tuple[list, bytes]:
    made = apiseal.Protector(CIPHER, signer()).protect("POST", URL, HEADERS, CLEAR, context=CONTEXT)
    return HEADERS + made.headers, made.body


def test_nothing_is_decrypted_before_the_nonce_is_claimed() -> None:
    lines, body = protected()
    asked: list[str] = []

    async def seen() -> str:
        asked.append("store")
        return "seen"

    def context(proof: apiseal.Proof) -> dict:
        asked.append("context")
        return CONTEXT

    with pytest.raises(apiseal.ReplayedError):
        asyncio.run(acceptor(Store(seen)).accept("POST", URL, lines, body, context=context))
    assert asked == ["store"]
    asked.clear()
    accepted = asyncio.run(acceptor(Store()).accept("POST", URL, lines, body, context=context))
    assert accepted.document == CLEAR and accepted.verified.principal == "ACME" and asked == ["context"]


def test_case_46_parallel_acceptance() -> None:
    lines, body = protected()

    async def attempt(one: apiseal.AsyncAcceptor) -> bool:
        try:
            return (await one.accept("POST", URL, lines, body, context=lambda proof: CONTEXT)).document == CLEAR
        except apiseal.ReplayedError:
            return False

    async def main() -> int:
        one = acceptor(Store())
        return sum(await asyncio.gather(*(attempt(one) for _ in range(200))))

    assert asyncio.run(main()) == 1


def test_a_pending_acceptance_is_finished_once() -> None:
    lines, body = protected()
    pending = apiseal.Acceptor(CIPHER, verifier()).accept_pending("POST", URL, lines, body)
    assert len(pending.claims) == 1
    with pytest.raises(TypeError, match="callable as context"):
        pending.finish(["first"], context=CONTEXT)  # type: ignore[arg-type]
    assert pending.finish(["first"], context=lambda proof: CONTEXT).document == CLEAR
    with pytest.raises(apiseal.ArgumentError, match="finished already"):
        pending.finish(["first"], context=lambda proof: CONTEXT)


def test_what_the_context_raises_is_raised() -> None:
    lines, body = protected()

    def fail(_: apiseal.Proof) -> dict:
        raise LookupError("no such partner")

    store = Store()
    with pytest.raises(LookupError, match="no such partner"):
        asyncio.run(acceptor(store).accept("POST", URL, lines, body, context=fail))
    assert store.asked == 1


def test_they_are_coroutines() -> None:
    assert inspect.iscoroutinefunction(apiseal.AsyncVerifier.verify)
    assert inspect.iscoroutinefunction(apiseal.AsyncAcceptor.accept)
