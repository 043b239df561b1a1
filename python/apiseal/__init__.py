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

if "free-threading" in _sys.version:  # `sysconfig` would tell as well; it takes longer to load than this package
    raise ImportError(
        "apiseal does not support free-threaded Python yet: its wheels use the stable ABI, which such builds do not have. "
        "Use a standard build of Python 3.10 or newer."
    )

if _sys.version_info < (3, 12):  # newer ones refuse by themselves
    try:
        import _xxsubinterpreters as _interpreters
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
from apiseal.errors import *  # noqa: F403 - every class of it is public
from apiseal.errors import __all__ as _errors
from apiseal.records import *  # noqa: F403
from apiseal.records import __all__ as _records

__all__ = [
    "Accepted",
    "Acceptor",
    "AsyncAcceptor",
    "AsyncVerifier",
    "Context",
    "FieldCipher",
    "Key",
    "Keyring",
    "Limits",
    "Lines",
    "MemoryReplay",
    "NoReplayCheck",
    "Pending",
    "PendingAcceptance",
    "Policy",
    "Profile",
    "Proof",
    "Protected",
    "Protector",
    "Redactor",
    "Reencryption",
    "Signed",
    "Signer",
    "Spool",
    "ValueCipher",
    "Verified",
    "Verifier",
    "__version__",
    "inspect",
    "locate",
    "max_token_len",
    "new_kid",
    "token_len",
    *_errors,
    *_records,
]
