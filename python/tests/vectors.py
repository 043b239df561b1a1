"""The vectors that all languages share, as calls of this package."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import apiseal

FOLDER = Path(__file__).parents[2] / "tests" / "vectors"


def load(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def field_keyring(entries: list[dict]) -> apiseal.Keyring:
    """Keys whose secrets come in clear."""
    keys = []
    for entry in entries:
        make = apiseal.Key.hazmat_from_secret
        key = make(
            entry["kid"], bytes.fromhex(entry["secret"]), purpose=entry.get("purpose", "seal"), suite=entry["suite"]
        )
        keys.append(key.replace(state=entry.get("state", "active"), scope=entry.get("scope", {})))
    return apiseal.Keyring(keys, primary=[entry["kid"] for entry in entries if entry.get("primary")])


def signing_key(kid: str, suite: str, secret: str, **more: Any) -> apiseal.Key:
    """A key as a partner gave it."""
    return apiseal.Key.raw(kid, suite, bytes.fromhex(secret)).replace(**more)


def content(text: object) -> bytes:
    """Bytes that are no text stand as their base64."""
    return base64.b64decode(text["base64"]) if isinstance(text, dict) else str(text).encode()


def lines(own: list) -> list[tuple[bytes, bytes]]:
    return [(content(name), content(value)) for name, value in own]


def request(own: dict) -> dict[str, Any]:
    """The arguments of a call for a request."""
    return {
        "method": own["method"],
        "url": own["target"],
        "headers": lines(own["headers"]),
        "body": content(own["body"]),
        "scheme": own["scheme"],
        "authority": own["authority"],
        "http2": own.get("http2", False),
        "trailers": lines(own.get("trailers", [])),
    }


def response(own: dict) -> dict[str, Any]:
    """The arguments of a call for a response."""
    return {"status": own["status"], "headers": lines(own["headers"]), "body": content(own["body"])}
