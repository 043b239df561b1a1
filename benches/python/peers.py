"""What one would write without the library: a tree of the document, a walk to each value, a cipher from a package.

Each has `encrypt(document) -> bytes` and `decrypt(document) -> bytes`. They give less than the library: numbers are respelled,
white space is lost, duplicate names pass, nothing commits to the key, and what a path does not match stays in clear.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT_KEY = bytes([0x42]) * 32

Place = tuple[Any, str | int, str]
"""The container of a value, its name or index there, and its path, which its ciphertext is bound to."""
Find = Callable[[Any], Iterator[Place]]


class Tree:
    """Finds values in a tree, and puts others in their place."""

    def __init__(self, finds: list[Find]) -> None:
        self.finds = finds

    def replaced(self, document: bytes, replace: Callable[[Any, bytes], Any]) -> bytes:
        tree = orjson.loads(document)
        for find in self.finds:
            for holder, step, path in list(find(tree)):
                holder[step] = replace(holder[step], path.encode())
        return orjson.dumps(tree)


class ByHand(Tree):
    """AES-256-GCM by `cryptography`, under a key for each document or for each value; its salt stands in front of each value."""

    def __init__(self, finds: list[Find], key_for: str = "document") -> None:
        super().__init__(finds)
        self.key_for = key_for

    def encrypt(self, document: bytes) -> bytes:
        salt, cipher = self.fresh()

        def seal(value: Any, path: bytes) -> str:
            own_salt, own = (salt, cipher) if self.key_for == "document" else self.fresh()
            nonce = os.urandom(12)
            return base64.urlsafe_b64encode(own_salt + nonce + own.encrypt(nonce, orjson.dumps(value), path)).decode()

        return self.replaced(document, seal)

    def fresh(self) -> tuple[bytes, AESGCM]:
        salt = os.urandom(16)
        return salt, AESGCM(derived(salt))

    def decrypt(self, document: bytes) -> bytes:
        ciphers: dict[bytes, AESGCM] = {}

        def open_value(text: str, path: bytes) -> Any:
            data = base64.urlsafe_b64decode(text)
            salt = data[:16]
            cipher = ciphers.get(salt) or ciphers.setdefault(salt, AESGCM(derived(salt)))
            return orjson.loads(cipher.decrypt(data[16:28], data[28:], path))

        return self.replaced(document, open_value)


def derived(salt: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"naive").derive(ROOT_KEY)


class Tink(Tree):
    """An AEAD of Tink, under one key for all documents."""

    def __init__(self, finds: list[Find]) -> None:
        import tink
        from tink import aead

        super().__init__(finds)
        aead.register()
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        self.aead = handle.primitive(aead.Aead)

    def encrypt(self, document: bytes) -> bytes:
        return self.replaced(
            document,
            lambda value, path: base64.urlsafe_b64encode(self.aead.encrypt(orjson.dumps(value), path)).decode(),
        )

    def decrypt(self, document: bytes) -> bytes:
        return self.replaced(
            document, lambda text, path: orjson.loads(self.aead.decrypt(base64.urlsafe_b64decode(text), path))
        )


class Aws(Tree):
    """The AWS Encryption SDK with a raw key, key commitment and no signature; the path is its encryption context."""

    def __init__(self, finds: list[Find]) -> None:
        import aws_encryption_sdk as sdk
        from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
        from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
        from aws_encryption_sdk.key_providers.raw import RawMasterKey

        super().__init__(finds)
        wrapping = WrappingKey(
            WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, ROOT_KEY, EncryptionKeyType.SYMMETRIC
        )
        self.key = RawMasterKey(provider_id="bench", key_id="k1", wrapping_key=wrapping)
        self.client = sdk.EncryptionSDKClient()
        self.algorithm = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY

    def encrypt(self, document: bytes) -> bytes:
        def seal(value: Any, path: bytes) -> str:
            message, _ = self.client.encrypt(
                source=orjson.dumps(value),
                key_provider=self.key,
                algorithm=self.algorithm,
                encryption_context={"path": path.decode()},
            )
            return base64.urlsafe_b64encode(message).decode()

        return self.replaced(document, seal)

    def decrypt(self, document: bytes) -> bytes:
        def open_value(text: str, path: bytes) -> Any:
            value, header = self.client.decrypt(source=base64.urlsafe_b64decode(text), key_provider=self.key)
            assert header.encryption_context["path"] == path.decode()
            return orjson.loads(value)

        return self.replaced(document, open_value)


def walker(path: str) -> Find:
    """A hand-written walk for paths of names and `[*]`."""
    steps = path.removeprefix("$.").replace("[*]", ".*").split(".")

    def find(node: Any, at: int = 0, place: str = "") -> Iterator[Place]:
        step = steps[at]
        if step == "*":
            for number, item in enumerate(node):
                yield from find(item, at + 1, f"{place}/{number}")
        elif at == len(steps) - 1:
            yield node, step, f"{place}/{step}"
        else:
            yield from find(node[step], at + 1, f"{place}/{step}")

    return find


def python_jsonpath(path: str) -> Find:
    import jsonpath

    query = jsonpath.compile(path)

    def find(tree: Any) -> Iterator[Place]:
        for match in query.finditer(tree):
            assert match.parent
            yield match.parent.obj, match.parts[-1], match.path

    return find


def jsonpath_rfc9535(path: str) -> Find:
    import jsonpath_rfc9535 as jsonpath

    query = jsonpath.compile(path)

    def find(tree: Any) -> Iterator[Place]:
        for node in query.finditer(tree):
            holder = tree
            for step in node.location[:-1]:
                holder = holder[step]
            yield holder, node.location[-1], node.path()

    return find


def jsonpath_ng(path: str) -> Find:
    import jsonpath_ng

    query = jsonpath_ng.parse(path)

    def find(tree: Any) -> Iterator[Place]:
        for match in query.find(tree):
            yield match.context.value, match.path.fields[0], str(match.full_path)

    return find


FINDERS: dict[str, Callable[[str], Find]] = {
    "python-jsonpath": python_jsonpath,
    "jsonpath-rfc9535": jsonpath_rfc9535,
    "jsonpath-ng": jsonpath_ng,
}
