"""Exceptions, one class for each kind of failure; `code` tells more.

Codes and what they mean stand in `docs/errors.md` and are for ever. No exception holds data of a document beyond member
names, nor a secret.
"""

from __future__ import annotations

__all__ = [
    "AlreadyEncryptedError",
    "ApisealError",
    "ArgumentError",
    "ContextError",
    "DigestError",
    "DocumentError",
    "InternalError",
    "InvalidSignatureError",
    "KeyStateError",
    "KeyringError",
    "LimitError",
    "NoMatchError",
    "NotCoveredError",
    "NotEncryptedError",
    "PolicyError",
    "ProfileError",
    "RejectedError",
    "ReplayStoreError",
    "ReplayedError",
    "SignatureError",
    "SignatureExpiredError",
    "SignatureMissingError",
    "TokenError",
    "UnknownKeyError",
]


class ApisealError(Exception):
    """What every failure of this package has in common."""

    code: int = 901
    """The stable number, as in `docs/errors.md`."""
    name: str = "Internal"
    """The name of the code."""
    detail: str | None = None
    """What to change, where the sentence of the code is too general."""
    path: str | None = None
    """Normalized path of the value concerned (RFC 9535, section 2.7)."""
    offset: int | None = None
    """Byte offset into the text that was given."""
    key_id: str | None = None
    """Id of the key concerned."""
    http_status: int = 500
    """What to answer a peer whose message was refused: 401, 503 or 500, and nothing more."""
    line: int | None = None
    """Number of the line in NDJSON, from 1."""


class ArgumentError(ApisealError, ValueError):
    """An argument is out of its range (100-109)."""


class ContextError(ApisealError):
    """The context is missing, malformed, or outside the key's scope (200-209)."""


class PolicyError(ApisealError):
    """The policy is wrong, or the document does not fit it (210-229)."""


class NoMatchError(PolicyError):
    """A required rule matched nothing, or another number of values than it states (211, 212)."""


class NotEncryptedError(PolicyError):
    """A clear value stands where an encrypted one must be (213)."""


class AlreadyEncryptedError(PolicyError):
    """A value to be encrypted begins like an encrypted one (214)."""


class DocumentError(ApisealError):
    """The document is malformed or too large (300-319, 500)."""


class LimitError(DocumentError):
    """The document exceeds a limit (310-319)."""


class TokenError(DocumentError):
    """An encrypted value is malformed (500)."""


class KeyringError(ApisealError):
    """The keyring or one of its keys is wrong (400-419)."""


class UnknownKeyError(KeyringError):
    """The key is not in the keyring (401)."""


class KeyStateError(KeyringError):
    """State or validity of the key does not allow this (402)."""


class RejectedError(ApisealError):
    """Wrong key, context, place or bound value, or altered: nothing more is told (501)."""


class SignatureError(ApisealError):
    """A message does not verify, or cannot be signed (600-629). Answer a peer with `http_status` and nothing more."""


class SignatureMissingError(SignatureError):
    """There is no signature that fits the profile (600)."""


class NotCoveredError(SignatureError):
    """A required component is not covered (603)."""


class SignatureExpiredError(SignatureError):
    """The signature has expired, or was made in the future (608, 609)."""


class InvalidSignatureError(SignatureError):
    """The signature does not hold (611)."""


class DigestError(SignatureError):
    """The content has no covered digest, or another one (612-614)."""


class ReplayedError(SignatureError):
    """The message was accepted before (615)."""


class ReplayStoreError(SignatureError):
    """The replay store is full or cannot answer (616, 617): answer 503."""


class ProfileError(SignatureError):
    """The signing profile is not valid (620)."""


class InternalError(ApisealError):
    """The random source failed, or a fault of this package (900, 901)."""


_BY_CODE: dict[int, type[ApisealError]] = {
    211: NoMatchError,
    212: NoMatchError,
    213: NotEncryptedError,
    214: AlreadyEncryptedError,
    401: UnknownKeyError,
    402: KeyStateError,
    500: TokenError,
    501: RejectedError,
    600: SignatureMissingError,
    603: NotCoveredError,
    608: SignatureExpiredError,
    609: SignatureExpiredError,
    611: InvalidSignatureError,
    612: DigestError,
    613: DigestError,
    614: DigestError,
    615: ReplayedError,
    616: ReplayStoreError,
    617: ReplayStoreError,
    620: ProfileError,
}

_BY_RANGE: list[tuple[int, int, type[ApisealError]]] = [
    (100, 109, ArgumentError),
    (200, 209, ContextError),
    (210, 229, PolicyError),
    (310, 319, LimitError),
    (300, 319, DocumentError),
    (400, 419, KeyringError),
    (600, 629, SignatureError),
]


def _class_of(code: int) -> type[ApisealError]:
    own = _BY_CODE.get(code)
    if own is not None:
        return own
    return next((kind for first, last, kind in _BY_RANGE if first <= code <= last), InternalError)


def _of_core(text: str, **members: object) -> ApisealError:
    """The exception of an error of the core."""
    code = members["code"]
    assert isinstance(code, int)
    error = _class_of(code)(text)
    error.__dict__.update(members)
    return error
