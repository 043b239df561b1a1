"""Does what it is told on standard input through this package, in the frames of tests/c/driver.c: for other languages that
exchange documents, keyrings and signatures with Python."""

from __future__ import annotations

import struct
import sys
from typing import Any, BinaryIO

import apiseal


class Frame:
    """The words of one question, read from the front."""

    def __init__(self, words: list[bytes]) -> None:
        self.words = iter(words)

    def bytes(self) -> bytes:
        return next(self.words)

    def text(self) -> str:
        return self.bytes().decode()

    def number(self) -> int:
        return int(self.bytes())

    def pairs(self) -> list[tuple[bytes, bytes]]:
        return [(self.bytes(), self.bytes()) for _ in range(self.number())]

    def texts(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.pairs()}

    def key(self) -> tuple[apiseal.Key, bool]:
        kind, kid, purpose, suite, secret = self.text(), self.text(), self.text(), self.text(), self.bytes()
        state, primary = self.text(), self.number()
        principal, direction, profile, scope = self.text(), self.text(), self.text(), self.texts()
        if kind == "raw":
            key = apiseal.Key.raw(kid, suite, secret)
        else:
            key = apiseal.Key.hazmat_from_secret(kid, secret, purpose=purpose, suite=suite)
        about: dict[str, Any] = {"state": state, "principal": principal, "direction": direction}
        about = {name: value for name, value in about.items() if value}
        return key.replace(scope=scope, profiles=[profile] if profile else None, **about), primary != 0

    def ring(self) -> apiseal.Keyring:
        keys = [self.key() for _ in range(self.number())]
        return apiseal.Keyring([key for key, _ in keys], primary=[key.kid for key, primary in keys if primary])

    def message(self) -> dict[str, Any]:
        """The arguments of a call for a request."""
        if self.number() != 0:
            raise ValueError("only requests are exchanged")
        http2, method, scheme = self.number() != 0, self.text(), self.text()
        authority, target, headers, trailers = self.text(), self.text(), self.pairs(), self.pairs()
        own: dict[str, Any] = {"method": method, "url": target, "scheme": scheme, "authority": authority}
        return own | {"headers": headers, "trailers": trailers, "http2": http2, "body": self.bytes()}

    def profile(self) -> apiseal.Profile | None:
        text = self.text()
        return apiseal.Profile(text) if text else None


def answer(frame: Frame) -> list[bytes]:
    """What the frame asks for."""
    operation = frame.text()
    if operation in ("encrypt", "decrypt"):
        now, policy, context, document = frame.number(), frame.text(), frame.texts(), frame.bytes()
        cipher = apiseal.FieldCipher(frame.ring(), policy, clock=lambda: now)
        return [getattr(cipher, operation)(document, context=context)]
    if operation == "keyring_seal":
        name, wrap = frame.text(), wrapping(frame)
        return [frame.ring().seal(name, **wrap)]
    if operation == "keyring_open":
        file, name = frame.bytes(), frame.text()
        keys = apiseal.Keyring.open(file, name, **wrapping(frame)).keys
        return [word.encode() for key in keys for word in (key.kid, key.purpose, key.suite, key.state)]
    if operation == "sign":
        now, profile, key, label, message = frame.number(), frame.profile(), frame.text(), frame.text(), frame.message()
        signer = apiseal.Signer(frame.ring(), profile, key=key or None, label=label or None, clock=lambda: now)
        return [word.encode() for line in signer.sign(**message).headers for word in line]
    if operation == "verify":
        now, profile, message = frame.number(), frame.profile(), frame.message()
        replay = apiseal.NoReplayCheck()
        verified = apiseal.Verifier(frame.ring(), profile, replay=replay, clock=lambda: now).verify(**message)
        words = [verified.key_id.encode(), (verified.principal or "").encode(), verified.base]
        return [*words, b"1" if verified.is_body_proved else b"0"]
    raise ValueError(f"there is no operation {operation}")


def wrapping(frame: Frame) -> dict[str, bytes]:
    passphrase, key = frame.bytes(), frame.bytes()
    return {"wrapping_key": key} if key else {"passphrase": passphrase}


def number(source: BinaryIO) -> int | None:
    data = source.read(4)
    return struct.unpack("<I", data)[0] if len(data) == 4 else None


def words(source: BinaryIO) -> list[bytes] | None:
    count = number(source)
    return None if count is None else [source.read(number(source) or 0) for _ in range(count)]


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (question := words(source)) is not None:
        try:
            told = [b"ok", *answer(Frame(question))]
        except apiseal.ApisealError as error:
            told = [b"error", str(error.code).encode(), str(error).encode()]
        sink.write(struct.pack("<I", len(told)) + b"".join(struct.pack("<I", len(word)) + word for word in told))
        sink.flush()


if __name__ == "__main__":
    main()
