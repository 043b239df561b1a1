"""apiseal encrypts chosen fields of JSON documents and signs HTTP requests (RFC 9421).

>>> import apiseal
>>> keyring = apiseal.Keyring.generate()
>>> policy = {"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}
>>> cipher = apiseal.FieldCipher(keyring, policy)
>>> context = {"purpose": "orders", "tenant": "acme"}
>>> sealed = cipher.encrypt(b'{"id": 7, "card": "4111111111111111", "total": 1.10}', context=context)
>>> cipher.decrypt(sealed, context=context)
b'{"id": 7, "card": "4111111111111111", "total": 1.10}'
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module

if "free-threading" in _sys.version:  # `sysconfig` would tell as well; it takes longer to load than this package
    raise ImportError(
        "apiseal does not support free-threaded Python yet: its wheels use the stable ABI, which such builds do not have. "
        "Use a standard build of Python 3.10 or newer."
    )

if _sys.version_info < (3, 12):  # newer ones refuse by themselves
    try:
        _interpreters = _import_module("_xxsubinterpreters")
    except ImportError:
        pass
    else:
        if _interpreters.get_current() != _interpreters.get_main():
            raise ImportError(
                "apiseal does not support subinterpreters, whose modules would share objects. "
                "Under mod_wsgi set `WSGIApplicationGroup %{GLOBAL}`."
            )

from apiseal._core import (
    Accepted,
    Acceptor,
    Context,
    FieldCipher,
    Key,
    Keyring,
    Limits,
    Lines,
    MemoryReplay,
    NoReplayCheck,
    Pending,
    PendingAcceptance,
    Policy,
    Profile,
    Proof,
    Protected,
    Protector,
    Redactor,
    Reencryption,
    Signed,
    Signer,
    Spool,
    ValueCipher,
    Verified,
    Verifier,
    __version__,
    inspect,
    locate,
    max_token_len,
    new_kid,
    token_len,
)
from apiseal.aio import AsyncAcceptor, AsyncVerifier
from apiseal.errors import (
    AlreadyEncryptedError,
    ApisealError,
    ArgumentError,
    ContextError,
    DigestError,
    DocumentError,
    InternalError,
    InvalidSignatureError,
    KeyringError,
    KeyStateError,
    LimitError,
    NoMatchError,
    NotCoveredError,
    NotEncryptedError,
    PolicyError,
    ProfileError,
    RejectedError,
    ReplayedError,
    ReplayStoreError,
    SignatureError,
    SignatureExpiredError,
    SignatureMissingError,
    TokenError,
    UnknownKeyError,
)
from apiseal.records import (
    AsyncReplayStore,
    Change,
    Claim,
    Diagnosis,
    Event,
    Explanation,
    Finding,
    Lenient,
    LenientPosition,
    Lint,
    Location,
    Migrated,
    Outcome,
    Partial,
    Reencrypted,
    ReplayStore,
    RuleReport,
    Sighting,
)

__all__ = [
    "Accepted",
    "Acceptor",
    "AlreadyEncryptedError",
    "ApisealError",
    "ArgumentError",
    "AsyncAcceptor",
    "AsyncReplayStore",
    "AsyncVerifier",
    "Change",
    "Claim",
    "Context",
    "ContextError",
    "Diagnosis",
    "DigestError",
    "DocumentError",
    "Event",
    "Explanation",
    "FieldCipher",
    "Finding",
    "InternalError",
    "InvalidSignatureError",
    "Key",
    "KeyStateError",
    "Keyring",
    "KeyringError",
    "Lenient",
    "LenientPosition",
    "LimitError",
    "Limits",
    "Lines",
    "Lint",
    "Location",
    "MemoryReplay",
    "Migrated",
    "NoMatchError",
    "NoReplayCheck",
    "NotCoveredError",
    "NotEncryptedError",
    "Outcome",
    "Partial",
    "Pending",
    "PendingAcceptance",
    "Policy",
    "PolicyError",
    "Profile",
    "ProfileError",
    "Proof",
    "Protected",
    "Protector",
    "Redactor",
    "Reencrypted",
    "Reencryption",
    "RejectedError",
    "ReplayStore",
    "ReplayStoreError",
    "ReplayedError",
    "RuleReport",
    "Sighting",
    "SignatureError",
    "SignatureExpiredError",
    "SignatureMissingError",
    "Signed",
    "Signer",
    "Spool",
    "TokenError",
    "UnknownKeyError",
    "ValueCipher",
    "Verified",
    "Verifier",
    "__version__",
    "inspect",
    "locate",
    "max_token_len",
    "new_kid",
    "token_len",
]
