"""Django: encrypted model fields, their rotation, and middleware that verifies requests and signs responses.

Settings: the dict `APISEAL`, described in `apiseal.django.conf`.
"""

from __future__ import annotations

try:
    import django as _django
except ImportError as error:
    raise ImportError('apiseal.django needs the package django: pip install "apiseal[django]"') from error

if _django.VERSION < (5, 2):
    raise ImportError("apiseal.django needs Django 5.2 or newer")

from apiseal.django.fields import EncryptedJSONField, EncryptedTextField, SealedValue
from apiseal.django.middleware import Sealed, SealedRequest, SealMiddleware, sealed
from apiseal.django.rotation import Progress, census, reencrypt

__all__ = [
    "EncryptedJSONField",
    "EncryptedTextField",
    "Progress",
    "SealMiddleware",
    "Sealed",
    "SealedRequest",
    "SealedValue",
    "census",
    "reencrypt",
    "sealed",
]
