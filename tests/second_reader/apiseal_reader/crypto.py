"""Bytes: notation, key derivation, contexts, positions, padding, tokens (sections 2 to 12). A test oracle, not for use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

Location = tuple[str | int, ...]

AEADS = {1: AESGCM, 2: ChaCha20Poly1305}
SUITES = {"aes-256-gcm": 0x01, "chacha20-poly1305": 0x02, "index-hmac-sha256": 0x20, "hmac-sha256": 0x30, "ed25519": 0x31, "ecdsa-p256-sha256": 0x32, "ecdsa-p384-sha384": 0x33, "rsa-pss-sha512": 0x34, "rsa-v1_5-sha256": 0x35}
SUITE_NAMES = {number: name for name, number in SUITES.items()}
EXACT, ELEMENTS, NAMED, DOCUMENT = 0x01, 0x02, 0x03, 0x21
TOKEN_MODES = {0x01, 0x02, 0x03, 0x11, 0x12, 0x13}
PREFIXES = ("as1.", "as1d.", "as1f.", "as1r.")
KID = re.compile(r"[A-Za-z0-9_-]{1,32}")

DOCUMENT_LIMIT = 67108864
FIELD_LIMIT = 16777216
FIELDS_LIMIT = 2**20
POSITION_LIMIT = 4096
BOUND_LIMIT = 65536


class Refused(Exception):
    """The outcome of an operation that did not succeed; `name` is an identifier of section 21."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"{name}: {why}" if why else name)
        self.name = name


