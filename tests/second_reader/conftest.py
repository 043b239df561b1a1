"""What the tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peer import Peer


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    program = os.environ.get("APISEAL_EXCHANGE")
    if not program:
        pytest.fail("APISEAL_EXCHANGE must hold the path of the exchange program of the other implementation")
    peer = Peer(program)
    yield peer
    peer.process.stdin.close()
    assert peer.process.wait(10) == 0
    assert all(len(codes) == 1 for codes in peer.codes.values()), peer.codes
    print({name: min(codes) for name, codes in sorted(peer.codes.items())})
