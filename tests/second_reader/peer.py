"""The other implementation, asked over a pipe: the program in APISEAL_EXCHANGE."""

from __future__ import annotations

import base64
import json
import subprocess

from apiseal_reader.crypto import SUITE_NAMES
from generator import Case

Outcome = tuple[str, object]  # ("ok", value) or ("error", name)


class Peer:
    """The other implementation, one JSON text a line in each direction."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.codes: dict[str, set[int]] = {}
        self.text = ""  # what the last error said, for reports

    def ask(self, request: dict) -> Outcome:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the peer ended at {request}"
        reply = json.loads(line)
        if "error" not in reply:
            return "ok", reply["ok"]
        self.text = reply.get("text", "")
        self.codes.setdefault(reply["error"], set()).add(reply["code"])
        return "error", reply["error"]

    def call(self, op: str, case: Case) -> Outcome:
        keys = [
            {
                "kid": key.kid,
                "suite": SUITE_NAMES[key.suite],
                "secret": key.secret.hex(),
                "state": key.state,
                "scope": key.scope,
                "primary": key.kid in case.primaries,
            }
            for key in case.keys
        ]
        document = base64.b64encode(case.document).decode()
        request = {"op": op, "policy": case.policy, "context": case.context, "now": case.now, "keys": keys}
        kind, value = self.ask(request | {"document": document})
        return kind, base64.b64decode(value, validate=True) if kind == "ok" else value
