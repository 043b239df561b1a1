"""The same calls to this reader and to the program in APISEAL_EXCHANGE: outputs must open crosswise, outcomes must be equal.

APISEAL_EXCHANGE_SEED and APISEAL_EXCHANGE_CASES vary the run.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from apiseal_reader import Key, Policy, Refused, crypto, decrypt, encrypt, load_policy
from apiseal_reader.cipher import select
from apiseal_reader.crypto import b64
from apiseal_reader.jsonpath import Evaluator, Index, Query, Segment, Slice, Wildcard
from apiseal_reader.strict_json import parse
from generator import NOW, Case, Maker
from peer import Outcome, Peer

SEED = os.environ.get("APISEAL_EXCHANGE_SEED", "1")
CASES = int(os.environ.get("APISEAL_EXCHANGE_CASES", "800"))
MUTATIONS = 4

def here(op: str, case: Case, random=os.urandom) -> Outcome:
    try:
        if op == "encrypt":
            return "ok", encrypt(case.document, case.policy, case.ring, case.context, random, case.now)
        return "ok", decrypt(case.document, case.policy, case.ring, case.context, case.now)
    except Refused as refused:
        return "error", refused.name


# Section 16, step 6 does not say which of the two comes first when one position has both.
UNORDERED = {("error", "BoundMissing"), ("error", "BoundConflict")}


class Report:
    """Collects disagreements, so that one run shows all of them."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.counts: Counter = Counter()
        self.faults: list[str] = []

    def check(self, what: str, case: Case, mine: object, theirs: object) -> None:
        kind = mine[1] if isinstance(mine, tuple) and mine[0] == "error" else "ok"
        self.counts[f"{what}: {kind}"] += 1
        if theirs == ("error", "PolicyFile") and mine != theirs and may_refuse(case.policy):
            self.counts["overlap refused at load there"] += 1
        elif {mine, theirs} == UNORDERED:
            self.counts["missing and conflicting bound members"] += 1
        elif mine != theirs:
            keys = [replace(key, secret=b"") for key in case.keys]
            self.faults.append(
                f"{what}\n policy {json.dumps(case.policy)}\n context {case.context}\n now {case.now}\n keys {keys}"
                f"\n primaries {set(case.primaries)}\n document {case.document!r}\n here  {mine}\n there {theirs} {self.peer.text}\n"
            )

    def finish(self) -> None:
        for name, count in sorted(self.counts.items()):
            print(f"{count:7} {name}")
        assert not self.faults, f"{len(self.faults)} disagreements\n" + "\n".join(self.faults[:20])


def may_refuse(policy: dict) -> bool:
    """Section 14, rule 4: a loader may prove more overlaps from the paths than it must."""
    paths = [rule.path for rule in load_policy(policy).rules]
    return any(covers(one, other) for one in paths for other in paths if one is not other)


def covers(outer: Query, inner: Query) -> bool:
    """All that `inner` selects is selected by `outer` or lies inside it."""

    def selector(a: object, b: object) -> bool:
        if isinstance(a, Slice) and isinstance(b, (Index, Slice)):
            low, high = (b.index, b.index + 1) if isinstance(b, Index) else (b.start or 0, b.end)
            return (a.start or 0) <= low and (a.end is None or (high is not None and high <= a.end))
        return a == b or isinstance(a, Wildcard)

    def segment(a: Segment, b: Segment) -> bool:
        return all(any(selector(x, y) for x in a.selectors) for y in b.selectors)

    def match(i: int, j: int) -> bool:
        if i == len(outer.segments) or j == len(inner.segments):
            return i == len(outer.segments)
        a, rest = outer.segments[i], range(j, len(inner.segments))
        if a.descendant:
            return any(segment(a, inner.segments[k]) and match(i + 1, k + 1) for k in rest)
        return not inner.segments[j].descendant and segment(a, inner.segments[j]) and match(i + 1, j + 1)

    return match(0, 0)


