"""Verification and acceptance with replay stores that are awaited. All else is done in the calling thread: it takes
microseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from apiseal._core import (
    Accepted,
    Acceptor,
    FieldCipher,
    Keyring,
    NoReplayCheck,
    Pending,
    PendingAcceptance,
    Profile,
    Proof,
    Verified,
    Verifier,
)
from apiseal.records import AsyncReplayStore, Claim, Outcome

if TYPE_CHECKING:
    from apiseal._core import _Audit, _Clock, _Content, _Context, _Headers

__all__ = ["AsyncAcceptor", "AsyncVerifier"]


class AsyncVerifier:
    """As `Verifier`, with a store whose `claim` is awaited, after signature and digest hold."""

    def __init__(
        self,
        keyring: Keyring,
        profile: Profile | None = None,
        *,
        replay: AsyncReplayStore,
        origins: Mapping[str, str] | None = None,
        scope: Mapping[str, str] | None = None,
        clock: _Clock | None = None,
        audit: _Audit | None = None,
    ) -> None:
        if not callable(getattr(replay, "claim", None)):
            raise TypeError("replay must be an object with an asynchronous method `claim`")
        self.replay = replay
        # The store of this one is never asked: only pending verifications are begun.
        unasked = NoReplayCheck()
        self.verifier = Verifier(
            keyring, profile, replay=unasked, origins=origins, scope=scope, clock=clock, audit=audit
        )

    async def verify(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Verified:
        """As `Verifier.verify`."""
        pending = self.verifier.verify_pending(
            method, url, headers, body, scheme=scheme, authority=authority, http2=http2, trailers=trailers
        )
        return pending.finish(await _answers(pending, self.replay))


class AsyncAcceptor:
    """As `Acceptor`, with the store of an `AsyncVerifier`."""

    def __init__(self, cipher: FieldCipher, verifier: AsyncVerifier) -> None:
        self.replay = verifier.replay
        self.acceptor = Acceptor(cipher, verifier.verifier)

    async def accept(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        context: Callable[[Proof], _Context],
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Accepted:
        """As `Acceptor.accept`: nothing is decrypted before the nonce is claimed."""
        pending = self.acceptor.accept_pending(
            method, url, headers, body, scheme=scheme, authority=authority, http2=http2, trailers=trailers
        )
        return pending.finish(await _answers(pending, self.replay), context=context)


async def _answers(pending: Pending | PendingAcceptance, replay: AsyncReplayStore) -> list[Outcome]:
    """What the store says to each claim, up to the first that is refused."""
    answers: list[Outcome] = []
    for claim in pending.claims:
        answers.append(await _answer(replay, claim))
        if answers[-1] != "first":
            break
    return answers


async def _answer(replay: AsyncReplayStore, claim: Claim) -> Outcome:
    try:
        answer = await replay.claim(claim)
        return answer if isinstance(answer, str) else "unknown"
    except Exception:  # A store that fails refuses the message, whatever it raises.
        # Imported here: it takes longer than the rest of the package.
        import logging

        logging.getLogger("apiseal").warning("the replay store raised an exception", exc_info=True)
        return "unknown"
