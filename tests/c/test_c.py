"""The C ABI does what the shared vectors say, and exchanges documents, keyrings and signatures with the core.

The driver (driver.c) works through the ABI alone; `APISEAL_C_DRIVER` is its path, `APISEAL_EXCHANGE` that of the program
that speaks for the core.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "vectors"


def load(name: str) -> dict:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


class Refused(Exception):
    """The driver answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Driver:
    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words: object) -> list[bytes]:
        strings = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        frame = struct.pack("<I", len(strings)) + b"".join(struct.pack("<I", len(s)) + s for s in strings)
        self.process.stdin.write(frame)
        self.process.stdin.flush()
        count = self.number()
        answer = [self.process.stdout.read(self.number()) for _ in range(count)]
        if answer[0] == b"error":
            raise Refused(int(answer[1]), answer[2].decode())
        assert answer[0] == b"ok", answer
        return answer[1:]

    def number(self) -> int:
        data = self.process.stdout.read(4)
        assert len(data) == 4, "the driver ended"
        return struct.unpack("<I", data)[0]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    driver = Driver(os.environ["APISEAL_C_DRIVER"])
    yield driver
    driver.process.stdin.close()
    # Leaks and other findings of a sanitizer end in another status.
    assert driver.process.wait(60) == 0


@pytest.fixture(scope="module")
def core() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([os.environ["APISEAL_EXCHANGE"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.stdin.close()
    assert process.wait(60) == 0


def ask_core(core: subprocess.Popen, request: dict) -> dict:
    core.stdin.write(json.dumps(request) + "\n")
    core.stdin.flush()
    return json.loads(core.stdout.readline())


def pairs(items: list) -> list[object]:
    return [len(items), *(text for pair in items for text in pair)]


def key(entry: dict, kind: str = "root") -> list[object]:
    scope = list(entry.get("scope", {}).items())
    profiles = entry.get("profiles", [])
    assert len(profiles) < 2
    return [
        kind,
        entry["kid"],
        entry.get("purpose", "seal"),
        entry["suite"],
        bytes.fromhex(entry["secret"]),
        entry.get("state", ""),
        int(entry.get("primary", False)),
        entry.get("principal") or "",
        entry.get("direction", ""),
        "".join(profiles),
        *pairs(scope),
    ]


def ring(entries: list[dict], kind: str = "root") -> list[object]:
    return [len(entries), *(word for entry in entries for word in key(entry, kind))]


def message(own: dict) -> list[object]:
    lines = [own.get("headers", []), own.get("trailers", [])]
    return [
        own.get("status", 0),
        int(own.get("http2", False)),
        own.get("method", ""),
        own.get("scheme", ""),
        own.get("authority", ""),
        own.get("target", ""),
        *(word for some in lines for word in [len(some), *(content(text) for pair in some for text in pair)]),
        content(own["body"]),
    ]


def content(text: object) -> bytes:
    """Bytes that are no text stand as their base64."""
    return base64.b64decode(text["base64"]) if isinstance(text, dict) else str(text).encode()


def compact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("case", load("fields.json")["cases"], ids=lambda case: case["name"])
def test_field_vectors(driver: Driver, case: dict) -> None:
    context = list(case["context"].items())
    words = [case.get("now", 0), compact(case["policy"]), *pairs(context)]
    opened = driver.ask("decrypt", *words, case["encrypted"], *ring(case["keys"]))
    assert opened == [case["document"].encode()]
    sealed = driver.ask("encrypt", *words, case["document"], *ring(case["keys"]))[0]
    assert sealed != case["encrypted"].encode()
    assert driver.ask("decrypt", *words, sealed, *ring(case["keys"])) == [case["document"].encode()]


def test_negative_vectors(driver: Driver) -> None:
    cases = load("negative.json")["cases"]
    for case in cases:
        document = case["document"]
        data = document["text"].encode() if "text" in document else base64.b64decode(document["base64"])
        words = [case["operation"], case["now"], case["policy"], *pairs(case["context"]), data, *ring(case["keys"])]
        expected = case["expected"]
        if "code" in expected:
            with pytest.raises(Refused) as refused:
                driver.ask(*words)
            assert refused.value.code == expected["code"], (case["case"], case["what"], str(refused.value))
        else:
            out = driver.ask(*words)[0]
            if case["operation"] == "decrypt" and isinstance(expected.get("ok"), str):
                assert out == expected["ok"].encode(), case["what"]
    assert len(cases) > 200


def test_jsonpath_vectors(driver: Driver) -> None:
    ran = 0
    for case in load("jsonpath.json")["tests"]:
        if case.get("invalid_selector"):
            with pytest.raises(Refused) as refused:
                driver.ask("locate", "{}", case["selector"])
            assert refused.value.code == 101, case["name"]
            continue
        document = case["document_text"] if "document_text" in case else json.dumps(case["document"], ensure_ascii=False)
        found = driver.ask("locate", document, case["selector"])
        paths = [path.decode() for path in found[0::3]]
        assert sorted(paths) == sorted(case["result_paths"]), case["name"]
        data = document.encode()
        texts = [data[int(start) : int(end)].decode() for start, end in zip(found[1::3], found[2::3])]
        if "result_texts" in case:
            assert sorted(texts) == sorted(case["result_texts"]), case["name"]
        ran += 1
    assert ran > 100


def test_keyring_vectors(driver: Driver, core: subprocess.Popen) -> None:
    vectors = load("keyring.json")
    for case in vectors["cases"]:
        passphrase = case.get("passphrase", "")
        wrapping_key = bytes.fromhex(case.get("wrapping_key", ""))
        keys = driver.ask("keyring_open", case["file"], vectors["ring"], passphrase, wrapping_key)
        assert keys == [b"k1", b"seal", b"aes-256-gcm", b"active"]
        with pytest.raises(Refused) as refused:
            driver.ask("keyring_open", case["file"], "other", passphrase, wrapping_key)
        assert refused.value.code == 406
    # What C seals the core opens.
    secret = "11" * 32
    entry = {"kid": "c1", "suite": "chacha20-poly1305", "secret": "22" * 32, "primary": True}
    sealed = driver.ask("keyring_seal", "exchange", "", bytes.fromhex(secret), *ring([entry]))[0]
    opened = ask_core(core, {"op": "keyring_open", "file": sealed.decode(), "ring": "exchange", "wrapping_key": secret})
    assert [own["secret"] for own in opened["ok"]["keys"]] == ["22" * 32]


def test_documents_go_from_rust_to_c_and_back(driver: Driver, core: subprocess.Popen) -> None:
    for case in load("fields.json")["cases"]:
        context = list(case["context"].items())
        words = [case.get("now", 0), compact(case["policy"]), *pairs(context)]
        policy = case["policy"] if isinstance(case["policy"], dict) else json.loads(case["policy"])
        request = {"policy": policy, "context": case["context"], "now": 0, "keys": case["keys"]}
        clear = base64.b64encode(case["document"].encode()).decode()
        by_rust = base64.b64decode(ask_core(core, request | {"op": "encrypt", "document": clear})["ok"])
        assert driver.ask("decrypt", *words, by_rust, *ring(case["keys"])) == [case["document"].encode()]
        by_c = driver.ask("encrypt", *words, case["document"], *ring(case["keys"]))[0]
        sealed = base64.b64encode(by_c).decode()
        assert ask_core(core, request | {"op": "decrypt", "document": sealed})["ok"] == clear


def signing_keys(vectors: dict, case: dict) -> list[object]:
    profile = json.loads(case["profile"])["id"] if case["profile"] else "apiseal-v1"
    directions = {"client": "req", "service": "res"}
    entries = [
        {"kid": kid, "suite": case["suite"], "secret": secret, "direction": directions[kid], "profiles": [profile]}
        for kid, secret in vectors["keys"].items()
    ]
    return ring(entries, "raw")


def test_signed_messages(driver: Driver) -> None:
    vectors = load("signing/messages.json")
    for case in vectors["cases"]:
        keys = signing_keys(vectors, case)
        words = [vectors["now"], case["profile"] or ""]
        if "message" in case:
            signed = case["message"] | {"headers": case["message"]["headers"] + case["signed"]["adds"]}
            verdict = driver.ask("verify", *words, *message(signed), *keys)
            assert verdict[:3] == [b"client", b"", case["signed"]["base"].encode()], case["what"]
            # What C signs, C verifies.
            label = case["signed"]["adds"][-1][1].split("=")[0]
            adds = driver.ask("sign", *words, "client", label, *message(case["message"]), *keys)
            lines = [[name.decode(), value.decode()] for name, value in zip(adds[0::2], adds[1::2])]
            again = case["message"] | {"headers": case["message"]["headers"] + lines}
            assert driver.ask("verify", *words, *message(again), *keys)[0] == b"client"
            # Only a profile without a nonce gives the same signature again.
            assert (lines == case["signed"]["adds"]) == ("nonce" not in (case["profile"] or "nonce")), case["what"]
        else:
            response = case["response"]
            signed = response | {"headers": response["headers"] + case["signed"]["adds"]}
            request = message(case["request"])
            verdict = driver.ask("verify_response", *words, *request, *message(signed), *keys)
            assert verdict[0] == b"service" and verdict[2] == case["signed"]["base"].encode(), case["what"]
            # The nonce is that of the request: the same bytes come out.
            adds = driver.ask("sign_response", *words, *request, *message(response), *keys)
            assert [[n.decode(), v.decode()] for n, v in zip(adds[0::2], adds[1::2])] == case["signed"]["adds"]
            changed = signed | {"status": response["status"] + 1}
            with pytest.raises(Refused) as refused:
                driver.ask("verify_response", *words, *request, *message(changed), *keys)
            assert refused.value.code == 611


def test_negative_messages(driver: Driver) -> None:
    vectors = load("signing/negative.json")
    keys = ring(vectors["keys"], "raw")
    for case in vectors["cases"]:
        words = [vectors["now"], "", *message(case["message"]), *keys]
        code = case["expected"].get("code")
        try:
            driver.ask("verify", *words)
        except Refused as refused:
            assert refused.code == code, (case["case"], case["what"], str(refused))
        else:
            assert code is None, (case["case"], case["what"])
    assert len(vectors["cases"]) > 190
