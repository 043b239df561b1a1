"""The middleware under other servers than uvicorn, over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apiseal
import httpx
import pytest
from apiseal.httpx import SignatureAuth, verified
from served import RING

COMMANDS = {
    "hypercorn": ["-m", "hypercorn", "--bind", "127.0.0.1:{port}", "served:service"],
    "granian": ["-m", "granian", "--interface", "asgi", "--port", "{port}", "served:service"],
}


@pytest.fixture(scope="module", params=["hypercorn 1", "hypercorn 2", "granian 1", "granian 2"])
def client(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    server, version = request.param.split()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [text.format(port=port) for text in COMMANDS[server]]
    if server == "granian":
        arguments[2:2] = ["--http", version]
    package = str(Path(apiseal.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": package}
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=Path(__file__).parent, env=environment, stdout=-3, stderr=subprocess.STDOUT
    )
    try:
        auth = SignatureAuth(apiseal.Signer(RING), apiseal.Verifier(RING, replay=apiseal.NoReplayCheck()))
        options = {"http1": version == "1", "http2": version == "2"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=auth, timeout=20, **options) as own:
            for _ in range(400):
                try:
                    own.get("/health", auth=None)
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield own
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("target", ["/echo/a%2Fb?x=1&x=+", "/echo/caf%c3%a9", "/echo//a/./b?"])
def test_paths_and_queries_are_verified_as_they_stand(client: httpx.Client, target: str) -> None:
    got = client.get(target)
    assert got.status_code == 200 and verified(got)
    assert got.json()["path"] == got.request.url.raw_path.decode().partition("?")[0]


@pytest.mark.parametrize("size", [1, 500_000])
def test_content(client: httpx.Client, size: int) -> None:
    body = os.urandom(size)
    got = client.post("/echo/x", content=body, headers={"content-type": "text/plain"})
    assert got.json()["digest"] == hashlib.sha256(body).hexdigest() and verified(got)


def test_refusals(client: httpx.Client) -> None:
    assert client.get("/echo/x", auth=None).status_code == 401
    head = client.head("/echo/x")
    assert head.status_code == 200 and head.content == b"" and verified(head)
    if head.http_version == "HTTP/1.1":
        # Over HTTP/2 the stream ends with the early answer, and httpx, which is still sending, does not get to read it.
        got = client.post("/echo/x", content=b"x" * (1 << 21), headers={"content-type": "text/plain"})
        assert got.status_code == 413
