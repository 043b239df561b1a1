"""Selection, encryption and decryption of documents (sections 15 to 17). A test oracle, not for use."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import crypto
from .crypto import DOCUMENT, Location, Refused
from .jsonpath import Evaluator, Query
from .keyring import Ring
from .policy import Bind, Policy, Relative, Rule, each_split, load_policy, related
from .strict_json import Member, Node, canonical, canonical_string, parse, walk

Context = dict[str, str] | list[tuple[str, str]]
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Target:
    """One selected position."""

    location: Location
    node: Node
    rule: Rule

    @property
    def position(self) -> bytes:
        return crypto.position(self.rule.mode, self.location, self.rule.label)


def encrypt(
    document: bytes,
    policy: dict | str | Policy,
    ring: Ring,
    context: Context,
    random: Callable[[int], bytes] = os.urandom,
    now: float | None = None,
) -> bytes:
    policy = policy if isinstance(policy, Policy) else load_policy(policy)
    now = time.time() if now is None else now
    context = crypto.check_context(context)
    text, root = read_document(document)
    if policy.document_layout:
        if root.kind != "object":
            raise Refused("RootNotObject")
        if root.get(policy.header):
            raise Refused("HeaderPresent")
    evaluator = Evaluator(root)
    targets = select(evaluator, policy)
    check_filters(evaluator, targets)
    check_occurs(root, policy, targets)
    for target in targets:
        check_type(target, target.node)
        if is_prefixed(target.node) and not target.rule.nested:
            raise Refused("AlreadyEncrypted", str(target.location))
        check_field_limit(len(plaintext_of(text, target)))
    check_leftovers(root, policy, targets)
    write = encrypt_document if policy.document_layout else encrypt_tokens
    output = write(text, root, policy, targets, ring, context, random, now).encode()
    if len(output) > crypto.DOCUMENT_LIMIT:
        raise Refused("LimitDocument")
    return output


def decrypt(
    document: bytes, policy: dict | str | Policy, ring: Ring, context: Context, now: float | None = None
) -> bytes:
    policy = policy if isinstance(policy, Policy) else load_policy(policy)
    now = time.time() if now is None else now
    context = crypto.check_context(context)
    text, root = read_document(document)
    read = decrypt_document if policy.document_layout else decrypt_tokens
    return read(text, root, policy, ring, context, now).encode()


def read_document(document: bytes) -> tuple[str, Node]:
    root = parse(document)
    return document.decode(), root


# Layout T


def encrypt_tokens(
    text: str,
    root: Node,
    policy: Policy,
    targets: list[Target],
    ring: Ring,
    context: dict[str, str],
    random: Callable[[int], bytes],
    now: float,
) -> str:
    bounds = [strict_bound(root, target.rule.binds, target, targets) for target in targets]
    check_token_limits(targets, bounds)
    matching = [rule for rule in policy.rules if any(target.rule is rule for target in targets)]
    keys = {id(rule): ring.encrypting([rule], context, now) for rule in matching}
    edits = []
    for target, bound in zip(targets, bounds):
        key, mode = keys[id(target.rule)], target.rule.mode
        aad = crypto.token_aad(key.suite, mode, target.position, crypto.bound_bytes(bound))
        k_ctx, plaintext = ring.context_key(key, context), plaintext_of(text, target)
        token = crypto.seal_token(k_ctx, key.kid, key.suite, mode, random(24), plaintext, aad)
        edits.append(replace(target.node, token))
    return splice(text, edits)


def decrypt_tokens(text: str, root: Node, policy: Policy, ring: Ring, context: dict[str, str], now: float) -> str:
    targets = select(Evaluator(root), policy)
    tokens: list[tuple[Target, str]] = []
    for target in targets:
        if not is_prefixed(target.node):
            if not lets_plain_through(target.rule, now) or not fits_types(target, target.node):
                raise Refused("NotEncrypted", str(target.location))
            continue
        string = target.node.text
        if not string.startswith("as1."):
            raise Refused("LayoutMismatch", str(target.location))
        if has_other_mode(string, target.rule.mode):
            raise Refused("ModeMismatch", str(target.location))
        tokens.append((target, string))
    check_leftovers(root, policy, targets)
    check_occurs(root, policy, targets)

    parsed = []
    for _, string in tokens:
        token = crypto.parse_token(string)
        check_field_limit(len(token.ciphertext) - 16)
        parsed.append(token)
    keys = [
        ring.decrypting(token.kid, token.suite, [target.rule], context) for (target, _), token in zip(tokens, parsed)
    ]

    bounds = [found_bound(root, target.rule.binds, target, targets) for target, _ in tokens]
    check_token_limits([target for target, _ in tokens], bounds)
    edits, values = [], {}
    for (target, _), entries, token, key in zip(tokens, bounds, parsed, keys):
        aad = crypto.token_aad(token.suite, token.mode, target.position, crypto.bound_bytes(entries))
        plaintext = crypto.open_token(ring.context_key(key, context), token, aad)
        values[target.location] = read_content(plaintext, target)
        edits.append((target.node.start, target.node.end, plaintext.decode()))
    for target in targets:
        check_type(target, values.get(target.location, target.node))
    return splice(text, edits)


# Layout D


def encrypt_document(
    text: str,
    root: Node,
    policy: Policy,
    targets: list[Target],
    ring: Ring,
    context: dict[str, str],
    random: Callable[[int], bytes],
    now: float,
) -> str:
    entries = [] if policy.bind_whole else strict_bound(root, policy.binds, None, targets)
    check_document_limits(targets, entries)
    plaintexts = [plaintext_of(text, target) for target in targets]
    key = ring.encrypting(policy.rules, context, now)
    keys = crypto.DocumentKeys.derive(ring.context_key(key, context), key.suite, random(24))
    fields = [(t.position, keys.seal(i, t.position, p)) for i, (t, p) in enumerate(zip(targets, plaintexts))]
    strings = [crypto.field_string(i, ciphertext) for i, (_, ciphertext) in enumerate(fields)]
    edits = [replace(target.node, string) for target, string in zip(targets, strings)]
    bound = crypto.bound_bytes(entries)
    if policy.bind_whole:
        bound = whole_bound(parse(splice(text, edits).encode()))
    header = keys.header(key.kid, len(fields), keys.mac(fields, bound))
    member = canonical_string(policy.header) + f':"{header}"' + ("," if root.members else "")
    return splice(text, edits + [(root.start + 1, root.start + 1, member)])


def decrypt_document(text: str, root: Node, policy: Policy, ring: Ring, context: dict[str, str], now: float) -> str:
    if root.kind != "object":
        raise Refused("RootNotObject")
    index = next((i for i, member in enumerate(root.members) if member.name == policy.header), None)
    if index is None:
        return pass_plain_document(text, root, policy, now)
    removal = header_removal(root.members, index)
    header_node = root.members.pop(index).node
    targets = select(Evaluator(root), policy)
    for target in targets:
        if target.node.kind == "string" and target.node.text.startswith("as1."):
            raise Refused("LayoutMismatch", str(target.location))
    check_leftovers(root, policy, targets)

    if header_node.kind != "string":
        raise Refused("MalformedToken", "header")
    header = crypto.parse_header(header_node.text)
    fields: dict[Location, tuple[int, bytes]] = {}
    for target in targets:
        if target.node.kind == "string" and target.node.text.startswith("as1f."):
            fields[target.location] = crypto.parse_field(target.node.text)
            check_field_limit(len(fields[target.location][1]) - 16)
    key = ring.decrypting(header.kid, header.suite, policy.rules, context)

    keys = crypto.DocumentKeys.derive(ring.context_key(key, context), header.suite, header.salt)
    if header.count != len(targets) or len(fields) != len(targets):
        raise Refused("Rejected", "number of fields")
    ordered = sorted(targets, key=lambda target: fields[target.location][0])
    if [fields[target.location][0] for target in ordered] != list(range(header.count)):
        raise Refused("Rejected", "counters")
    if not hmac.compare_digest(keys.com, header.com):
        raise Refused("Rejected", "commitment")
    entries = found_bound(root, policy.binds, None, targets)
    whole = whole_bound(root) if policy.bind_whole else b""
    check_document_limits(targets, entries, whole)
    bound = whole or crypto.bound_bytes(entries)
    sequence = [(target.position, fields[target.location][1]) for target in ordered]
    if not hmac.compare_digest(keys.mac(sequence, bound), header.mac):
        raise Refused("Rejected", "MAC")
    edits, values = [removal], {}
    for counter, (target, (place, ciphertext)) in enumerate(zip(ordered, sequence)):
        plaintext = keys.open(counter, place, ciphertext)
        values[target.location] = read_content(plaintext, target)
        edits.append((target.node.start, target.node.end, plaintext.decode()))
    check_occurs(root, policy, targets)
    for target in targets:
        check_type(target, values[target.location])
    return splice(text, edits)


def pass_plain_document(text: str, root: Node, policy: Policy, now: float) -> str:
    if any(node.kind == "string" and node.text.startswith("as1f.") for _, node in walk(root)):
        raise Refused("Rejected", "header missing")
    if not all(lets_plain_through(rule, now) for rule in policy.rules):
        raise Refused("NotEncrypted")
    targets = select(Evaluator(root), policy)
    for target in targets:
        if is_prefixed(target.node):
            raise Refused("LayoutMismatch", str(target.location))
        if not fits_types(target, target.node):
            raise Refused("NotEncrypted", str(target.location))
    check_leftovers(root, policy, targets)
    check_occurs(root, policy, targets)
    return text


def whole_bound(root: Node) -> bytes:
    text = canonical(root)
    if len(text.encode()) > crypto.DOCUMENT_LIMIT:
        raise Refused("LimitBound")
    return crypto.bound_bytes([(b"", text)])


def header_removal(members: list[Member], index: int) -> Edit:
    member = members[index]
    if member.comma >= 0:
        return member.start, member.comma + 1, ""
    if index > 0:
        return members[index - 1].comma, member.node.end, ""
    return member.start, member.node.end, ""


# Selection


def select(evaluator: Evaluator, policy: Policy) -> list[Target]:
    """The positions of all rules in document order."""
    targets = []
    for rule in policy.rules:
        found = {location: node for location, node in evaluator.select(rule.path)}
        targets += [Target(location, node, rule) for location, node in found.items()]
    if len(targets) > crypto.FIELDS_LIMIT:
        raise Refused("LimitFields")
    check_positions(evaluator.root, policy, targets)
    targets.sort(key=lambda target: target.node.start)
    for before, after in zip(targets, targets[1:]):
        if after.node.start < before.node.end:
            raise Refused("Overlap", str(after.location))
    return targets


def check_filters(evaluator: Evaluator, targets: list[Target]) -> None:
    places = {target.location for target in targets}
    around = prefixes(places)
    for location in evaluator.visited:
        if location in around or inside(location, places):
            raise Refused("FilterVisitsProtected", str(location))


def check_leftovers(root: Node, policy: Policy, targets: list[Target]) -> None:
    places = {target.location for target in targets}
    for location, node in walk(root):
        if policy.keep_unselected or inside(location, places) or node.kind != "string":
            continue
        if crypto.is_leftover(node.text):
            raise Refused("UnselectedToken", str(location))


def check_occurs(root: Node, policy: Policy, targets: list[Target]) -> None:
    for rule in policy.rules:
        count = sum(target.rule is rule for target in targets)
        if rule.occurs == "required" and count == 0:
            raise Refused("NoMatch")
        if rule.occurs == "each":
            split = each_split(rule.path)
            rest = Query(True, rule.path.segments[split:])
            evaluator = Evaluator(root)
            for node in evaluator.run(Query(True, rule.path.segments[:split]), [((), root)], False):
                if not evaluator.run(rest, [node], False):
                    raise Refused("Occurs")
        if isinstance(rule.occurs, tuple):
            kind, number = rule.occurs
            if count != number if kind == "exactly" else count < number:
                raise Refused("Occurs")


def fits_types(target: Target, node: Node) -> bool:
    names = {node.kind}
    if node.kind == "number" and node.text.lstrip("-").isdigit():
        names.add("integer")
    return target.rule.types is None or bool(names & target.rule.types)


def check_type(target: Target, node: Node) -> None:
    if not fits_types(target, node):
        raise Refused("TypeMismatch", str(target.location))


def has_other_mode(string: str, mode: int) -> bool:
    try:
        return crypto.parse_token(string).mode != mode
    except Refused:  # found again with the other faults of syntax
        return False


def is_prefixed(node: Node) -> bool:
    return node.kind == "string" and node.text.startswith(crypto.PREFIXES)


def lets_plain_through(rule: Rule, now: float) -> bool:
    return rule.plain_until is not None and now < rule.plain_until


def prefixes(places: Iterable[Location]) -> set[Location]:
    return {place[:size] for place in places for size in range(len(place))}


def inside(location: Location, places: set[Location]) -> bool:
    """The location is one of the places or lies inside one."""
    return any(location[:size] in places for size in range(len(location) + 1))


# Bound members


def strict_bound(root: Node, binds: tuple[Bind, ...], target: Target | None, targets: list[Target]) -> list[tuple[bytes, str]]:
    """Pairs of position and J; the outcomes are those of encryption."""
    mode = target.rule.mode if target else DOCUMENT
    found = []
    for bind in binds:
        location, node = locate(root, bind.target, target)
        found.append((crypto.position(mode, location, bind.label), location, canonical(node)))
    places = [place for place, _, _ in found]
    if len(set(places)) != len(places) or any(
        related(location, other.location) for _, location, _ in found for other in targets
    ):
        raise Refused("BoundConflict")
    return [(place, text) for place, _, text in found]


def found_bound(root: Node, binds: tuple[Bind, ...], target: Target | None, targets: list[Target]) -> list[tuple[bytes, str]]:
    """At decryption: an encryptor never wrote what cannot be found."""
    try:
        return strict_bound(root, binds, target, targets)
    except Refused as refused:
        raise Refused("Rejected", str(refused)) from None


def locate(root: Node, wanted: Location | Relative, target: Target | None) -> tuple[Location, Node]:
    missing = Refused("BoundMissing")
    location: Location = ()
    steps: tuple = wanted
    if isinstance(wanted, Relative):
        if wanted.levels > len(target.location):
            raise missing
        location, steps = target.location[: -wanted.levels], wanted.tokens
    node = root
    for step in location:
        node = node.step(step)
    for step in steps:
        if isinstance(wanted, Relative) and node.kind == "array":
            canonical_index = step == "0" or (step[:1] != "0" and step.isascii() and step.isdigit())
            if not canonical_index or len(step) > 10:
                raise missing
            step = int(step)
        node = node.step(step)
        if node is None:
            raise missing
        location += (step,)
    return location, node


# Limits and content


def check_token_limits(targets: list[Target], bounds: list[list[tuple[bytes, str]]]) -> None:
    places = [target.position for target in targets]
    encoded = [crypto.bound_bytes(entries) for entries in bounds]
    if any(len(bound) > crypto.BOUND_LIMIT for bound in encoded):
        raise Refused("LimitBound")
    sizes = [len(crypto.token_aad(1, 1, place, bound)) for place, bound in zip(places, encoded)]
    if sum(sizes) > 8 * crypto.DOCUMENT_LIMIT:
        raise Refused("LimitAssociatedData")


def check_document_limits(targets: list[Target], entries: list[tuple[bytes, str]], whole: bytes = b"") -> None:
    places = [target.position for target in targets]
    bound = whole or crypto.bound_bytes(entries)
    if not whole and len(bound) > crypto.BOUND_LIMIT:
        raise Refused("LimitBound")
    if sum(10 + len(place) for place in places) + len(bound) > 8 * crypto.DOCUMENT_LIMIT:
        raise Refused("LimitAssociatedData")


def check_positions(root: Node, policy: Policy, targets: list[Target]) -> None:
    """Protected positions, and bound ones as far as they are known without a fault."""
    places = [target.position for target in targets]
    places += [crypto.position(DOCUMENT, bind.target) for bind in policy.binds]
    for target in targets:
        for bind in target.rule.binds:
            location = bind.target
            if isinstance(location, Relative):
                try:
                    location, _ = locate(root, location, target)
                except Refused:
                    continue
            places.append(crypto.position(target.rule.mode, location, bind.label))
    if any(len(place) > crypto.POSITION_LIMIT for place in places):
        raise Refused("LimitPosition")


def check_field_limit(size: int) -> None:
    if size > crypto.FIELD_LIMIT:
        raise Refused("LimitField")


def plaintext_of(text: str, target: Target) -> bytes:
    return crypto.pad(text[target.node.start : target.node.end], target.rule.padding)


def read_content(plaintext: bytes, target: Target) -> Node:
    try:
        return parse(plaintext, depth=len(target.location), space=False)
    except Refused:
        raise Refused("Rejected", "content") from None


def replace(node: Node, string: str) -> Edit:
    return node.start, node.end, f'"{string}"'


def splice(text: str, edits: list[Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
