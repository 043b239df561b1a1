"""A service for the tests of clients."""

from __future__ import annotations

from collections.abc import Iterator

import apiseal
import pytest
from apiseal.asgi import VerifyMiddleware
from services import application
from support import MOVED, RING, SERVER_SEALED, serving, store


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    service = VerifyMiddleware(
        application(),
        apiseal.Verifier(RING, MOVED, replay=store()),
        signer=apiseal.Signer(RING, MOVED),
        scheme="http",
        exempt=["/health"],
        unsigned=["/stream"],
        sealed=SERVER_SEALED,
    )
    with serving(service) as url:
        yield url
