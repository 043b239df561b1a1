"""The setting `APISEAL`: a dict, whose members are objects, functions that give one, or dotted paths of either.

| member | for | value |
|---|---|---|
| `KEYRING` | fields | a `Keyring`; `ring.replace(other)` rotates it while the service runs |
| `CONTEXT` | fields | what encryptions belong to: a mapping, or a function that is asked each time |
| `VERIFIER` | middleware | a `Verifier` or `AsyncVerifier` |
| `SIGNER` | middleware | a `Signer`: responses to verified requests are signed |
| `REQUESTS` | middleware | a dict from path to `FieldCipher`: JSON content sent there, or below, is decrypted |
| `RESPONSES` | middleware | the same for what is answered with a status of 200 to 399: it is encrypted |
| `ERRORS` | middleware | on these paths: `"withhold"` (default) leaves out the content of answers of 400 and more, `"clear"` sends it |
| `MESSAGE_CONTEXT` | middleware | with these two: function from the `Proof` of a request to the context of a document |
| `SCHEME` | middleware | the scheme that clients use; default `https` |
| `MAX_BODY` | middleware | bytes of content that are read at most; default 1 MiB |
| `EXEMPT` | middleware | paths that need no signature; default none |
| `MOUNT` | middleware | under WSGI, the path that the application is mounted at; default `FORCE_SCRIPT_NAME` or none |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

import apiseal

__all__ = ["context", "keyring", "made", "member", "value"]

_NAMES = frozenset(
    [
        "KEYRING",
        "CONTEXT",
        "VERIFIER",
        "SIGNER",
        "REQUESTS",
        "RESPONSES",
        "ERRORS",
        "MESSAGE_CONTEXT",
        "SCHEME",
        "MAX_BODY",
        "EXEMPT",
        "MOUNT",
    ]
)
_IMPORTED = frozenset({"KEYRING", "CONTEXT", "VERIFIER", "SIGNER", "MESSAGE_CONTEXT"})
_made: dict[str, Any] = {}


def value(name: str, default: Any = None) -> Any:
    """A member as it stands there; where an object or function is meant, a dotted path is imported."""
    all_of_it = getattr(settings, "APISEAL", {})
    if unknown := set(all_of_it) - _NAMES:
        raise ImproperlyConfigured(f"APISEAL has the unknown members {', '.join(sorted(unknown))}")
    found = all_of_it.get(name, default)
    return import_string(found) if isinstance(found, str) and name in _IMPORTED else found


def member(name: str, *kinds: type) -> Any:
    """An object of one of these classes, made once; None if the member is not there."""
    if name not in _made:
        found = value(name)
        _made[name] = None if found is None else made(f"APISEAL['{name}']", found, *kinds)
    return _made[name]


def made(name: str, found: Any, *kinds: type) -> Any:
    """An object of one of these classes, from itself, a function that gives one, or a dotted path."""
    found = import_string(found) if isinstance(found, str) else found
    if callable(found) and not isinstance(found, kinds):
        found = found()
    if not isinstance(found, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ImproperlyConfigured(f"{name} is {names}, a function that gives one, or its dotted path")
    return found


def keyring() -> apiseal.Keyring:
    """The keys of fields."""
    ring: apiseal.Keyring | None = member("KEYRING", apiseal.Keyring)
    if ring is None:
        raise ImproperlyConfigured("encrypted fields need APISEAL['KEYRING']")
    return ring


def context() -> Mapping[str, str] | apiseal.Context:
    """What encryptions of fields belong to."""
    stated: Any = value("CONTEXT")
    if callable(stated):
        stated = stated()
    if stated is None:
        raise ImproperlyConfigured(
            "encrypted fields need APISEAL['CONTEXT'], at least {'purpose': …}, or one of their own"
        )
    return stated  # type: ignore[no-any-return]


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "APISEAL":
        _made.clear()


setting_changed.connect(_forget)
