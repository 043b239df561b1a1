"""Verification and acceptance with replay stores that are awaited. All else is done in the calling thread: it takes
microseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiseal._core import Accepted, Acceptor, NoReplayCheck, Pending, PendingAcceptance, Proof, Verified, Verifier
from apiseal.records import AsyncReplayStore, Claim

__all__ = ["AsyncAcceptor", "AsyncVerifier"]


class AsyncVerifier:
    """As `Verifier`, with a store whose `claim` is awaited, after signature and digest hold.

    The arguments beside `replay` are those of `Verifier`.
    """

    def __init__(self, keyring: Any, profile: Any = None, *, replay: AsyncReplayStore, **options: Any) -> None:
        if not callable(getattr(replay, "claim", None)):
            raise TypeError("replay is an object with an asynchronous `claim`")
        self.replay = replay
        # The store of this one is never asked: only pending verifications are begun.
        self.verifier = Verifier(keyring, profile, replay=NoReplayCheck(), **options)

    async def verify(
        self,
        method: str,
        url: str,
        headers: Any = None,
        body: bytes | None = None,
        **options: Any,
    ) -> Verified:
        """As `Verifier.verify`."""
        pending = self.verifier.verify_pending(method, url, headers, body, **options)
        return pending.finish(await _answers(pending, self.replay))


class AsyncAcceptor:
    """As `Acceptor`, with the store of an `AsyncVerifier`."""

    def __init__(self, cipher: Any, verifier: AsyncVerifier) -> None:
        self.replay = verifier.replay
        self.acceptor = Acceptor(cipher, verifier.verifier)

    async def accept(
        self,
        method: str,
        url: str,
        headers: Any = None,
        body: bytes | None = None,
        *,
        context: Callable[[Proof], Any],
        **options: Any,
    ) -> Accepted:
        """As `Acceptor.accept`: nothing is decrypted before the nonce is claimed."""
        pending = self.acceptor.accept_pending(method, url, headers, body, **options)
        return pending.finish(await _answers(pending, self.replay), context=context)


async def _answers(pending: Pending | PendingAcceptance, replay: AsyncReplayStore) -> list[str]:
    """What the store says to each claim, up to the first that is refused. An exception of the store is no answer."""
    answers: list[str] = []
    for claim in pending.claims:
        answers.append(await _answer(replay, claim))
        if answers[-1] != "first":
            break
    return answers


async def _answer(replay: AsyncReplayStore, claim: Claim) -> str:
    try:
        answer = await replay.claim(claim)
        return answer if isinstance(answer, str) else "unknown"
    except Exception:  # noqa: BLE001 - a store that fails refuses the message, whatever it raises
        # Imported here: it takes longer than the rest of the package.
        import logging

        logging.getLogger("apiseal").warning("the replay store raised an exception; the message is refused", exc_info=True)
        return "unknown"
