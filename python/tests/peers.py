"""The other implementations, asked over pipes."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from typing import Any


class Refused(Exception):
    """The other implementation answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Core:
    """The program in APISEAL_EXCHANGE: one JSON text a line in each direction."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, op: str, **request: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise Refused(reply["code"], reply["text"])
        return reply["ok"]

    def work(self, op: str, document: bytes, **request: Any) -> bytes:
        """`encrypt` or `decrypt`."""
        return base64.b64decode(self.ask(op, document=base64.b64encode(document).decode(), **request), validate=True)

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(60) == 0


class Driver:
    """The program in APISEAL_C_DRIVER: length-prefixed words in each direction."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words: object) -> list[bytes]:
        assert self.process.stdin and self.process.stdout
        strings = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        frame = struct.pack("<I", len(strings)) + b"".join(struct.pack("<I", len(own)) + own for own in strings)
        self.process.stdin.write(frame)
        self.process.stdin.flush()
        answer = [self.process.stdout.read(self._number()) for _ in range(self._number())]
        if answer[0] == b"error":
            raise Refused(int(answer[1]), answer[2].decode())
        assert answer[0] == b"ok", answer
        return answer[1:]

    def _number(self) -> int:
        assert self.process.stdout
        data = self.process.stdout.read(4)
        assert len(data) == 4, "the driver ended"
        return struct.unpack("<I", data)[0]

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(60) == 0


def pairs(items: Any) -> list[object]:
    return [len(items), *(text for pair in items for text in pair)]


def ring_words(entries: list[dict], kind: str = "root") -> list[object]:
    """A keyring as the driver reads it."""
    words: list[object] = [len(entries)]
    for entry in entries:
        words += [kind, entry["kid"], entry.get("purpose", "seal"), entry["suite"], bytes.fromhex(entry["secret"])]
        words += [entry.get("state", ""), int(entry.get("primary", False)), entry.get("principal") or ""]
        words += [
            entry.get("direction", ""),
            "".join(entry.get("profiles", [])),
            *pairs(list(entry.get("scope", {}).items())),
        ]
    return words
