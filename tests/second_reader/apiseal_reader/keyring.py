"""Rings and key selection (section 4) and keyring files (section 19). A test oracle, not for use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from . import crypto
from .crypto import NAMED, SUITES, Refused, Token, b64, context_key, is_kid, unb64
from .policy import Rule, integer_of
from .strict_json import Node, canonical, parse

FITTING_SUITES = {"seal": {1, 2}, "det": {1, 2}, "idx": {0x20}, "sig": {0x30}, "sig-raw": set(range(0x30, 0x36))}
RAW_SECRETS = {0x30: range(32, 65), 0x31: {32}, 0x32: {32}, 0x33: {48}}
RAW_PUBLIC = {0x31: {32}, 0x32: {65}, 0x33: {97}, 0x34: range(259, 1100), 0x35: range(259, 1100)}
STATES = {"active": set(FITTING_SUITES), "decrypt-only": {"seal", "det"}, "verify-only": {"sig", "sig-raw"}}
STATES["disabled"] = STATES["active"]
MAX_KEYS = 4096
MAX_FILE = 16777216


@dataclass(frozen=True)
class Key:
    """A root with a scope; or, with a context, a derived key: delegated (secret is K_ctx) or a reference to a root."""

    kid: str
    secret: bytes | None
    suite: int = 1
    purpose: str = "seal"
    state: str = "active"
    scope: dict[str, str] = field(default_factory=dict)
    not_before: int | None = None
    expires: int | None = None
    context: dict[str, str] | None = None
    root: str | None = None
    direction: str | None = None
    external_keyid: str | None = None
    public: bytes | None = None

    @property
    def pairs(self) -> dict[str, str]:
        return self.scope if self.context is None else self.context

    def fits(self, context: dict[str, str]) -> bool:
        return context == self.context if self.context is not None else self.scope.items() <= context.items()

    def context_key(self, context: dict[str, str]) -> bytes:
        if self.context is not None:
            return self.secret
        return context_key(self.secret, self.purpose, self.suite, self.kid, context)

    def valid_at(self, now: float) -> bool:
        return (self.not_before is None or self.not_before <= now) and (self.expires is None or now < self.expires)


class Ring:
    """Keys, and for each purpose the kids of its primaries."""

    def __init__(self, keys: list[Key], primaries: dict[str, list[str]], rev: int = 0) -> None:
        self.keys, self.primaries, self.rev = {key.kid: key for key in keys}, primaries, rev
        for key in keys:
            if not is_kid(key.kid) or key.state not in STATES:
                raise Refused("KeyringFile", "key")
            if key.purpose == "sig-raw":
                self.check_raw(key)
            elif (key.secret is None) == (key.root is None) or (key.secret is not None and len(key.secret) != 32):
                raise Refused("KeyringFile", "secret")
            elif key.external_keyid is not None or key.public is not None:
                raise Refused("KeyringFile", "only a raw key has these")
            elif key.direction is not None and (key.purpose != "sig" or key.context is None):
                raise Refused("KeyringFile", "direction")
            if key.suite not in FITTING_SUITES.get(key.purpose, ()) or key.purpose not in STATES[key.state]:
                raise Refused("KeyringFile", "purpose")
        if len(keys) > MAX_KEYS:
            raise Refused("KeyringFile", "too many keys")
        secrets = [secret.ljust(64, b"\0") for key in keys for secret in (key.secret, key.public) if secret is not None]
        names = list(self.keys) + [key.external_keyid for key in keys if key.external_keyid not in (None, key.kid)]
        if len(self.keys) != len(keys) or len(set(secrets)) != len(secrets) or len(set(names)) != len(names):
            raise Refused("KeyDuplicate")
        if primaries.get("sig-raw"):
            raise Refused("KeyringFile", "a raw key is never primary")
        for key in keys:
            self.check_reference(key)
        for purpose, kids in primaries.items():
            if any(kid not in self.keys or self.keys[kid].purpose != purpose for kid in kids):
                raise Refused("KeyringFile", "primary")
            for i, kid in enumerate(kids):
                if any(tie(self.keys[kid], self.keys[other]) for other in kids[:i]):
                    raise Refused("KeyringFile", "tie")

    def check_raw(self, key: Key) -> None:
        """Lengths only: whether the bytes are a key is for the algorithm to say."""
        if (key.secret is None) == (key.public is None) or key.context is not None or key.direction is None:
            raise Refused("KeyringFile", "raw")
        lengths, given = (RAW_SECRETS, key.secret) if key.secret is not None else (RAW_PUBLIC, key.public)
        if len(given) not in lengths.get(key.suite, ()):
            raise Refused("KeyringFile", "length")
        external = key.external_keyid
        if external is not None and not (0 < len(external) <= 256 and all(" " <= c <= "~" for c in external)):
            raise Refused("KeyringFile", "external_keyid")

    def check_reference(self, key: Key) -> None:
        if key.root is None:
            return
        root = self.keys.get(key.root)
        if root is None or root.context is not None or (root.purpose, root.suite) != (key.purpose, key.suite):
            raise Refused("KeyringFile", "root")
        if not root.fits(key.context):
            raise Refused("KeyringFile", "scope of the root")

    def context_key(self, key: Key, context: dict[str, str]) -> bytes:
        return key.context_key(context) if key.root is None else replace(self.keys[key.root], kid=key.kid).context_key(context)

    def used(self, key: Key) -> list[Key]:
        return [key] if key.root is None else [key, self.keys[key.root]]

    def primary(self, context: dict[str, str]) -> Key | None:
        fitting = [self.keys[kid] for kid in self.primaries.get("seal", []) if self.keys[kid].fits(context)]
        return max(fitting, key=lambda key: len(key.pairs), default=None)

    def allowed(self, rules: list[Rule], context: dict[str, str]) -> set[str]:
        """The intersection of the allowed sets of the rules."""
        allowed = set(self.keys)
        for rule in rules:
            if rule.keys is None:
                primary = self.primary(context)
                if primary is None:
                    derived = [self.keys[kid].context is not None for kid in self.primaries.get("seal", [])]
                    raise Refused("ContextScope" if derived and all(derived) else "NoPrimary")
                allowed &= {key.kid for key in self.keys.values() if key.pairs == primary.pairs}
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
        for used in self.used(key):
            if not used.fits(context):
                raise Refused("ContextScope")
            if used.state != "active" or not used.valid_at(now):
                raise Refused("KeyState")
        return key

    def decrypting(self, kid: str, suite: int, rules: list[Rule], context: dict[str, str]) -> Key:
        key = self.keys.get(kid)
        if key is None:
            raise Refused("UnknownKey")
        if key.context is not None and not key.fits(context):
            raise Refused("ContextScope")
        if kid not in self.allowed(rules, context):
            raise Refused("KeyNotAllowed")
        if key.purpose != "seal":
            raise Refused("KeyPurpose")
        if key.suite != suite:
            raise Refused("KeySuite")
        for used in self.used(key):
            if not used.fits(context):
                raise Refused("ContextScope")
            if used.state == "disabled":
                raise Refused("KeyState")
        return key


def tie(a: Key, b: Key) -> bool:
    one, other = a.pairs, b.pairs
    if a.context is not None or b.context is not None:
        return one == other
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
    data = text.encode() if isinstance(text, str) else text
    if len(data) > MAX_FILE:
        raise fault("size")
    root = file_object(data)
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
        entry = {"type": "root" if key.context is None else "derived", "kid": key.kid, "purpose": key.purpose, "suite": crypto.SUITE_NAMES[key.suite]}
        entry |= {"state": key.state, "created": created}
        entry |= {"scope": key.scope} if key.scope else {}
        entry |= {"expires": key.expires} if key.expires is not None else {}
        entry |= {"context": key.context} if key.context is not None else {}
        entries.append(entry | ({"secret": b64(key.secret)} if key.root is None else {"root": key.root}))
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
    if any(given is not None and given.ljust(64, b"\0") == wrapping_key.ljust(64, b"\0") for key in keys for given in (key.secret, key.public)):
        raise Refused("KeyDuplicate")
    return ring


def read_primary(purpose: str, node: Node) -> list[str]:
    kids = [text_of(node)] if node.kind == "string" else distinct(node)
    if purpose not in FITTING_SUITES or (node.kind == "array" and len(kids) < 2):
        raise fault("primary")
    return kids


def read_key(node: Node) -> Key:
    common = {"type", "kid", "purpose", "suite", "state", "created"}
    optional = {"not_before", "expires", "principal", "profiles"}
    kind = text_of(node.get("type")) if node.kind == "object" and node.get("type") else ""
    if kind == "root":
        exactly(node, common | {"secret"}, optional | {"scope", "imported"})
    elif kind == "derived":
        exactly(node, common | {"context"}, optional | {"secret", "root", "direction"})
    elif kind == "raw":
        exactly(node, common | {"direction"}, optional | {"scope", "secret", "public", "external_keyid"})
    else:
        raise fault("type")
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
    context = read_scope(node.get("context"), {"apiseal.principal", "apiseal.direction"}) if kind == "derived" else None
    if context == {}:
        raise fault("context")
    imported, principal, profiles = node.get("imported"), node.get("principal"), node.get("profiles")
    if imported is not None and imported.kind != "boolean":
        raise fault("imported")
    if profiles is not None:
        distinct(profiles)
    if principal is not None:
        text_of(principal)
    if kind != "raw" and not (scope or context) and (principal is not None or (imported is not None and imported.text == "true")):
        raise fault("scope demanded")
    suite = SUITES.get(text_of(node.get("suite")))
    if suite is None:
        raise fault("entry")
    secret = root = None
    if node.get("secret") is not None:
        secret = unb64(text_of(node.get("secret")))
        if secret is None or (kind != "raw" and len(secret) != 32):
            raise fault("secret")
    if node.get("root") is not None:
        root = text_of(node.get("root"))
        if not is_kid(root):
            raise fault("root")
    public = unb64(text_of(node.get("public"))) if node.get("public") is not None else None
    if (node.get("public") is not None and public is None) or [secret, root, public].count(None) != 2:
        raise fault("either secret or root or public")
    kid, purpose, state = (text_of(node.get(name)) for name in ("kid", "purpose", "state"))
    if (kind == "raw") != (purpose == "sig-raw"):
        raise fault("purpose")
    direction, external = (text_of(node.get(name)) if node.get(name) is not None else None for name in ("direction", "external_keyid"))
    if direction not in (None, "req", "res"):
        raise fault("direction")
    return Key(kid, secret, suite, purpose, state, scope, not_before, expires, context, root, direction, external, public)


def read_scope(node: Node | None, own: set[str] = frozenset()) -> dict[str, str]:
    if node is None:
        return {}
    if node.kind != "object" or len(node.members) > 32:
        raise fault("scope")
    for member in node.members:
        if member.node.kind != "string" or not member.name:
            raise fault("scope")
        if member.name.startswith("apiseal.") and member.name not in own:
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