def salts_of(output: bytes, policy: Policy) -> Iterator[bytes]:
    """The salts of an encrypted document in document order."""
    root = parse(output)
    if policy.document_layout:
        yield crypto.parse_header(root.get(policy.header).text).salt
        return
    for target in select(Evaluator(root), policy):
        yield crypto.parse_token(target.node.text).salt


def test_random_documents(peer: Peer) -> None:
    report = Report(peer)
    for number in range(CASES):
        maker = Maker(f"{SEED}/{number}")
        case = maker.case()
        mine, theirs = here("encrypt", case), peer.call("encrypt", case)
        if mine[0] == "error" or theirs[0] == "error":
            report.check("encrypt", case, mine, theirs)
            for op in ("decrypt",):
                report.check("decrypt plain", case, here(op, case), peer.call(op, case))
            continue
        original = ("ok", case.document)
        report.check("there to here", case, here("decrypt", replace(case, document=theirs[1])), original)
        report.check("here to there", case, original, peer.call("decrypt", replace(case, document=mine[1])))
        report.check("here to here", case, here("decrypt", replace(case, document=mine[1])), original)
        salts = salts_of(theirs[1], load_policy(case.policy))
        report.check("same salts, same bytes", case, here("encrypt", case, lambda _: next(salts)), theirs)
        for op in ("encrypt", "decrypt"):
            again = replace(case, document=theirs[1])
            if op == "encrypt":
                report.check("encrypt twice", again, kind_of(here(op, again)), kind_of(peer.call(op, again)))
        report.check("decrypt plain", case, here("decrypt", case), peer.call("decrypt", case))
        for _ in range(MUTATIONS):
            changed = maker.mutated(replace(case, document=maker.pick([mine[1], theirs[1]])))
            if maker.chance(0.2):
                changed = maker.mutated(changed) if well_formed(changed.document) else changed
            report.check("decrypt mutated", changed, here("decrypt", changed), peer.call("decrypt", changed))
    report.finish()
    assert report.counts["there to here: ok"] >= CASES // 3


def well_formed(document: bytes) -> bool:
    try:
        parse(document)
        return True
    except Refused:
        return False


def kind_of(outcome: Outcome) -> Outcome:
    return ("ok", None) if outcome[0] == "ok" else outcome


def test_random_mutations_before_encryption(peer: Peer) -> None:
    report = Report(peer)
    for number in range(CASES):
        maker = Maker(f"{SEED}/before/{number}")
        case = maker.case()
        if maker.chance(0.6):
            case = replace(case, policy=maker.mutated_policy(case.policy))
        else:
            case = maker.mutated(case)
        report.check("encrypt", case, kind_of(here("encrypt", case)), kind_of(peer.call("encrypt", case)))
    report.finish()


# Tokens and fields built with the key

SECRET = bytes(range(32))
CONTEXT = {"purpose": "users", "tenant": "acme"}


def plain_case(policy: dict, document: str = "{}") -> Case:
    return Case(policy, CONTEXT, [Key("k1", SECRET)], frozenset({"k1"}), NOW, document.encode())


HOSTILE = [
    b"",
    b"\0\0\0",
    b"1 2",
    b"1 ",
    b" 1",
    b"\xff",
    b'"\xed\xa0\x80"',
    b'{"a":1,"\\u0061":2}',
    b"[" * 127 + b"]" * 127,
    b"[" * 128 + b"]" * 128,
    b'"\\ud800"',
    b"\xef\xbb\xbf1",
    b"nul",
    b"01",
    b'"a\0b"',
    b"1\0\0\0\0\0\0\0",
    b"1e400",
    b'"as1.x"',
    b'{"a":"as1f.x"}',
    b"null\n",
]


