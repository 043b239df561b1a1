"""The implementations under test, each behind the same two calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from implementations import Npm, Ours, Pypi

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def ours() -> Iterator[Ours]:
    program = os.environ.get("APISEAL_EXCHANGE")
    if not program:
        pytest.fail("APISEAL_EXCHANGE must hold the path of the exchange program, built with the feature `algorithms`")
    with Ours(program) as ours:
        yield ours


@pytest.fixture(scope="session", params=["pypi", "npm"])
def theirs(request: pytest.FixtureRequest) -> Iterator[Pypi | Npm]:
    if request.param == "pypi":
        yield Pypi()
        return
    if not shutil.which("node") or not (HERE / "node_modules").is_dir():
        reason = "NOT RUN: node is not here; nothing is exchanged with the npm package http-message-signatures"
        if os.environ.get("APISEAL_INTEROP_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Npm(str(HERE / "npm_peer.mjs")) as npm:
        yield npm
