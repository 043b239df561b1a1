"""A second, independent reader and writer of apiseal encrypted fields, written from docs/format.md alone.

This is a test oracle: slow, plain, without any care for secrets in memory or for timing. It is not for use.
"""

from .cipher import decrypt, encrypt
from .crypto import Refused
from .keyring import Key, Ring, open_keyring, seal_keyring
from .policy import Policy, load_policy

__all__ = ["Key", "Policy", "Refused", "Ring", "decrypt", "encrypt", "load_policy", "open_keyring", "seal_keyring"]