@pytest.mark.parametrize("suite", [1, 2])
def test_hostile_content(peer: Peer, suite: int) -> None:
    report = Report(peer)
    key = Key("k1", SECRET, suite)
    k_ctx = key.context_key(CONTEXT)
    token_policy = {"apiseal_policy": 1, "id": "p", "rules": [{"path": "$.a", "bind": []}]}
    document_policy = {"apiseal_policy": 1, "id": "p", "layout": "document", "bind": [], "rules": [{"path": "$.a"}]}
    for content in HOSTILE:
        content = content or b"\0"
        place = crypto.position(1, ("a",))
        aad = crypto.token_aad(suite, 1, place, b"")
        token = crypto.seal_token(k_ctx, "k1", suite, 1, bytes(24), content, aad)
        case = replace(plain_case(token_policy, json.dumps({"a": token})), keys=[key])
        report.check("token", case, here("decrypt", case), peer.call("decrypt", case))
        keys = crypto.DocumentKeys.derive(k_ctx, suite, bytes(24))
        sealed = keys.seal(0, place, content)
        header = keys.header("k1", 1, keys.mac([(place, sealed)], b""))
        document = json.dumps({"_seal": header, "a": crypto.field_string(0, sealed)})
        case = replace(plain_case(document_policy, document), keys=[key])
        report.check("field", case, here("decrypt", case), peer.call("decrypt", case))
    report.finish()


def test_headers_built_with_the_key(peer: Peer) -> None:
    """Numbers, counters and MACs that are right for a wrong set of fields."""
    report = Report(peer)
    policy = {"apiseal_policy": 1, "id": "p", "layout": "document", "bind": ["$.id"], "rules": [{"path": "$.f[*]", "occurs": "optional"}]}
    keys = crypto.DocumentKeys.derive(Key("k1", SECRET).context_key(CONTEXT), 1, bytes(24))
    bound = crypto.bound_bytes([(crypto.position(0x21, ("id",)), "1")])
    places = [crypto.position(0x21, ("f", i)) for i in range(3)]
    for counters in ([0, 1, 2], [0, 1, 1], [0, 1, 3], [1, 2, 3], [2, 1, 0], [0, 2, 1], [0, 1, 2**32 - 1]):
        for count in (3, 2, 4, 0, 2**20, 2**20 + 1, 2**32 - 1):
            sealed = [keys.seal(counter, place, b"1") for counter, place in zip(counters, places)]
            ordered = [(place, c) for _, place, c in sorted(zip(counters, places, sealed))]
            header = keys.header("k1", count, keys.mac(ordered, bound))
            fields = [crypto.field_string(counter, c) for counter, c in zip(counters, sealed)]
            for document in ({"id": 1, "f": fields, "_seal": header}, {"f": fields, "_seal": header}, {"id": 1, "f": fields}):
                case = plain_case(policy, json.dumps(document))
                report.check("header", case, here("decrypt", case), peer.call("decrypt", case))
    report.finish()


