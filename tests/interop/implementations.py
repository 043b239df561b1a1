"""Three implementations of RFC 9421 that sign and verify the same described messages.

Each has `sign(case)`, which gives the header lines to be added, and `verify(case, lines)`, which gives nothing or raises Refused.
"""

from __future__ import annotations

import base64
import datetime
import json
import subprocess
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureComponentResolver,
    HTTPSignatureKeyResolver,
    algorithms,
)

from cases import KEYID, NOW, Case, Message

Lines = list[list[str]]
SECRETS = {"hmac-sha256": bytes(range(32)), "ed25519": bytes([7] * 32), "ecdsa-p256-sha256": bytes([5] * 32)}


class Refused(Exception):
    """An implementation does not sign or does not accept the message."""


def private_key(alg: str):
    if alg == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(SECRETS[alg])
    return ec.derive_private_key(int.from_bytes(SECRETS[alg], "big"), ec.SECP256R1())


class Program:
    """A program that answers one JSON text a line with one."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        assert self.process.wait(10) == 0

    def ask(self, question: dict) -> object:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the program ended at {question}"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer.get("text") or answer["error"])
        return answer["ok"]


class Ours(Program):
    name = "apiseal"

    def describe(self, case: Case, lines: Lines) -> dict:
        message = case.message.json()
        message["headers"] = message["headers"] + lines
        return {
            "alg": case.alg,
            "secret": SECRETS[case.alg].hex(),
            "keyid": KEYID,
            "label": case.label,
            "components": case.components,
            "nonce": case.nonce is not None,
            "now": NOW,
            "message": message,
        }

    def sign(self, case: Case) -> Lines:
        return self.ask({"op": "http_sign"} | self.describe(case, []))

    def verify(self, case: Case, lines: Lines) -> None:
        self.ask({"op": "http_verify"} | self.describe(case, lines))


class Npm(Program):
    """npm http-message-signatures, in a node process of its own."""

    name = "npm"

    def __init__(self, script: str) -> None:
        super().__init__("node", script)

    def describe(self, case: Case, lines: Lines) -> dict:
        message = case.message.json()
        message["headers"] = message["headers"] + lines
        if case.alg == "hmac-sha256":
            key = {"secret": base64.b64encode(SECRETS[case.alg]).decode()}
        else:
            pem = private_key(case.alg).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            key = {"pem": pem.decode()}
        return {
            "alg": case.alg,
            "key": key,
            "keyid": KEYID,
            "label": case.label,
            "components": case.components,
            "nonce": case.nonce,
            "tag": case.tag,
            "created": NOW,
            "message": message,
        }

    def sign(self, case: Case) -> Lines:
        return self.ask({"op": "sign"} | self.describe(case, []))

    def verify(self, case: Case, lines: Lines) -> None:
        self.ask({"op": "verify"} | self.describe(case, lines))


class HeaderLines:
    """Header lines in their order, as the package's resolver takes them."""

    def __init__(self, lines: Lines) -> None:
        self.lines = [list(line) for line in lines]

    def items(self):
        return [(name, value) for name, value in self.lines]

    def __iter__(self):
        return iter(dict.fromkeys(name for name, _ in self.lines))

    def __contains__(self, name: str) -> bool:
        return any(own.lower() == name.lower() for own, _ in self.lines)

    def __setitem__(self, name: str, value: str) -> None:
        self.lines.append([name, value])

    def __delitem__(self, name: str) -> None:
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]


@dataclass
class Request:
    method: str
    url: str
    headers: HeaderLines


@dataclass
class Response:
    status_code: int
    headers: HeaderLines
    request: Request


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, alg: str) -> None:
        self.alg = alg

    def resolve_private_key(self, key_id: str):
        return SECRETS[self.alg] if self.alg == "hmac-sha256" else private_key(self.alg)

    def resolve_public_key(self, key_id: str):
        return SECRETS[self.alg] if self.alg == "hmac-sha256" else private_key(self.alg).public_key()


ALGORITHMS = {
    "hmac-sha256": algorithms.HMAC_SHA256,
    "ed25519": algorithms.ED25519,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
}


class Pypi:
    """PyPI http-message-signatures, in this process."""

    name = "pypi"

    @staticmethod
    def view(message: Message, lines: Lines) -> Request | Response:
        headers = HeaderLines(message.headers + lines)
        if message.status is None:
            return Request(message.method, message.url, headers)
        return Response(message.status, headers, Pypi.view(message.request, []))

    def sign(self, case: Case) -> Lines:
        view = self.view(case.message, [])
        signer = HTTPMessageSigner(
            signature_algorithm=ALGORITHMS[case.alg],
            key_resolver=Keys(case.alg),
            component_resolver_class=HTTPSignatureComponentResolver,
        )
        try:
            signer.sign(
                view,
                key_id=KEYID,
                created=datetime.datetime.fromtimestamp(NOW),
                nonce=case.nonce,
                label=case.label,
                tag=case.tag,
                include_alg=case.state_alg,
                covered_component_ids=case.components,
                use_existing_digest="Content-Digest" in view.headers,
            )
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        return view.headers.lines[len(case.message.headers) :]

    def verify(self, case: Case, lines: Lines) -> None:
        verifier = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[case.alg], key_resolver=Keys(case.alg))
        try:
            results = verifier.verify(self.view(case.message, lines), max_age=None)
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        assert [result.parameters["keyid"] for result in results] == [KEYID]
