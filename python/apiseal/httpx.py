"""Signed requests with httpx: `httpx.Client(auth=SignatureAuth(signer, verifier))`, sync and async."""

from __future__ import annotations

try:
    import httpx
except ImportError as error:
    raise ImportError('apiseal.httpx needs httpx: pip install "apiseal[httpx]"') from error

from apiseal._core import Verified
from apiseal._web.flow import Flow, verified_of
from apiseal._web.routes import SealedRoute

__all__ = ["SealedRoute", "SignatureAuth", "verified"]


class SignatureAuth(Flow, httpx.Auth):
    """Signs each request as it is sent, and checks the answer. The arguments are told at `Flow`, whose every word holds."""

    _library = httpx


def verified(response: httpx.Response) -> Verified | None:
    """What was proved of an answer; None if it is not signed."""
    return verified_of(response)
