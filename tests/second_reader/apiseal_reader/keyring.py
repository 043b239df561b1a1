"""Rings and key selection (section 4) and keyring files (section 19). A test oracle, not for use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from . import crypto
from .crypto import NAMED, SUITES, Refused, Token, b64, context_key, is_kid, unb64
from .policy import Rule, integer_of
from .strict_json import Node, canonical, parse

FITTING_SUITES = {"seal": {1, 2}, "det": {1, 2}, "idx": {0x20}, "sig": {0x30}}
STATES = {"active": {"seal", "det", "idx", "sig"}, "decrypt-only": {"seal", "det"}, "verify-only": {"sig"}}
STATES["disabled"] = STATES["active"]
MAX_KEYS = 4096


@dataclass(frozen=True)
class Key:
    kid: str
    secret: bytes
    suite: int = 1
    purpose: str = "seal"
    state: str = "active"
    scope: dict[str, str] = field(default_factory=dict)
    not_before: int | None = None
    expires: int | None = None

    def fits(self, context: dict[str, str]) -> bool:
        return self.scope.items() <= context.items()

    def valid_at(self, now: float) -> bool:
        return (self.not_before is None or self.not_before <= now) and (self.expires is None or now < self.expires)

    def context_key(self, context: dict[str, str]) -> bytes:
        return context_key(self.secret, self.purpose, self.suite, self.kid, context)


class Ring:
    """Keys, and for each purpose the kids of its primaries."""

    def __init__(self, keys: list[Key], primaries: dict[str, list[str]], rev: int = 0) -> None:
        self.keys, self.primaries, self.rev = {key.kid: key for key in keys}, primaries, rev
        for key in keys:
            if not is_kid(key.kid) or len(key.secret) != 32 or key.state not in STATES:
                raise Refused("KeyringFile", "key")
            if key.suite not in FITTING_SUITES.get(key.purpose, ()) or key.purpose not in STATES[key.state]:
                raise Refused("KeyringFile", "purpose")
        if len(keys) > MAX_KEYS:
            raise Refused("KeyringFile", "too many keys")
        if len(self.keys) != len(keys) or len({key.secret for key in keys}) != len(keys):
            raise Refused("KeyDuplicate")
        for purpose, kids in primaries.items():
            if any(kid not in self.keys or self.keys[kid].purpose != purpose for kid in kids):
                raise Refused("KeyringFile", "primary")
            for i, kid in enumerate(kids):
                if any(tie(self.keys[kid].scope, self.keys[other].scope) for other in kids[:i]):
                    raise Refused("KeyringFile", "tie")

    def primary(self, context: dict[str, str]) -> Key | None:
        fitting = [self.keys[kid] for kid in self.primaries.get("seal", []) if self.keys[kid].fits(context)]
        return max(fitting, key=lambda key: len(key.scope), default=None)

    def allowed(self, rules: list[Rule], context: dict[str, str]) -> set[str]:
        """The intersection of the allowed sets of the rules."""
        allowed = set(self.keys)
        for rule in rules:
            if rule.keys is None:
                primary = self.primary(context)
                if primary is None:
                    raise Refused("NoPrimary")
                allowed &= {key.kid for key in self.keys.values() if key.scope == primary.scope}
            elif rule.keys != "any":
                allowed &= rule.keys
        return allowed

    def encrypting(self, rules: list[Rule], context: dict[str, str], now: float) -> Key:
        allowed = self.allowed(rules, context)
        key = self.primary(context)
        if key is None or key.kid not in allowed:
            active = [k for k in self.keys.values() if k.kid in allowed and k.purpose == "seal" and k.state == "active"]
            if len(active) != 1:
                raise Refused("NoPrimary")
            key = active[0]
        if not key.fits(context):
            raise Refused("ContextScope")
        if key.state != "active" or not key.valid_at(now):
            raise Refused("KeyState")
        return key

    def decrypting(self, kid: str, suite: int, rules: list[Rule], context: dict[str, str]) -> Key:
        key = self.keys.get(kid)
        if key is None:
            raise Refused("UnknownKey")
        if kid not in self.allowed(rules, context):
            raise Refused("KeyNotAllowed")
        if key.purpose != "seal":
            raise Refused("KeyPurpose")
        if key.suite != suite:
            raise Refused("KeySuite")
        if not key.fits(context):
            raise Refused("ContextScope")
        if key.state == "disabled":
            raise Refused("KeyState")
        return key


def tie(one: dict[str, str], other: dict[str, str]) -> bool:
    return len(one) == len(other) and all(one[name] == other[name] for name in one.keys() & other.keys())


# Keyring files


def fault(why: str) -> Refused:
    return Refused("KeyringFile", why)


def open_keyring(
    text: str | bytes,
    name: str,
    passphrase: bytes | None = None,
    wrapping_key: bytes | None = None,
    min_rev: int = 0,
    most_work: int = 16777216,
) -> Ring:
    root = file_object(text.encode() if isinstance(text, str) else text)
    exactly(root, {"apiseal_keyring", "wrap", "sealed"})
    if integer_of(root.get("apiseal_keyring")) != 1:
        raise fault("version")
    token = read_token(root.get("sealed"))
    wrap = root.get("wrap")
    if wrap.kind != "object":
        raise Refused("KeyringWrap")
    key = unwrap(wrap, passphrase, wrapping_key, most_work)
    k_ctx = context_key(key, "krg", 1, "W", wrap_context(name, canonical(wrap)))
    try:
        plaintext = crypto.open_token(k_ctx, token, sealed_aad())
    except Refused:
        raise Refused("KeyringUnlock") from None
    return read_content(file_object(plaintext, space=False), key, min_rev)


def seal_keyring(plaintext: str, name: str, wrapping_key: bytes, wrap: str, salt: bytes) -> str:
    k_ctx = context_key(wrapping_key, "krg", 1, "W", wrap_context(name, canonical(parse(wrap.encode()))))
    token = crypto.seal_token(k_ctx, "W", 1, NAMED, salt, crypto.pad(plaintext), sealed_aad())
    return '{"apiseal_keyring":1,"wrap":' + wrap + ',"sealed":"' + token + '"}'


def keyring_plaintext(rev: int, keys: list[Key], primary: dict[str, list[str]], created: int = 0) -> str:
    entries = []
    for key in keys:
        entry = {"type": "root", "kid": key.kid, "purpose": key.purpose, "suite": crypto.SUITE_NAMES[key.suite]}
        entry |= {"state": key.state, "created": created}
        entry |= {"scope": key.scope} if key.scope else {}
        entries.append(entry | {"secret": b64(key.secret)})
    primaries = {purpose: kids[0] if len(kids) == 1 else kids for purpose, kids in primary.items() if kids}
    content = {"rev": rev, "primary": primaries, "keys": entries}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def wrap_context(name: str, wrap: str) -> dict[str, str]:
    return {"purpose": "apiseal-keyring", "ring": name, "wrap": wrap}


def sealed_aad() -> bytes:
    return crypto.token_aad(1, NAMED, crypto.position(NAMED, (), "keyring"), b"")


def read_token(node: Node) -> Token:
    try:
        token = crypto.parse_token(text_of(node))
    except Refused:
        raise fault("sealed") from None
    if (token.kid, token.suite, token.mode) != ("W", 1, NAMED):
        raise fault("sealed")
    return token


def unwrap(wrap: Node, passphrase: bytes | None, wrapping_key: bytes | None, most_work: int) -> bytes:
    members = {member.name: member.node for member in wrap.members}
    refusal = Refused("KeyringWrap")
    alg = members.get("alg")
    if alg is None or alg.kind != "string":
        raise refusal
    if alg.text == "raw":
        if set(members) != {"alg"} or wrapping_key is None:
            raise refusal
        return wrapping_key
    if alg.text != "argon2id" or set(members) != {"alg", "v", "m", "t", "p", "salt"} or passphrase is None:
        raise refusal
    v, m, t, p = (integer_of(members[name]) or 0 for name in "vmtp")
    salt = unb64(members["salt"].text) if members["salt"].kind == "string" else None
    if v != 19 or not (65536 <= m <= 4194304 and 1 <= t <= 16 and 1 <= p <= 16 and 196608 <= m * t <= most_work):
        raise refusal
    if salt is None or len(salt) != 16:
        raise refusal
    return stretch(passphrase, salt, m, t, p)


def stretch(passphrase: bytes, salt: bytes, m: int, t: int, p: int) -> bytes:
    for end in (b"\r\n", b"\n"):
        if passphrase.endswith(end):
            passphrase = passphrase[: -len(end)]
            break
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase)


def read_content(root: Node, wrapping_key: bytes, min_rev: int) -> Ring:
    exactly(root, {"rev", "primary", "keys"})
    rev = integer_of(root.get("rev"))
    if rev is None:
        raise fault("rev")
    if rev < min_rev:
        raise Refused("KeyringRollback")
    if root.get("primary").kind != "object" or root.get("keys").kind != "array":
        raise fault("content")
    keys = [read_key(entry) for entry in root.get("keys").items]
    primaries = {member.name: read_primary(member.name, member.node) for member in root.get("primary").members}
    ring = Ring(keys, primaries, rev)
    if any(key.secret == wrapping_key for key in keys):
        raise Refused("KeyDuplicate")
    return ring


def read_primary(purpose: str, node: Node) -> list[str]:
    kids = [text_of(node)] if node.kind == "string" else distinct(node)
    if purpose not in FITTING_SUITES or (node.kind == "array" and len(kids) < 2):
        raise fault("primary")
    return kids


def read_key(node: Node) -> Key:
    required = {"type", "kid", "purpose", "suite", "state", "created", "secret"}
    exactly(node, required, {"not_before", "expires", "scope", "imported", "principal", "profiles"})
    integers = {}
    for name in ("created", "not_before", "expires"):
        if node.get(name) is not None:
            integers[name] = integer_of(node.get(name))
            if integers[name] is None:
                raise fault(name)
    not_before, expires = integers.get("not_before"), integers.get("expires")
    if not_before is not None and expires is not None and not not_before < expires:
        raise fault("validity")
    scope = read_scope(node.get("scope"))
    imported, principal, profiles = node.get("imported"), node.get("principal"), node.get("profiles")
    if imported is not None and imported.kind != "boolean":
        raise fault("imported")
    if profiles is not None:
        distinct(profiles)
    if principal is not None:
        text_of(principal)
    if not scope and (principal is not None or (imported is not None and imported.text == "true")):
        raise fault("scope demanded")
    secret = unb64(text_of(node.get("secret")))
    suite = SUITES.get(text_of(node.get("suite")))
    if text_of(node.get("type")) != "root" or secret is None or len(secret) != 32 or suite is None:
        raise fault("entry")
    kid, purpose, state = (text_of(node.get(name)) for name in ("kid", "purpose", "state"))
    return Key(kid, secret, suite, purpose, state, scope, not_before, expires)


def read_scope(node: Node | None) -> dict[str, str]:
    if node is None:
        return {}
    if node.kind != "object" or len(node.members) > 32:
        raise fault("scope")
    for member in node.members:
        if member.node.kind != "string" or not member.name:
            raise fault("scope")
        if max(len(member.name.encode()), len(member.node.text.encode())) > 1024:
            raise fault("scope")
    return {member.name: member.node.text for member in node.members}


def file_object(data: bytes, space: bool = True) -> Node:
    try:
        return parse(data, space=space)
    except Refused as error:
        raise fault(str(error)) from None


def exactly(node: Node, required: set[str], optional: set[str] = frozenset()) -> None:
    names = {member.name for member in node.members}
    if node.kind != "object" or not required <= names <= required | optional:
        raise fault(f"members {sorted(names)}")


def text_of(node: Node) -> str:
    if node.kind != "string" or not node.text:
        raise fault("string")
    return node.text


def distinct(node: Node) -> list[str]:
    if node.kind != "array":
        raise fault("array")
    texts = [text_of(item) for item in node.items]
    if len(set(texts)) != len(texts):
        raise fault("not distinct")
    return texts
