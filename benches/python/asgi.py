"""Requests a second of a FastAPI service with and without verification, on the loopback.

    python benches/python/asgi.py [requests of a round] [rounds] [bytes of the note]

The server has a process of its own. All requests of a round are signed before it begins, so that the client costs the same in
each row; each is sent once, over eight connections that are kept. Rounds of the rows are interleaved, and ratios are medians
of each round's own ratio. The processor time of the server's one thread is counted beside it, where the system tells it
(Linux): it stays the same when other programs are at work.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import apiseal
import asgi_services as services

HERE = Path(__file__).parent
CONNECTIONS = 8
ROWS = {
    "bare": "FastAPI alone",
    "signed_in": "apiseal: requests verified",
    "hand_in": "http-message-signatures by hand: requests verified",
    "signed_both": "apiseal: and answers signed",
    "hand_both": "http-message-signatures by hand: and answers signed",
    "sealed_both": "apiseal: and fields of both encrypted",
}


def start(row: str) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", f"asgi_services:{row}", "--port", str(port), "--no-access-log"]
    command += ["--http", "httptools", "--loop", "uvloop", "--log-level", "critical", "--app-dir", str(HERE)]
    process = subprocess.Popen(command)
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process, port
    raise RuntimeError(f"{row} does not start")


def requests_of(row: str, port: int, count: int, note: int) -> list[bytes]:
    """Different payments, each signed with a nonce of its own."""
    signer = apiseal.Signer(services.SIGNING)
    protector = apiseal.Protector(services.CIPHER, signer)
    made = []
    for at in range(count):
        card = {"number": f"{4111000000000000 + at}", "holder": f"Ada Lovelace {at}"}
        body = json.dumps({"id": at, "amount": 149.90, "card": card, "note": "x" * note}).encode()
        own = [("host", f"127.0.0.1:{port}"), ("content-type", "application/json")]
        if row == "sealed_both":
            sealed = protector.protect("POST", "/payments", own, body, context=services.CONTEXT, scheme="http")
            body, added = sealed.body, sealed.headers
        elif row == "bare":
            added = []
        else:
            added = signer.sign("POST", "/payments", own, body, scheme="http").headers
        lines = [*own, *added, ("content-length", str(len(body)))]
        head = "POST /payments HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        made.append(head.encode() + b"\r\n" + body)
    return made


async def load(port: int, requests: list[bytes]) -> float:
    """Requests a second. Every answer is read and must be a 200."""
    todo = iter(requests)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in todo:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return len(requests) / (time.perf_counter() - begun)


def spent(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time of the server's main thread."""
    try:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return float("nan")


def main(count: int, rounds: int, note: int) -> None:
    servers = {row: start(row) for row in ROWS}
    rates: dict[str, list[float]] = {row: [] for row in ROWS}
    times: dict[str, list[float]] = {row: [] for row in ROWS}
    try:
        for turn in range(rounds + 1):
            for row, (process, port) in servers.items():
                requests = requests_of(row, port, count if turn else count // 4, note)
                before = spent(process)
                rate = asyncio.run(load(port, requests))
                if turn:  # the first round warms up
                    rates[row].append(rate)
                    times[row].append((spent(process) - before) * 1e6 / len(requests))
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait()
    size = len(
        json.dumps(
            {"id": 0, "amount": 149.90, "card": {"number": "4" * 16, "holder": "Ada Lovelace 0"}, "note": "x" * note}
        )
    )
    print(f"{count} requests of {size} bytes a round, {rounds} rounds, {os.cpu_count()} cores\n")
    print("| service | requests/s | of FastAPI alone | processor time a request | added by it |")
    print("|---|---:|---:|---:|---:|")
    for row, name in ROWS.items():
        rate, busy = statistics.median(rates[row]), statistics.median(times[row])
        share = statistics.median(own / bare for own, bare in zip(rates[row], rates["bare"], strict=True))
        added = statistics.median(own - bare for own, bare in zip(times[row], times["bare"], strict=True))
        print(f"| {name} | {rate:.0f} | {share:.0%} | {busy:.0f} µs | {added:.0f} µs |")


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [4000, 7, 100][len(given) :]))