@pytest.mark.parametrize("position", ["exact", "elements", "named"])
def test_token_bytes(peer: Peer, position: str) -> None:
    """Every suite and mode byte, and every kind of kid, at a selected and at another place."""
    report = Report(peer)
    rule = {"path": "$.a", "position": position, "bind": ["$.id"]} | ({"label": "l", "bind": []} if position == "named" else {})
    policies = [{"apiseal_policy": 1, "id": "p", "rules": [rule]}]
    policies.append({"apiseal_policy": 1, "id": "p", "layout": "document", "bind": [], "rules": [{"path": "$.a"}]})
    bodies = [(bytes([suite, mode]), 75) for suite in (1, 2) for mode in range(256)]
    bodies += [(bytes([suite, mode]), 75) for suite in range(256) for mode in (1,)]
    bodies += [(bytes([1, mode]), size) for mode in (1, 2, 3, 0x21) for size in (2, 20, 21, 73, 74, 75, 76, 93, 94, 95)]
    kids = ["k1", "k2", "", "_", "__", "x" * 32, "x" * 33, "k.1", "k+", "\u00e9", "k1 "]
    strings = [f"as1.k1.{b64(head + bytes(size - 2))}" for head, size in bodies]
    strings += [f"as1.{kid}.{b64(bytes([1, 1]) + bytes(73))}" for kid in kids]
    strings += [f"{prefix}{'k1.' * dotted}{b64(bytes(size))}" for prefix in crypto.PREFIXES for dotted in (0, 1, 2) for size in (0, 20, 21)]
    strings += [TOKEN + tail for tail in ("=", ".", ".x", "A", " ", "\n")] + [TOKEN.upper(), "as01.x", "as2.x", "AS1.x", "as1", "as1."]
    for string in strings:
        for policy in policies:
            for document in ({"id": 1, "a": string}, {"id": 1, "a": 1, "b": string}, {"id": 1, "a": 1, "_seal": string.replace("as1.", "as1d.")}):
                case = plain_case(policy, json.dumps(document))
                report.check("decrypt", case, here("decrypt", case), peer.call("decrypt", case))
                if "b" in document:
                    report.check("encrypt", case, kind_of(here("encrypt", case)), kind_of(peer.call("encrypt", case)))
    report.finish()


def test_field_limit(peer: Peer) -> None:
    report = Report(peer)
    policy = {"apiseal_policy": 1, "id": "p", "rules": [{"path": "$.a", "bind": []}]}
    for size in (16777214, 16777215):
        case = plain_case(policy, json.dumps({"a": "x" * size}))
        mine, theirs = here("encrypt", case), peer.call("encrypt", case)
        report.counts[mine[0]] += 1
        assert kind_of(mine) == kind_of(theirs)
        if theirs[0] == "ok":
            assert here("decrypt", replace(case, document=theirs[1])) == ("ok", case.document)
    assert report.counts == {"ok": 1, "error": 1}


# Edges of the format, one policy and document each

