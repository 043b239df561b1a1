"""Random documents, policies, rings, contexts and mutations for the exchange with another implementation."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from random import Random

from apiseal_reader import Key, Refused, Ring, crypto
from apiseal_reader.crypto import Location, b64
from apiseal_reader.policy import related
from apiseal_reader.strict_json import Node, canonical, parse, walk

NOW = 1_800_000_000
NAMES = ["a", "b", "id", "kind", "ssn", "pan", "items", "", "\u00e9", "e\u0301", "\U0001f600", "a:b", "0", "1", "~", "/"]
NAMES += ["a/b~c", "'", "\\", '"', "_seal", "\0", "x y", "$", "@", "\ufb33", "\uffff", "-", "\u2028", "\n"]
NUMBERS = ["0", "-0", "0.0", "0e99", "1", "1.0", "1.10", "-1", "42", "1E2", "1e+2", "1e400", "-1e400", "1e-400", "5e-324"]
NUMBERS += ["9007199254740992", "9007199254740993", "123456789012345678901234567890", "3.141592653589793238", "1e21", "1e20"]
NUMBERS += ["0.0000001", "0.000001", "10e99999999999999999999", "0.1e-99999999999999999999", "-123.4500e-2", "1e0000005"]
NUMBERS += ["1.7976931348623157e308", "1.7976931348623159e308", "2.2250738585072011e-308", "4.35", "0.1e1", "100e-2", "4503599627370496.5"]
STRINGS = ["", "card", "x", "078-05-1120", "\U0001f600\ud7ff", "as1", "as1.", "as1f.", "AS1.x", "as2.x", "as1d.k1.", "as1r.x", "\0\x1f\x7f"]
STRINGS += ["true", "0", "o-1", "line\nbreak", "\u00e9", "a" * 31, "b" * 300, "\uffff"]
TYPES = ["string", "number", "integer", "boolean", "null", "object", "array"]
STATES = ["active"] * 8 + ["decrypt-only", "disabled"]
SCALAR_KINDS = {"string", "number", "boolean", "null"}


@dataclass(frozen=True)
class Case:
    """One call, as both sides receive it."""

    policy: dict
    context: dict[str, str]
    keys: list[Key]
    primaries: frozenset[str]
    now: int
    document: bytes = b""

    @property
    def ring(self) -> Ring:
        return Ring(self.keys, {"seal": [key.kid for key in self.keys if key.kid in self.primaries]})

    @property
    def is_document_layout(self) -> bool:
        return self.policy.get("layout") == "document"


class Maker:
    def __init__(self, seed: object) -> None:
        self.random = Random(str(seed))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, things):
        return self.random.choice(list(things))

    def case(self) -> Case:
        layout = self.pick(["token", "document"])
        document = self.document(layout)
        root = parse(document.encode())
        context = self.context()
        keys = self.keys(context)
        primaries = frozenset(key.kid for key in keys if self.chance(0.15)) | {keys[0].kid}
        if self.chance(0.04):
            primaries = frozenset()
        case = Case({}, context, keys, primaries, NOW, document.encode())
        try:
            case.ring
        except Refused:  # mostly valid rings
            case = replace(case, primaries=frozenset({keys[0].kid}))
        return replace(case, policy=self.policy(root, layout, keys))

    # Documents

    def space(self) -> str:
        return self.pick(["", "", "", "", " ", "\n", "\t\r\n ", "  "])

    def string(self, value: str) -> str:
        if self.chance(0.6):
            return json.dumps(value, ensure_ascii=False)
        out = ""
        for unit in value:
            escaped = json.dumps(unit)[1:-1]
            if self.chance(0.3) and ord(unit) < 0x10000:
                escaped = f"\\u{ord(unit):04x}" if self.chance(0.5) else f"\\u{ord(unit):04X}"
            elif self.chance(0.3):
                escaped = json.dumps(unit, ensure_ascii=False)[1:-1]
            elif unit == "/" and self.chance(0.5):
                escaped = "\\/"
            out += escaped
        return f'"{out}"'

    def number(self) -> str:
        if self.chance(0.6):
            return self.pick(NUMBERS)
        digits = "".join(self.pick("0123456789") for _ in range(self.pick([1, 2, 17, 18, 30])))
        text = ("-" if self.chance(0.3) else "") + (digits.lstrip("0") or "0")
        text += "." + self.pick(["0", "5", "10", "000", digits]) if self.chance(0.4) else ""
        return text + (self.pick("eE") + self.pick(["", "+", "-"]) + str(self.random.randrange(330)) if self.chance(0.4) else "")

    def scalar(self) -> str:
        kind = self.random.randrange(10)
        if kind < 4:
            return self.string(self.pick(STRINGS[:5] + STRINGS) if self.chance(0.7) else self.pick(NAMES))
        return self.number() if kind < 8 else self.pick(["true", "false", "null"])

    def container(self, parts: list[str], brackets: str) -> str:
        inside = ",".join(self.space() + part + self.space() for part in parts)
        return brackets[0] + (inside or self.space()) + brackets[1]

    def object(self, depth: int, names: list[str]) -> str:
        parts = [f"{self.string(name)}{self.space()}:{self.space()}{self.value(depth - 1)}" for name in names]
        return self.container(parts, "{}")

    def names(self, count: int) -> list[str]:
        return self.random.sample(NAMES[:7] * 3 + NAMES, count) if count < 2 else list(
            dict.fromkeys(self.random.sample(NAMES[:7] * 3 + NAMES, count))
        )

    def value(self, depth: int) -> str:
        kind = self.random.random() if depth > 0 else 1
        if kind < 0.2:
            return self.object(depth, self.names(self.random.randrange(5)))
        if kind < 0.32:
            return self.container([self.value(depth - 1) for _ in range(self.random.randrange(4))], "[]")
        if kind < 0.5:  # similar records
            names = self.names(self.pick([2, 3, 4]))
            return self.container([self.object(depth - 1, names) for _ in range(self.pick([1, 2, 3]))], "[]")
        return self.scalar()

    def document(self, layout: str) -> str:
        if self.chance(0.04):
            return self.space() + self.value(3) + self.space()
        if self.chance(0.03):
            levels = self.pick([126, 127, 128, 129]) - 1
            deep = '{"a":' + "[" * levels + "]" * levels + "}"
            return deep if levels < 128 else '{"a":1}'
        names = [name for name in self.names(self.pick([0, 1, 3, 5, 7, 7, 8])) if name != "_seal" or self.chance(0.1)]
        return self.space() + self.object(4, names) + self.space()

    # Policies

    def policy(self, root: Node, layout: str, keys: list[Key]) -> dict:
        places = list(walk(root))
        policy: dict = {"apiseal_policy": 1, "id": self.pick(["p.1", "\u00e9"]), "rules": []}
        if layout == "document" or self.chance(0.3):
            policy["layout"] = layout
        if self.chance(0.1):
            policy["unselected"] = "keep"
        chosen: list[Location] = []
        for _ in range(self.pick([1, 1, 2, 3])):
            place, node = self.pick(places)
            if (not place and not self.chance(0.2)) or (any(related(place, c) for c in chosen) and self.chance(0.97)):
                continue
            chosen.append(place)
            policy["rules"].append(self.rule(root, places, place, node, layout, keys))
        if not policy["rules"]:
            policy["rules"].append({"path": "$.none", "occurs": "optional"} | ({"bind": []} if layout == "token" else {}))
        if layout == "document":
            free = [place for place, _ in places if place and not any(related(place, c) for c in chosen)]
            binds = [self.path(place) for place in self.random.sample(free, min(len(free), self.pick([0, 1, 2])))]
            policy["bind"] = self.pick([["$"], [], binds])
            if self.chance(0.2):
                policy["header"] = self.pick(["h", "\u00e9", '"\\', "x\0y", "_seal", "\U0001f600"])
        return policy

    def rule(self, root: Node, places: list, place: Location, node: Node, layout: str, keys: list[Key]) -> dict:
        rule: dict = {}
        mode = self.pick(["exact", "exact", "elements", "named"]) if layout == "token" else "exact"
        general = (mode == "exact" and self.chance(0.5)) or mode == "elements"
        filters = layout == "document" or self.chance(0.1)
        rule["path"], dependent = self.general_path(root, place, filters) if general else (self.path(place), False)
        if mode != "exact" or self.chance(0.2):
            rule["position"] = mode
        if layout == "token":
            rule["bind"] = self.binds(places, place, mode)
            if dependent and self.chance(0.97):
                rule["selection"] = "unauthenticated"
        if mode == "named":
            rule["label"] = self.pick(["ssn", "patient.notes", "\u00e9", "l1"])
        if mode != "exact" and self.chance(0.6):
            rule["movable"] = True
        rule["occurs"] = self.occurs(rule["path"])
        if rule["occurs"] == "required" and self.chance(0.5):
            del rule["occurs"]
        if self.chance(0.3):
            rule["types"] = self.random.sample(TYPES, 6) if self.chance(0.7) else [self.type_of(node)]
            if self.chance(0.4):
                rule["migrate"] = {"accept_plain": True, "until": self.pick(["2027-01-15", "2027-01-16", "2099-02-28"])}
        if self.chance(0.4):
            kids = [key.kid for key in keys] + ["absent"]
            rule["keys"] = "any" if self.chance(0.4) else self.random.sample(kids, self.random.randint(1, len(kids)))
        if self.chance(0.3):
            rule["padding"] = self.pick(["default", "none", {"multiple": 2}, {"multiple": 7}, {"multiple": 4096}])
        if self.chance(0.15):
            rule["nested"] = self.chance(0.8)
        if self.chance(0.1):
            rule["mask"] = self.pick(["remove", {"keep_last": 4}])
        return rule

    def type_of(self, node: Node) -> str:
        return "integer" if node.kind == "number" and self.chance(0.5) else node.kind

    def occurs(self, path: str):
        if "*" in path and self.chance(0.3):
            return "each"
        count = self.pick([1, 1, 1, 2])
        return self.pick(["required"] * 4 + ["optional"] * 3 + [{"exactly": count}, {"at_least": count}])

    def quoted(self, name: str) -> str:
        if self.chance(0.5):
            body = json.dumps(name, ensure_ascii=self.chance(0.5))[1:-1].replace("\\u007f", "\x7f")
            return f'"{body}"'
        body = json.dumps(name, ensure_ascii=self.chance(0.5))[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{body}'"

    def step(self, step: str | int) -> str:
        space = self.pick(["", "", "", "", " "])
        if isinstance(step, int):
            return f"[{space}{step}{space}]"
        if step.isidentifier() and step.isascii() and self.chance(0.7):
            return f".{step}"
        return f"[{space}{self.quoted(step)}{space}]"

    def path(self, place: Location) -> str:
        return "$" + "".join(self.pick(["", "", "", "", " "]) + self.step(step) for step in place)

    def general_path(self, root: Node, place: Location, filters: bool) -> tuple[str, bool]:
        out, node, dependent = "$", root, False
        for step in place:
            child = node.step(step)
            choice = self.random.random()
            if filters and choice < 0.25 and child.kind == "object":
                out, dependent = out + f"[?{self.filter(child)}]", True
            elif filters and choice < 0.3 and isinstance(step, int):
                out, dependent = out + f"[{step - len(node.items)}]", True
            elif isinstance(step, int) and choice < 0.7:
                out += self.pick(["[*]", "[*]", "[*]", ".*", f"[{step}:]", f"[:{step + 1}]", "[::1]", f"[0,{step}]", "[::2]"])
            elif choice > 0.97:
                out += self.pick(["[*]", ".*"])
            elif isinstance(step, str) and choice > 0.92:
                out += f"..[{self.quoted(step)}]"
            elif isinstance(step, str) and choice > 0.87:
                out += f"[{self.quoted(step)},{self.quoted(self.pick(NAMES))}]"
            else:
                out += self.step(step)
            node = child
        return out, dependent

    def filter(self, node: Node) -> str:
        member = self.pick(node.members) if node.members else None
        query = "@" + self.step(member.name if member else "kind")
        if member and member.node.kind in SCALAR_KINDS and member.node.text != "":
            literal = self.quoted(member.node.text) if member.node.kind == "string" else member.node.text
        else:
            literal = "1"
        test = self.pick(
            [
                query,
                f"!{query}",
                f"{query} == {literal}",
                f"{literal} <= {query}",
                f"{query}!={self.pick(['1', 'null', 'true', '1e1'])}",
                f"length({query})>0",
                f"count(@.*) >= {len(node.members)}",
                f"match({query},'[a-z0-9\\\\-]*')",
                f"search( {query} , '\\\\p{{L}}' )",
                f"value(@..kind)=={literal}",
                f"$.id == {query}",
                "@.*",
                "@..id",
                f"@[?@ == {literal}]",
            ]
        )
        if self.chance(0.25):
            other = self.filter(node)
            return self.pick([f"({test}) && {other}", f"{test} || ({other})", f"!({test}) || {other}"])
        return test

    def binds(self, places: list, place: Location, mode: str) -> list:
        free = [other for other, _ in places if other and not related(other, place)]
        binds: list = []
        for other in self.random.sample(free, min(len(free), self.pick([0, 1, 1, 2]))):
            if mode == "named":
                binds.append({"label": f"b{len(binds)}", "path": self.path(other)})
            elif self.chance(0.5) and (mode == "exact" or not any(isinstance(step, int) for step in other)):
                binds.append(self.path(other))
            else:
                shared = next(i for i in range(len(place) + 1) if place[: i + 1] != other[: i + 1])
                tokens = [str(step).replace("~", "~0").replace("/", "~1") for step in other[shared:]]
                binds.append(f"{len(place) - shared}/" + "/".join(tokens))
        if binds and self.chance(0.03):
            binds.append(self.pick(["1/none", "$.none", "9/x", "1/-", "0/x", "1", "1/~2"]))
        return binds

    # Contexts and rings

    def context(self) -> dict[str, str]:
        pairs = [("purpose", "users"), ("tenant", "acme"), ("region", ""), ("\u00e9", "\U0001f600"), ("z", "z" * 100)]
        context = dict([pairs[0]] + self.random.sample(pairs[1:], self.random.randrange(4)))
        if self.chance(0.03):
            context |= self.pick([{"": "x"}, {"apiseal.x": "1"}, {"long": "y" * 1025}, {"n" * 1025: ""}])
        if self.chance(0.02):
            del context["purpose"]
        return context

    def keys(self, context: dict[str, str]) -> list[Key]:
        keys = []
        for i in range(self.pick([1, 1, 2, 3, 4])):
            pairs = sorted((name, value) for name, value in context.items() if len(name) < 20 and len(value) < 200)
            pairs = [pair for pair in pairs if pair[0] and not pair[0].startswith("apiseal.")]
            scope = dict(self.random.sample(pairs, self.random.randint(0, min(2, len(pairs)))))
            if self.chance(0.1):
                scope["other"] = "x"
            if i == 0 and self.chance(0.7):
                scope = {}
            state = "active" if i == 0 and self.chance(0.9) else self.pick(STATES)
            kid = self.pick(["k", "K-", "_", "x" * 20]) + str(i)
            keys.append(Key(kid, self.random.randbytes(32), self.pick([1, 2]), "seal", state, scope))
        return keys

    # Mutations

    def mutated_policy(self, policy: dict) -> dict:
        """The policy with one place of its JSON changed."""
        policy = copy.deepcopy(policy)
        spots = []

        def visit(value: object) -> None:
            for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
                spots.append((value, key))
                visit(value[key])

        visit(policy)
        holder, key = self.pick(spots)
        change = self.random.randrange(4)
        if change == 0:
            del holder[key]
        elif change == 1:
            holder[key] = self.pick([None, True, 1, 0, 1.0, "", "$", "$.a", "each", [], {}, ["$"], {"exactly": 0}, "any", "named"])
        elif change == 2:
            target = holder if isinstance(holder, dict) else policy
            name = self.pick(["header", "bind", "label", "movable", "selection", "unknown", "position", "keys", "migrate", "mask"])
            target[name] = self.pick([True, False, "unauthenticated", "h", [], ["$.id"], {"keep_last": 0}, "exact", "elements"])
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = [holder[key], holder[key]]
        return policy

    def mutated(self, case: Case) -> Case:
        """An encrypted document, or what surrounds it, with something changed."""
        change = self.random.randrange(24)
        if change == 0:
            name = self.pick(case.context)
            return replace(case, context=case.context | {name: case.context[name] + "x"})
        if change == 1:
            return replace(case, context=case.context | {"more": ""})
        if change == 2:
            return replace(case, keys=[replace(k, secret=self.random.randbytes(32)) for k in case.keys])
        if change == 3:
            state = self.pick(["decrypt-only", "disabled"])
            return replace(case, keys=[replace(k, state=state) for k in case.keys])
        if change == 4:
            return replace(case, keys=[replace(k, suite=3 - k.suite) for k in case.keys])
        if change == 5:
            keys = [replace(k, kid="n" + k.kid) for k in case.keys[:1]] + case.keys[1:]
            return replace(case, keys=keys, primaries=frozenset(k.kid for k in keys[:1]))
        if change == 6:
            return replace(case, now=NOW + self.pick([-1, 1]) * 10**8)
        return replace(case, document=self.mutated_document(case.document))

    def mutated_document(self, document: bytes) -> bytes:
        text = document.decode()
        root = parse(document)
        nodes = [node for _, node in walk(root)]
        strings = [node for node in nodes if node.kind == "string" and node.text.startswith("as1")] or nodes
        one, other, victim = self.pick(strings), self.pick(strings), self.pick(nodes)

        def with_text(node: Node, new: str) -> str:
            return text[: node.start] + new + text[node.end :]

        change = self.random.randrange(17)
        if change == 0:  # swap
            first, last = sorted((one, other), key=lambda node: node.start)
            if first.end > last.start:
                return document
            middle = text[first.end : last.start]
            new = text[: first.start] + text[last.start : last.end] + middle + text[first.start : first.end] + text[last.end :]
            return new.encode()
        if change == 1:  # copy
            return with_text(victim, text[one.start : one.end]).encode()
        if change == 2:  # escapes and nothing else
            escaped = "".join(f"\\u{ord(c):04x}" if self.chance(0.2) and ord(c) < 65536 else c for c in one.text)
            return with_text(one, json.dumps(one.text) if '"' in escaped or one is victim else f'"{escaped}"').encode(
                "utf-8", "replace"
            )
        if change in (3, 4, 5) and one.kind == "string":  # one bit of a body
            prefix, dot, body = one.text.rpartition(".")
            data = bytearray(crypto.unb64(body) or b"?")
            data[self.random.randrange(min(len(data), self.pick([2, 26, 58, 1000])))] ^= 1 << self.random.randrange(8)
            return with_text(one, json.dumps(f"{prefix}{dot}{b64(bytes(data))}")).encode()
        if change == 6 and one.kind == "string":  # one character
            at = self.random.randrange(len(one.text) + 1)
            return with_text(one, json.dumps(one.text[:at] + self.pick(["", ".", "=", "A", "_", "+"]) + one.text[at + 1 :])).encode()
        if change == 7:
            return with_text(victim, self.scalar()).encode()
        if change == 8:  # other order and spelling
            return canonical(root).encode()
        if change in (9, 10, 11):
            holders = [node for node in nodes if node.members]
            if not holders:
                return document
            holder = self.pick(holders)
            member = self.pick(holder.members)
            if change == 9:  # delete
                start, end = member.start, member.comma + 1 if member.comma >= 0 else member.node.end
                if member.comma < 0 and len(holder.members) > 1:
                    start = holder.members[-2].comma
                return (text[:start] + text[end:]).encode()
            name = self.string(member.name if change == 10 else self.pick(NAMES))
            return (text[: holder.start + 1] + f"{name}:{self.scalar()}," + text[holder.start + 1 :]).encode()
        if change == 12:
            return self.pick([b"\xef\xbb\xbf" + document, document + b"\0", document + b",", document[:-1], b"", document + b"\xff"])
        if change == 13:  # wrap in an element more
            return with_text(victim, f"[{text[victim.start : victim.end]}]").encode()
        if change == 14:  # a body of another kind
            body = self.random.randbytes(self.pick([1, 20, 21, 60, 74, 75, 94, 120]))
            head = bytes([self.pick([1, 2, 3, 0x20]), self.pick([1, 2, 3, 4, 0x11, 0x13, 0x21, 0x22])])
            string = self.pick(["as1.k0.", "as1.", "as1d.k0.", "as1f.", "as1r.k0.", "as1._.", "as1.é."]) + b64(head + body)
            return with_text(self.pick([one, victim]), json.dumps(string)).encode()
        return with_text(victim, self.pick([text[one.start : one.end], "null", '"as1.x"', '"x"', "{}", "[]"])).encode()
