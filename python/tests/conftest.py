"""What the tests share: keys, ciphers, signed messages, and the other implementations.

`APISEAL_EXCHANGE` is the path of the program that speaks for the core, `APISEAL_C_DRIVER` that of the program that works
through the C ABI. Tests that need one of them are skipped without it, and say so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import apiseal
import hypothesis
import pytest
from peers import Core, Driver

# The second reader of the format, in pure Python, is an oracle.
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "second_reader"))

hypothesis.settings.register_profile("apiseal", deadline=None, max_examples=40)
hypothesis.settings.load_profile("apiseal")

CONTEXT = {"purpose": "orders", "tenant": "acme"}
POLICY = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}
DOCUMENT = b'{"id": 7, "card": "4111111111111111", "total": 1.10}'


def program(variable: str, how: str) -> str:
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} is not set: nothing is exchanged with the other implementation. {how}")
    return path


@pytest.fixture(scope="session")
def core() -> Iterator[Core]:
    peer = Core(program("APISEAL_EXCHANGE", "Build it by `cargo build --locked --bin exchange`."))
    yield peer
    peer.end()


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    peer = Driver(program("APISEAL_C_DRIVER", "`scripts/test-c` builds it."))
    yield peer
    peer.end()


@pytest.fixture(scope="session")
def keyring() -> apiseal.Keyring:
    return apiseal.Keyring.generate()


@pytest.fixture(scope="session")
def cipher(keyring: apiseal.Keyring) -> apiseal.FieldCipher:
    return apiseal.FieldCipher(keyring, POLICY)


@pytest.fixture
def context() -> dict[str, str]:
    return dict(CONTEXT)