TOKEN = crypto.seal_token(Key("k1", SECRET).context_key(CONTEXT), "k1", 1, 1, bytes(24), b"1", b"")
RULE_A = {"path": "$.a", "bind": []}
LONG = "n" * 4096
LISTED: list[tuple[dict | list, str]] = [
    # rules of layout T, document
    ([RULE_A], '{"a":"as1.x"}'),
    ([RULE_A | {"nested": True}], json.dumps({"a": TOKEN})),
    ([RULE_A | {"nested": True}], '{"a":"as1f."}'),
    ([RULE_A], json.dumps({"a": 1, "b": [TOKEN]})),
    ([RULE_A], json.dumps({"a": [TOKEN], TOKEN: 1})),
    ([RULE_A], json.dumps({"a": 1, "b": TOKEN + "="})),
    ([{"path": "$", "bind": []}], " [1,2] "),
    ([{"path": "$", "bind": [], "padding": "none"}], '"x"'),
    ([{"path": "$['" + LONG[:4091] + "']", "bind": []}], json.dumps({LONG[:4091]: 1})),
    ([{"path": "$['" + LONG[:4085] + "'].a", "bind": []}], json.dumps({LONG[:4085]: {"a": 1}})),
    ([{"path": "$['" + LONG[:4085] + "']['abcdef']", "bind": []}], json.dumps({LONG[:4085]: {"abcdef": 1}})),
    ([{"path": "$['" + LONG[:4080] + "'].*", "bind": []}], json.dumps({LONG[:4080]: {"abcd": 1, "abcde": 2}})),
    ([{"path": "$.a.*", "bind": []}], json.dumps({"a": {LONG[:4085]: 1}})),
    ([{"path": "$.a.*", "bind": []}], json.dumps({"a": {LONG[:4086]: 1}})),
    ([{"path": "$.a", "bind": ["$.b"]}], json.dumps({"a": 1, "b": "x" * 65519})),
    ([{"path": "$.a", "bind": ["$.b"]}], json.dumps({"a": 1, "b": "x" * 65520})),
    ([{"path": "$.a", "bind": ["$." + LONG[:4080] + ".x.y.z"]}], json.dumps({"a": 1, LONG[:4080]: {"x": {"y": {"z": 1}}}})),
    ([{"path": "$.a", "bind": ["1/" + LONG + "/x"]}], json.dumps({"a": 1, LONG: {"x": 1}})),
    ([{"path": "$.a", "bind": ["$." + LONG[:4095]]}], json.dumps({"a": 1, LONG[:4095]: {"x": 1}})),
    ([{"path": "$.a", "bind": ["1/b", "$.b"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["$.b", "$['b']"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["$.b", "$.c", "$['b']"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a.b", "bind": ["1/c"]}, {"path": "$.a.*.d", "bind": []}], '{"a":{"b":1,"c":{"d":2}}}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["2/0/id"]}], '{"a":[{"b":1,"id":1},{"b":2,"id":2}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["2/0/id", "2/1/id"]}], '{"a":[{"b":1,"id":1},{"b":2,"id":2}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["2/00/id"]}], '{"a":[{"b":1,"id":1}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["2/-/id"]}], '{"a":[{"b":1,"id":1}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["2/99999999999999999999/id"]}], '{"a":[{"b":1,"id":1}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["4/id"]}], '{"a":[{"b":1,"id":1}]}'),
    ([{"path": "$.a[*].b", "position": "elements", "bind": ["3/id"]}], '{"id":0,"a":[{"b":1,"id":1}]}'),
    ([{"path": "$..b", "bind": ["3/id"]}], '{"id":0,"a":{"b":1,"id":1}}'),
    ([{"path": "$..b", "bind": ["2/id"]}], '{"id":0,"a":{"b":1,"id":1}}'),
    ([{"path": "$.a", "bind": ["1/"]}], '{"a":1,"":2}'),
    ([{"path": "$.a", "bind": ["1/x~1y~0z"]}], '{"a":1,"x/y~z":2}'),
    ([{"path": "$.a", "bind": ["1/x~1y~0z", "1/b/c"]}], '{"a":1,"x/y~z":2,"b":3}'),
    ([{"path": "$.a", "bind": ["01/b"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["1+1/b"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["1#"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["$.a.b"]}], '{"a":{"b":2}}'),
    ([{"path": "$.a", "bind": ["$.b"]}, {"path": "$.b", "bind": []}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "bind": ["$.b[-1]"]}], '{"a":1,"b":[2]}'),
    ([{"path": "$.a[-1]", "bind": [], "selection": "unauthenticated"}], '{"a":[1,2]}'),
    ([{"path": "$.a[0:1]", "bind": [], "selection": "unauthenticated"}], '{"a":[1,2]}'),
    ([{"path": "$.a[::-1]", "bind": [], "selection": "unauthenticated"}], '{"a":[1,2]}'),
    ([{"path": "$.a[0,0]", "bind": [], "occurs": {"exactly": 1}}], '{"a":[1,2]}'),
    ([{"path": "$.a[*].b", "bind": [], "occurs": "each"}], '{"a":[{"b":1},{"c":1}]}'),
    ([{"path": "$.a[*].b", "bind": [], "occurs": "each"}], '{"a":[]}'),
    ([{"path": "$.a[*].b", "bind": [], "occurs": "each"}], "{}"),
    ([{"path": "$.a[*]", "bind": [], "occurs": "each"}], '{"a":[1]}'),
    ([{"path": "$.a[*][1]", "bind": [], "occurs": "each"}], '{"a":[[1,2],[1]]}'),
    ([{"path": "$.a.*.*.b", "bind": [], "occurs": "each"}], '{"a":{"x":{"y":{"b":1}},"z":{}}}'),
    ([{"path": "$.a[*,0].b", "bind": [], "occurs": "each"}], '{"a":[{"b":1}]}'),
    ([{"path": "$.a[*].b['c','d']", "bind": [], "occurs": "each"}], '{"a":[{"b":{"c":1}}]}'),
    ([{"path": "$.a..*", "bind": [], "occurs": "each"}], '{"a":[1]}'),
    ([{"path": "$.a", "bind": [], "occurs": "each"}], '{"a":[1]}'),
    ([{"path": "$..a", "bind": []}], '{"a":{"a":1}}'),
    ([{"path": "$..a", "bind": []}, {"path": "$.b.*", "bind": []}], '{"b":{"a":1}}'),
    ([RULE_A, {"path": "$.a.b", "bind": []}], '{"a":{"b":1}}'),
    ([RULE_A, {"path": "$['a']", "bind": []}], '{"a":{"b":1}}'),
    ([RULE_A | {"types": ["integer"]}], '{"a":1.0}'),
    ([RULE_A | {"types": ["integer"]}], '{"a":-1}'),
    ([RULE_A | {"types": ["integer"]}], '{"a":1e2}'),
    ([RULE_A | {"types": ["number"]}], '{"a":-0}'),
    ([{"path": "$.*", "bind": [], "types": ["number"]}], '{"a":1,"b":"as1.x","c":"x"}'),
    ([{"path": "$.*", "bind": [], "types": ["number"]}], '{"a":"x","b":"as1.x"}'),
    ([RULE_A | {"padding": {"multiple": 65536}}], '{"a":1}'),
    ([RULE_A | {"padding": {"multiple": 65537}}], '{"a":1}'),
    ([RULE_A | {"padding": {"multiple": 0}}], '{"a":1}'),
    ([RULE_A | {"movable": False}], '{"a":1}'),
    ([RULE_A | {"keys": ["_"]}], '{"a":1}'),
    ([RULE_A | {"keys": ["k1", "k1"]}], '{"a":1}'),
    ([RULE_A | {"keys": []}], '{"a":1}'),
    ([RULE_A | {"mask": {"keep_last": 0}}], '{"a":1}'),
    ([RULE_A | {"migrate": {"accept_plain": True, "until": "2027-02-29"}, "types": ["number"]}], '{"a":1}'),
    ([RULE_A | {"migrate": {"accept_plain": True, "until": "2028-02-29"}, "types": ["number"]}], '{"a":1}'),
    ([RULE_A | {"migrate": {"accept_plain": False, "until": "2028-02-29"}, "types": ["number"]}], '{"a":1}'),
    ([RULE_A | {"migrate": {"accept_plain": True, "until": "2028-02-29"}}], '{"a":1}'),
    ([RULE_A | {"migrate": {"accept_plain": True, "until": "2028-02-29"}, "types": ["string"]}], '{"a":1}'),
    ([{"path": "$.a", "position": "named", "label": "x", "bind": []}, {"path": "$.b", "position": "named", "label": "x", "bind": []}], '{"a":1,"b":2}'),
    ([{"path": "$..a", "position": "named", "label": "x", "bind": [], "movable": True}], '{"a":1,"b":2}'),
    ([{"path": "$..a", "position": "named", "label": "x", "bind": [{"label": "y", "path": "$.b"}], "movable": True}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "position": "named", "label": "x", "bind": [{"label": "x", "path": "$.b"}]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "position": "named", "label": "x", "bind": ["$.b"]}], '{"a":1,"b":2}'),
    ([{"path": "$.a", "position": "named", "label": "x", "bind": [{"label": "y", "path": "$.b"}, {"label": "z", "path": "$.b"}]}], '{"a":1,"b":2}'),
    ([{"path": "$.a[0]", "position": "named", "label": "n" * 1024, "bind": []}], '{"a":[1]}'),
    ([{"path": "$.a[0]", "position": "named", "label": "n" * 1025, "bind": []}], '{"a":[1]}'),
    ([{"path": "$.a[?@.k=='x'].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1},{"k":"y","v":2}]}'),
    ([{"path": "$.a[?@.v==1].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?@..k].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?@.k=='x' || @.v==2].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?!@.z]", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?@.v.z || @.k].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?length(@)==2].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?count(@.*)==2].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}]}'),
    ([{"path": "$.a[?$.b==1].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":"x","v":1}],"b":1.0}'),
    ([{"path": "$.a[?@.k==9007199254740993].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":9007199254740992,"v":1}]}'),
    ([{"path": "$.a[?@.k==1e999].v", "bind": [], "selection": "unauthenticated"}], '{"a":[{"k":1e400,"v":1},{"k":1,"v":2}]}'),
    ([{"path": "$.a[?1==2]", "bind": [], "selection": "unauthenticated", "occurs": "optional"}, {"path": "$.b", "bind": []}], '{"a":[1],"b":1}'),
    ([RULE_A | {"bind": ["$.b"], "types": ["number"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}], '{"a":1}'),
    ([RULE_A | {"types": ["number"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}], '{"a":"x"}'),
    ([RULE_A | {"types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}], '{"a":"as1r.x"}'),
    # whole policies of layout D, document
    ({"bind": ["$"], "rules": [{"path": "$.*"}]}, '{"a":1,"b":{"_seal":2}}'),
    ({"bind": ["$"], "rules": [{"path": "$"}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$._seal.a"}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$['a','_seal']"}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.._seal"}]}, '{"a":1,"b":{"_seal":1}}'),
    ({"bind": ["$", "$.a"], "rules": [{"path": "$.a"}]}, '{"a":1}'),
    ({"bind": ["$._seal"], "rules": [{"path": "$.a"}]}, '{"a":1}'),
    ({"bind": ["$.b"], "rules": [{"path": "$.a"}]}, '{"a":1}'),
    ({"bind": ["$.b"], "rules": [{"path": "$.a", "types": ["number"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "types": ["number"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":"x"}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":"as1r.x"}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":"x","b":"as1f.x"}'),
    ({"bind": ["$"], "rules": [{"path": "$.*", "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":1,"b":"as1.x"}'),
    ({"bind": ["$"], "rules": [{"path": "$.*", "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}]}, '{"a":"as1.x","b":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "types": ["string"], "migrate": {"accept_plain": True, "until": "2099-01-01"}}, {"path": "$.b"}]}, '{"a":"x","b":1}'),
    ({"bind": ["$.b.c"], "rules": [{"path": "$.a.*", "occurs": "optional"}]}, '{"b":{"c":1}}'),
    ({"bind": ["$.a"], "rules": [{"path": "$.a.*", "occurs": "optional"}]}, '{"a":{"c":1}}'),
    ({"bind": ["1/b"], "rules": [{"path": "$.a"}]}, '{"a":1,"b":2}'),
    ({"bind": ["$"], "rules": [{"path": "$.a"}]}, '{"a":1,"_seal":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a"}]}, "[1]"),
    ({"bind": ["$"], "rules": [{"path": "$.a", "movable": False, "position": "exact"}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "bind": []}]}, '{"a":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@.k=='x'].v", "selection": "unauthenticated"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'x|[')].v"}, {"path": "$.b"}]}, '{"a":[{"k":"x","v":1}],"b":1}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'x.')].v"}]}, '{"a":[{"k":"x\\n","v":1},{"k":"xy","v":1},{"k":"axy","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?search(@.k,'[^a-c]{2}')].v"}]}, '{"a":[{"k":"abdd","v":1},{"k":"abc","v":1},{"k":1,"v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@[ 'k' ]==1].v"}]}, '{"a":[{"k":1,"v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@ .k==1].v"}]}, '{"a":[{"k":1,"v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?length(@[ 'k'])==1].v"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@[ 'k' ]].v"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$[ 'b' ]"], "rules": [{"path": "$[ 'a' ]"}]}, '{"a":1,"b":2}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,1)].v"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,@.p)].v"}]}, '{"a":[{"k":"x","v":1,"p":"[x"},{"k":"x","v":1,"p":"[x]"}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'x{2,1}')].v", "occurs": "optional"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'^x$')].v", "occurs": "optional"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'\\\\d')].v", "occurs": "optional"}]}, '{"a":[{"k":"1","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'')].v", "occurs": "optional"}]}, '{"a":[{"k":"","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?match(@.k,'[-a]\\\\p{Nd}')].v"}]}, '{"a":[{"k":"-1","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@.k=='x' || @.v==1].v"}]}, '{"a":[{"k":"x","v":1},{"k":"x","v":2}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?!@.v.z].v"}]}, '{"a":[{"k":"x","v":{}}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?!@.v].w"}, {"path": "$.a[*].v.z", "occurs": "optional"}]}, '{"a":[{"k":"x","w":{}}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[?@[?@=='x']].v"}]}, '{"a":[{"k":"x","v":1}]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a[-1]"}]}, '{"a":[1,2]}'),
    ({"bind": ["$.b"], "header": "b", "rules": [{"path": "$.a[-1]"}]}, '{"a":[1,2]}'),
    ({"bind": [], "header": "", "rules": [{"path": "$.a[-1]"}]}, '{"a":[1,2]}'),
    ({"bind": [], "header": "a\\u0000\U0001f600", "rules": [{"path": "$.a[-1]"}]}, '{"a":[1,2]}'),
    ({"bind": ["$"], "rules": [{"path": "$.a", "keys": ["k1"]}, {"path": "$.none", "occurs": "optional", "keys": ["k2"]}]}, '{"a":1}'),
]


@pytest.mark.parametrize("entry, document", LISTED, ids=range(len(LISTED)))
def test_listed(peer: Peer, entry: dict | list, document: str) -> None:
    report = Report(peer)
    policy = {"apiseal_policy": 1, "id": "p"} | ({"rules": entry} if isinstance(entry, list) else {"layout": "document"} | entry)
    case = plain_case(policy, document)
    mine, theirs = here("encrypt", case), peer.call("encrypt", case)
    if mine[0] == theirs[0] == "ok":
        mine, theirs = here("decrypt", replace(case, document=theirs[1])), peer.call("decrypt", replace(case, document=mine[1]))
        assert mine == ("ok", case.document)
    report.check("listed", case, mine, theirs)
    report.check("plain", case, here("decrypt", case), peer.call("decrypt", case))
    report.finish()


@pytest.mark.parametrize(
    "document",
    [
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":1,}',
        b'{"a":1}//',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\xff"}',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":{"x":1,"x":1}}',
        b'{"a":01}',
        b'{"a":1.}',
        b'{"a":.5}',
        b'{"a":+1}',
        b'{"a":1e}',
        b'{"a":"\t"}',
        b'{"a":"\\x41"}',
        b"{'a':1}",
        b"{} {}",
        b"",
        b" ",
        b'{"a"',
        b'{"a":1',
        b'{"a":1}\x0c',
        b'{"a":1}\xc2\xa0',
        b'{"a":' + b"[" * 127 + b"]" * 127 + b"}",
        b'{"a":' + b"[" * 128 + b"]" * 128 + b"}",
        b'{"a":"\\u0000\xef\xbf\xbf\xf4\x8f\xbf\xbf"}',
        b'{"a":"\xf4\x90\x80\x80"}',
        b'{"a":tru}',
        b'{"a":"\\uD83D\\uDE00","\\ud83d\\ude00":1,"\xf0\x9f\x98\x81":2}',
    ],
)
def test_json_input(peer: Peer, document: bytes) -> None:
    report = Report(peer)
    case = replace(plain_case({"apiseal_policy": 1, "id": "p", "rules": [RULE_A]}), document=document)
    for op in ("encrypt", "decrypt"):
        report.check(op, case, kind_of(here(op, case)), kind_of(peer.call(op, case)))
    report.finish()
