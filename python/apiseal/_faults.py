"""Errors that adapters raise themselves, with the codes of the core."""

from __future__ import annotations

from typing import TypeVar

from apiseal.errors import ApisealError, ArgumentError, ContextError, DigestError, DocumentError, NotEncryptedError

__all__ = ["argument", "no_context", "not_encrypted", "unbound", "unproved", "wrong_type"]

_Error = TypeVar("_Error", bound=ApisealError)


def argument(text: str) -> ArgumentError:
    """Code 100: an argument, setting or declaration is wrong."""
    return _coded(ArgumentError(text), 100, "InvalidArgument")


def no_context(text: str) -> ContextError:
    """Code 200: nobody stated what the encryption belongs to."""
    return _coded(ContextError(text), 200, "ContextMissing")


def not_encrypted(text: str) -> NotEncryptedError:
    """Code 213: a clear value stands where an encrypted one must be."""
    return _coded(NotEncryptedError(text), 213, "NotEncrypted")


def unbound(text: str) -> ApisealError:
    """Code 100, and no ValueError: Pydantic would wrap that, and add the input."""
    return _coded(ApisealError(text), 100, "InvalidArgument")


def unproved() -> DigestError:
    """Code 612: a profile that demands no digest let content through that anybody could have changed."""
    text = "the content has no covered digest, and nobody vouches for it: let the profile demand `content-digest`"
    error = _coded(DigestError(f"{text} [612]"), 612, "DigestMissing")
    error.http_status = 401
    return error


def wrong_type(text: str) -> DocumentError:
    """Code 300: what was decrypted is authentic, and not what the program expects there."""
    return _coded(DocumentError(text), 300, "MalformedJson")


def _coded(error: _Error, code: int, name: str) -> _Error:
    error.code, error.name = code, name
    return error