# Section 2


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def lp(data: bytes) -> bytes:
    return u32(len(data)) + data


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes | None:
    """The bytes of strict base64url, or None."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if b64(data) == text else None


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def kdf(key: bytes, label: str, data: bytes) -> bytes:
    return hmac_sha256(key, b"apiseal/v1/" + label.encode() + b"\0" + data + b"\1")


def aead_seal(suite: int, key: bytes, nonce: int, plaintext: bytes, aad: bytes) -> bytes:
    return AEADS[suite](key).encrypt(nonce.to_bytes(12, "big"), plaintext, aad)


def aead_open(suite: int, key: bytes, nonce: int, ciphertext: bytes, aad: bytes) -> bytes:
    try:
        return AEADS[suite](key).decrypt(nonce.to_bytes(12, "big"), ciphertext, aad)
    except InvalidTag:
        raise Refused("Rejected", "tag") from None


# Sections 4 and 5


def is_kid(text: str) -> bool:
    return KID.fullmatch(text) is not None and text != "_"


def check_context(context: dict[str, str] | list[tuple[str, str]]) -> dict[str, str]:
    pairs = list(context.items()) if isinstance(context, dict) else list(context)
    names = [name for name, _ in pairs]
    if not pairs or "" in names:
        raise Refused("ContextEmpty")
    if len(set(names)) != len(names):
        raise Refused("ContextDuplicate")
    if len(pairs) > 32 or any(len(text.encode()) > 1024 for pair in pairs for text in pair):
        raise Refused("ContextTooLong")
    if any(name.startswith("apiseal.") for name in names):
        raise Refused("ContextReserved")
    if "purpose" not in names:
        raise Refused("ContextMissing")
    return dict(pairs)


def enc(context: dict[str, str]) -> bytes:
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    return u32(len(pairs)) + b"".join(lp(name) + lp(value) for name, value in pairs)


def context_key(secret: bytes, purpose: str, suite: int, kid: str, context: dict[str, str]) -> bytes:
    digest = hashlib.sha256(enc(context)).digest()
    return kdf(secret, purpose, bytes([suite, len(kid)]) + kid.encode() + digest)


# Sections 6, 8 and 9


def position(mode: int, location: Location, label: str | None = None) -> bytes:
    if mode & 0x0F == NAMED:
        return b"\4" + lp(label.encode())
    out = b""
    for step in location:
        if isinstance(step, str):
            out += b"\1" + lp(step.encode())
        elif mode & 0x0F == ELEMENTS:
            out += b"\3"
        else:
            out += b"\2" + u32(step)
    return out


def bound_bytes(entries: list[tuple[bytes, str]]) -> bytes:
    """`entries` are pairs of position and J."""
    return b"".join(lp(place) + lp(text.encode()) for place, text in sorted(entries))


def token_aad(suite: int, mode: int, place: bytes, bound: bytes) -> bytes:
    return bytes([suite, mode]) + lp(place) + lp(bound)


def padded_length(size: int, padding: str | int = "default") -> int:
    if padding == "none":
        return size
    if padding == "default":
        if size > 256:
            e = size.bit_length() - 1
            s = e.bit_length()
            padding = 2 ** (e - s)
        else:
            padding = 32
    return -(-size // padding) * padding


def pad(text: str, padding: str | int = "default") -> bytes:
    data = text.encode()
    return data.ljust(padded_length(len(data), padding), b"\0")


# Section 10


@dataclass(frozen=True)
class Token:
    kid: str
    suite: int
    mode: int
    salt: bytes
    com: bytes
    ciphertext: bytes


def malformed() -> Refused:
    return Refused("MalformedToken")


def split_kid(text: str, prefix: str) -> tuple[str, bytes]:
    if not text.startswith(prefix):
        raise malformed()
    kid, dot, rest = text[len(prefix) :].partition(".")
    body = unb64(rest)
    if not dot or not is_kid(kid) or body is None:
        raise malformed()
    return kid, body


def parse_token(text: str) -> Token:
    kid, body = split_kid(text, "as1.")
    if len(body) < 75 or body[0] not in AEADS or body[1] not in TOKEN_MODES:
        raise malformed()
    return Token(kid, body[0], body[1], body[2:26], body[26:58], body[58:])


def seal_token(k_ctx: bytes, kid: str, suite: int, mode: int, salt: bytes, plaintext: bytes, aad: bytes) -> str:
    com = kdf(k_ctx, "com", salt + aad)
    key = kdf(k_ctx, "key", salt + bytes([suite, mode]))
    body = bytes([suite, mode]) + salt + com + aead_seal(suite, key, 0, plaintext, aad)
    return f"as1.{kid}.{b64(body)}"


def open_token(k_ctx: bytes, token: Token, aad: bytes) -> bytes:
    """The plaintext without its padding."""
    if not hmac.compare_digest(token.com, kdf(k_ctx, "com", token.salt + aad)):
        raise Refused("Rejected", "commitment")
    key = kdf(k_ctx, "key", token.salt + bytes([token.suite, token.mode]))
    return aead_open(token.suite, key, 0, token.ciphertext, aad).rstrip(b"\0")


# Section 11


@dataclass(frozen=True)
class Header:
    kid: str
    suite: int
    salt: bytes
    com: bytes
    count: int
    mac: bytes


@dataclass(frozen=True)
class DocumentKeys:
    h: bytes
    salt: bytes
    field_key: bytes
    com: bytes
    mac_key: bytes

    @staticmethod
    def derive(k_ctx: bytes, suite: int, salt: bytes) -> DocumentKeys:
        h = bytes([suite, DOCUMENT])
        return DocumentKeys(h, salt, *(kdf(k_ctx, label, h + salt) for label in ("dky", "dcm", "dmk")))

    def seal(self, counter: int, place: bytes, plaintext: bytes) -> bytes:
        return aead_seal(self.h[0], self.field_key, counter, plaintext, self.field_aad(place))

    def open(self, counter: int, place: bytes, ciphertext: bytes) -> bytes:
        return aead_open(self.h[0], self.field_key, counter, ciphertext, self.field_aad(place)).rstrip(b"\0")

    def field_aad(self, place: bytes) -> bytes:
        return self.h + lp(place) + lp(b"")

    def mac(self, fields: list[tuple[bytes, bytes]], bound: bytes) -> bytes:
        """`fields` are pairs of position and ciphertext in counter order."""
        message = b"apiseal/v1/dmc\0" + self.h + self.salt + self.com + u32(len(fields))
        message += b"".join(lp(place) + lp(ciphertext) for place, ciphertext in fields) + lp(bound)
        return hmac_sha256(self.mac_key, message)

    def header(self, kid: str, count: int, mac: bytes) -> str:
        return f"as1d.{kid}.{b64(self.h + self.salt + self.com + u32(count) + mac)}"


def field_string(counter: int, ciphertext: bytes) -> str:
    return "as1f." + b64(u32(counter) + ciphertext)


def parse_header(text: str) -> Header:
    kid, body = split_kid(text, "as1d.")
    count = int.from_bytes(body[58:62], "big")
    if len(body) != 94 or body[0] not in AEADS or body[1] != DOCUMENT or count > FIELDS_LIMIT:
        raise malformed()
    return Header(kid, body[0], body[2:26], body[26:58], count, body[62:])


def parse_field(text: str) -> tuple[int, bytes]:
    body = unb64(text[5:]) if text.startswith("as1f.") else None
    if body is None or len(body) < 21:
        raise malformed()
    return int.from_bytes(body[:4], "big"), body[4:]


def is_leftover(text: str) -> bool:
    """Section 15: any suite, mode and number of fields will do here."""
    try:
        if text.startswith("as1f."):
            parse_field(text)
            return True
        if text.startswith("as1d."):
            return len(split_kid(text, "as1d.")[1]) == 94
        return len(split_kid(text, "as1.")[1]) >= 75
    except Refused:
        return False


# Section 12


def hedged_salt_token(k_ctx: bytes, rand32: bytes, aad: bytes, plaintext: bytes) -> bytes:
    return kdf(k_ctx, "hdg", rand32 + aad + plaintext)[:24]


def hedged_salt_document(k_ctx: bytes, rand32: bytes, fields: list[tuple[bytes, bytes]]) -> bytes:
    return kdf(k_ctx, "hdg", rand32 + b"".join(lp(place) + lp(plaintext) for place, plaintext in fields))[:24]
